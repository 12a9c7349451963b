import type {
  AddTagsToStreamCommandInput,
  CreateStreamCommandInput,
  DecreaseStreamRetentionPeriodCommandInput,
  DeleteStreamCommandInput,
  DescribeStreamCommandInput,
  DescribeStreamCommandOutput,
  DescribeStreamSummaryCommandInput,
  DescribeStreamSummaryCommandOutput,
  GetRecordsCommandInput,
  GetShardIteratorCommandInput,
  IncreaseStreamRetentionPeriodCommandInput,
  ListShardsCommandInput,
  ListShardsCommandOutput,
  ListStreamsCommandInput,
  ListStreamsCommandOutput,
  ListTagsForStreamCommandInput,
  ListTagsForStreamCommandOutput,
  PutRecordCommandInput,
  PutRecordsCommandInput,
  RemoveTagsFromStreamCommandInput,
  Shard,
} from "@aws-sdk/client-kinesis";
import { z } from "zod";
import { AwsError, type AwsService, type Kernel, parseInput, type RequiredPermission } from "../../kernel";
import { decodeIterator } from "./iterators";
import { RecordOperations } from "./records";
import { hashStarts, nameOf, onDemandShards, type Stream, Streams, shardId, streamArn } from "./streams";

const streamName = z.string().regex(/^[a-zA-Z0-9_.-]{1,128}$/);
const tags = z.record(z.string().min(1).max(128), z.string().max(256));
const createInput = z.object({
  StreamName: streamName,
  ShardCount: z.number().int().min(1).max(10_000).optional(),
  StreamModeDetails: z.object({ StreamMode: z.enum(["PROVISIONED", "ON_DEMAND"]) }).optional(),
  MaxRecordSizeInKiB: z.number().int().min(1024).max(10_240).optional(),
  Tags: tags.optional(),
});
const retentionInput = z.object({ RetentionPeriodHours: z.number().int().min(24).max(8760) });
const pageInput = z.object({ Limit: z.number().int().min(1).max(10_000).optional() });

/** The Kinesis Data Streams API over the local store. */
export class KinesisService implements AwsService {
  readonly name = "kinesis";
  readonly streams: Streams;
  private readonly records: RecordOperations;

  constructor(private readonly kernel: Kernel) {
    this.streams = new Streams(kernel);
    this.records = new RecordOperations(kernel, this.streams);
  }

  readonly operations = {
    PutRecord: (input: PutRecordCommandInput) => this.records.putRecord(input),
    PutRecords: (input: PutRecordsCommandInput) => this.records.putRecords(input),
    GetShardIterator: (input: GetShardIteratorCommandInput) => this.records.getShardIterator(input),
    GetRecords: (input: GetRecordsCommandInput) => this.records.getRecords(input),

    CreateStream: async (input: CreateStreamCommandInput) => {
      const { StreamName, ShardCount, StreamModeDetails, MaxRecordSizeInKiB, Tags } = parseInput(createInput, input);
      if (this.streams.find(StreamName)) {
        throw new AwsError(
          "ResourceInUseException",
          `Stream ${StreamName} under account ${this.kernel.place.accountId} already exists.`,
        );
      }
      const mode = StreamModeDetails?.StreamMode ?? "PROVISIONED";
      if (mode === "PROVISIONED" && ShardCount === undefined) {
        throw new AwsError("ValidationException", "ShardCount must be given for a stream in PROVISIONED mode.");
      }
      await this.streams.create({
        name: StreamName,
        mode,
        shardCount: mode === "ON_DEMAND" ? onDemandShards : (ShardCount ?? 1),
        retentionHours: 24,
        maxRecordKib: MaxRecordSizeInKiB ?? 1024,
        tags: Tags ?? {},
        createdAt: this.kernel.now(),
      });
      return {};
    },

    DeleteStream: async (input: DeleteStreamCommandInput) => {
      await this.streams.remove(this.streams.require(input));
      return {};
    },

    DescribeStream: (input: DescribeStreamCommandInput): Omit<DescribeStreamCommandOutput, "$metadata"> => {
      const stream = this.streams.require(input);
      return {
        StreamDescription: {
          ...this.describe(stream),
          Shards: shardsOf(stream).filter(({ ShardId = "" }) => ShardId > (input.ExclusiveStartShardId ?? "")),
          HasMoreShards: false,
        },
      };
    },

    DescribeStreamSummary: (
      input: DescribeStreamSummaryCommandInput,
    ): Omit<DescribeStreamSummaryCommandOutput, "$metadata"> => {
      const stream = this.streams.require(input);
      return {
        StreamDescriptionSummary: {
          ...this.describe(stream),
          OpenShardCount: stream.definition.shardCount,
          ConsumerCount: 0,
          MaxRecordSizeInKiB: stream.definition.maxRecordKib,
        },
      };
    },

    ListStreams: (input: ListStreamsCommandInput): Omit<ListStreamsCommandOutput, "$metadata"> => {
      const { Limit = 100 } = parseInput(pageInput, input);
      const from = input.NextToken ?? input.ExclusiveStartStreamName ?? "";
      const rest = this.streams.list().filter(({ definition }) => definition.name > from);
      const page = rest.slice(0, Limit);
      const more = rest.length > page.length;
      return {
        StreamNames: page.map(({ definition }) => definition.name),
        StreamSummaries: page.map((stream) => {
          const { StreamName, StreamARN, StreamStatus, StreamModeDetails, StreamCreationTimestamp } =
            this.describe(stream);
          return { StreamName, StreamARN, StreamStatus, StreamModeDetails, StreamCreationTimestamp };
        }),
        HasMoreStreams: more,
        ...(more ? { NextToken: page.at(-1)?.definition.name } : {}),
      };
    },

    ListShards: (input: ListShardsCommandInput): Omit<ListShardsCommandOutput, "$metadata"> => {
      const { MaxResults = 1000 } = input;
      const [name, from] = input.NextToken ? decodePage(input.NextToken) : [nameOf(input), input.ExclusiveStartShardId];
      const stream = this.streams.require({ StreamName: name });
      const rest = shardsOf(stream).filter(({ ShardId = "" }) => ShardId > (from ?? ""));
      const page = rest.slice(0, MaxResults);
      const last = page.at(-1)?.ShardId;
      return {
        Shards: page,
        ...(rest.length > page.length ? { NextToken: encodePage(stream.definition.name, last ?? "") } : {}),
      };
    },

    IncreaseStreamRetentionPeriod: (input: IncreaseStreamRetentionPeriodCommandInput) => this.retain(input, 1),
    DecreaseStreamRetentionPeriod: (input: DecreaseStreamRetentionPeriodCommandInput) => this.retain(input, -1),

    AddTagsToStream: async (input: AddTagsToStreamCommandInput) => {
      const stream = this.streams.require(input);
      const added = parseInput(tags, input.Tags);
      await this.streams.update(stream, { tags: { ...stream.definition.tags, ...added } });
      return {};
    },

    RemoveTagsFromStream: async (input: RemoveTagsFromStreamCommandInput) => {
      const stream = this.streams.require(input);
      const removed = new Set(parseInput(z.array(z.string()).min(1), input.TagKeys));
      const left = Object.entries(stream.definition.tags).filter(([key]) => !removed.has(key));
      await this.streams.update(stream, { tags: Object.fromEntries(left) });
      return {};
    },

    ListTagsForStream: (input: ListTagsForStreamCommandInput): Omit<ListTagsForStreamCommandOutput, "$metadata"> => {
      const stream = this.streams.require(input);
      return {
        Tags: Object.entries(stream.definition.tags).map(([Key, Value]) => ({ Key, Value })),
        HasMoreTags: false,
      };
    },
  };

