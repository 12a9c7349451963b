import type {
  GetRecordsCommandInput,
  GetRecordsCommandOutput,
  GetShardIteratorCommandInput,
  GetShardIteratorCommandOutput,
  PutRecordCommandInput,
  PutRecordCommandOutput,
  PutRecordsCommandInput,
  PutRecordsCommandOutput,
} from "@aws-sdk/client-kinesis";
import { AwsError, type Kernel } from "../../kernel";
import { assertFresh, decodeIterator, encodeIterator } from "./iterators";
import { ShardLimits } from "./shard-limits";
import { type Stream, type Streams, shardId } from "./streams";

type Plain<T> = Omit<T, "$metadata">;

const maxRequestRecords = 500;
/** Of a `PutRecords` request, and of what `GetRecords` returns at once. */
const maxRequestBytes = 10 * 2 ** 20;
const maxReadRecords = 10_000;
const maxHashKey = 2n ** 128n - 1n;

const exceeded = "ProvisionedThroughputExceededException";

function rateExceeded(stream: Stream, { shard }: Prepared): string {
  return `Rate exceeded for shard ${shardId(shard)} in stream ${stream.definition.name} under account.`;
}

interface Prepared {
  readonly shard: number;
  readonly k: string;
  readonly d: Uint8Array;
}

/** The data plane of Kinesis: put and get. */
export class RecordOperations {
  private readonly limits = new ShardLimits();

  constructor(
    private readonly kernel: Kernel,
    private readonly streams: Streams,
  ) {}

  async putRecord(input: PutRecordCommandInput): Promise<Plain<PutRecordCommandOutput>> {
    const stream = this.streams.require(input);
    const record = prepare(stream, input, "");
    if (!this.takes(stream, record)) throw new AwsError(exceeded, rateExceeded(stream, record));
    const [sequence = ""] = await this.append(stream, [record]);
    return { ShardId: shardId(record.shard), SequenceNumber: sequence, EncryptionType: encryptionOf(stream) };
  }

  async putRecords(input: PutRecordsCommandInput): Promise<Plain<PutRecordsCommandOutput>> {
    const stream = this.streams.require(input);
    const entries = input.Records;
    if (!Array.isArray(entries) || entries.length === 0 || entries.length > maxRequestRecords) {
      throw invalid(
        `Value at 'records' failed to satisfy constraint: Member must have length between 1 and ${maxRequestRecords}`,
      );
    }
    const records = entries.map((entry, index) => prepare(stream, entry, `records.${index + 1}.member.`));
    const bytes = records.reduce((sum, { d, k }) => sum + d.byteLength + Buffer.byteLength(k), 0);
    if (bytes > maxRequestBytes) throw new AwsError("InvalidArgumentException", "Records size exceeds 10 MB limit");
    const taken = this.kernel.faults ? records.filter((record) => this.takes(stream, record)) : records;
    const sequences = taken.length > 0 ? await this.append(stream, taken) : [];
    const sequenceOf = new Map(taken.map((record, index) => [record, sequences[index]]));
    return {
      FailedRecordCount: records.length - taken.length,
      EncryptionType: encryptionOf(stream),
      Records: records.map((record) => {
        const SequenceNumber = sequenceOf.get(record);
        return SequenceNumber === undefined
          ? { ErrorCode: exceeded, ErrorMessage: rateExceeded(stream, record) }
          : { SequenceNumber, ShardId: shardId(record.shard) };
      }),
    };
  }

  getShardIterator(input: GetShardIteratorCommandInput): Plain<GetShardIteratorCommandOutput> {
    const stream = this.streams.require(input);
    const shard = input.ShardId ?? "";
    stream.shardIndex(shard);
    const after = startOf(stream, shard, input);
    return { ShardIterator: encodeIterator({ arn: stream.arn, shard, after, issuedAt: this.kernel.now() }) };
  }

  getRecords(input: GetRecordsCommandInput): Plain<GetRecordsCommandOutput> {
    const position = decodeIterator(input.ShardIterator);
    const stream = this.streams.require({ StreamARN: position.arn });
    const now = this.kernel.now();
    assertFresh(position, now);
    const limit = input.Limit ?? maxReadRecords;
    if (!Number.isInteger(limit) || limit < 1 || limit > maxReadRecords) {
      throw invalid(`Value '${limit}' at 'limit' failed to satisfy constraint: Member must be between 1 and 10000`);
    }
    const records: NonNullable<GetRecordsCommandOutput["Records"]> = [];
    const EncryptionType = encryptionOf(stream);
    let after = position.after;
    let bytes = 0;
    for (const { sequence, value } of stream.log.records(stream.shardIndex(position.shard), after, limit)) {
      bytes += value.d.byteLength;
      if (bytes > maxRequestBytes && records.length > 0) break;
      after = sequence;
      records.push({
        SequenceNumber: sequence,
        ApproximateArrivalTimestamp: new Date(value.t),
        Data: value.d,
        PartitionKey: value.k,
        EncryptionType,
      });
    }
    const next = stream.read(position.shard, after, 1)[0];
    return {
      Records: records,
      NextShardIterator: encodeIterator({ arn: stream.arn, shard: position.shard, after, issuedAt: now }),
      MillisBehindLatest: next ? Math.max(0, now - next.arrivedAt) : 0,
    };
  }

  /** Always, unless faults are asked for: a laptop's stream has no limits. */
  private takes(stream: Stream, { shard, d, k }: Prepared): boolean {
    const { faults } = this.kernel;
    if (!faults) return true;
    if (faults.chance(faults.plan.partial)) return false;
    const bytes = d.byteLength + Buffer.byteLength(k);
    return !faults.plan.shardLimits || this.limits.takes(`${stream.arn}/${shard}`, bytes, this.kernel.now());
  }

  private async append(stream: Stream, records: readonly Prepared[]): Promise<string[]> {
    const sequences = await this.kernel.store.write(() => {
      const t = this.kernel.now();
      return records.map(({ shard, k, d }) => stream.log.append(shard, { k, d, t }));
    });
    this.kernel.wake(stream.arn);
    return sequences;
  }
}

function prepare(
  stream: Stream,
  entry: { Data?: Uint8Array; PartitionKey?: string; ExplicitHashKey?: string },
  path: string,
): Prepared {
  const { Data, PartitionKey, ExplicitHashKey } = entry;
  if (!(Data instanceof Uint8Array))
    throw invalid(`Value null at '${path}data' failed to satisfy constraint: Member must not be null`);
  if (typeof PartitionKey !== "string" || PartitionKey.length < 1 || PartitionKey.length > 256) {
    throw invalid(
      `Value at '${path}partitionKey' failed to satisfy constraint: Member must have length between 1 and 256`,
    );
  }
  const limit = stream.definition.maxRecordKib * 1024;
  if (Data.byteLength + Buffer.byteLength(PartitionKey) > limit) {
    throw invalid(
      `Value at '${path}data' failed to satisfy constraint: Member must have length less than or equal to ${limit}`,
    );
  }
  if (
    ExplicitHashKey !== undefined &&
    !(/^(0|[1-9]\d{0,38})$/.test(ExplicitHashKey) && BigInt(ExplicitHashKey) <= maxHashKey)
  ) {
    throw new AwsError(
      "InvalidArgumentException",
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${ExplicitHashKey}`,
    );
  }
  return { shard: stream.shardOf(PartitionKey, ExplicitHashKey), k: PartitionKey, d: Data };
}

/** Where a new iterator starts (exclusive), by its type. */
function startOf(stream: Stream, shard: string, input: GetShardIteratorCommandInput): string | undefined {
  const sequence = input.StartingSequenceNumber;
  switch (input.ShardIteratorType) {
    case "TRIM_HORIZON":
      return undefined;
    case "LATEST":
      return stream.newest(shard) ?? stream.log.bounds().lowest;
    case "AT_TIMESTAMP": {
      const time = input.Timestamp === undefined ? Number.NaN : new Date(input.Timestamp).getTime();
      if (Number.isNaN(time))
        throw new AwsError(
          "InvalidArgumentException",
          "Must specify timestamp parameter for iterator type AT_TIMESTAMP.",
        );
      return stream.before(shard, time);
    }
    case "AT_SEQUENCE_NUMBER":
    case "AFTER_SEQUENCE_NUMBER":
      if (!sequence || !stream.log.isSequence(sequence)) {
        throw new AwsError(
          "InvalidArgumentException",
          `StartingSequenceNumber ${sequence} used in GetShardIterator on shard ${shard} in stream ${stream.definition.name} under account is invalid.`,
        );
      }
      return input.ShardIteratorType === "AT_SEQUENCE_NUMBER" ? stream.log.preceding(sequence) : sequence;
    default:
      throw invalid(
        `Value '${input.ShardIteratorType}' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]`,
      );
  }
}

function encryptionOf(stream: Stream): "KMS" | "NONE" {
  return stream.definition.keyId === undefined ? "NONE" : "KMS";
}

function invalid(message: string): AwsError {
  return new AwsError("ValidationException", `1 validation error detected: ${message}`);
}