  permissions(operation: string, input: never): RequiredPermission[] {
    return [{ action: `kinesis:${operation}`, resource: this.resourceOf(operation, input) }];
  }

  private resourceOf(
    operation: string,
    input: { StreamName?: string; StreamARN?: string; ShardIterator?: string; NextToken?: string },
  ): string {
    if (operation === "ListStreams") return "*";
    if (operation === "GetRecords") return decodeIterator(input.ShardIterator).arn;
    const name = operation === "ListShards" && input.NextToken ? decodePage(input.NextToken)[0] : input.StreamName;
    return input.StreamARN ?? (name ? streamArn(this.kernel, name) : "*");
  }

  private async retain(input: { StreamName?: string; StreamARN?: string }, direction: 1 | -1) {
    const stream = this.streams.require(input);
    const { RetentionPeriodHours } = parseInput(retentionInput, input, "InvalidArgumentException");
    const current = stream.definition.retentionHours;
    if (Math.sign(RetentionPeriodHours - current) === -direction) {
      const relation = direction > 0 ? "shorter" : "longer";
      throw new AwsError(
        "InvalidArgumentException",
        `Requested retention period (${RetentionPeriodHours} hours) for stream ${stream.definition.name} can not be ${relation} than existing retention period (${current} hours).`,
      );
    }
    await this.streams.update(stream, { retentionHours: RetentionPeriodHours });
    return {};
  }

  private describe(stream: Stream) {
    const { name, mode, retentionHours, keyId, createdAt } = stream.definition;
    return {
      StreamName: name,
      StreamARN: stream.arn,
      StreamStatus: "ACTIVE" as const,
      StreamModeDetails: { StreamMode: mode },
      RetentionPeriodHours: retentionHours,
      StreamCreationTimestamp: new Date(createdAt),
      EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
      EncryptionType: keyId === undefined ? ("NONE" as const) : ("KMS" as const),
      ...(keyId === undefined ? {} : { KeyId: keyId }),
    };
  }
}

function shardsOf(stream: Stream): Shard[] {
  const starts = hashStarts(stream.definition.shardCount);
  return starts.map((start, index) => ({
    ShardId: shardId(index),
    HashKeyRange: {
      StartingHashKey: String(start),
      EndingHashKey: String((starts[index + 1] ?? 2n ** 128n) - 1n),
    },
    SequenceNumberRange: { StartingSequenceNumber: stream.log.bounds().lowest },
  }));
}

function encodePage(name: string, shard: string): string {
  return Buffer.from(JSON.stringify([name, shard])).toString("base64");
}

function decodePage(token: string): [string, string] {
  const parts = /^\["([^"]+)","([^"]*)"\]$/.exec(Buffer.from(token, "base64").toString());
  if (!parts) throw new AwsError("InvalidArgumentException", "Invalid NextToken.");
  return [parts[1] ?? "", parts[2] ?? ""];
}
