import type * as api from "@aws-sdk/client-dynamodb-streams";
import { z } from "zod";
import { AwsError, type AwsService, type Kernel, parseInput, type RequiredPermission } from "../../kernel";
import { assertFresh, decodeIterator, encodeIterator } from "../kinesis/iterators";
import type { ChangeStream } from "./change-stream";
import { keyNames } from "./schema";
import type { Table } from "./table";
import { type Tables, tableNameOf } from "./tables";

type Plain<T> = Omit<T, "$metadata">;

const describeInput = z.object({
  StreamArn: z.string(),
  Limit: z.number().int().min(1).max(100).optional(),
  ExclusiveStartShardId: z.string().optional(),
});
const listInput = z.object({
  TableName: z.string().optional(),
  Limit: z.number().int().min(1).max(100).optional(),
  ExclusiveStartStreamArn: z.string().optional(),
});
const iteratorInput = z.object({
  StreamArn: z.string(),
  ShardId: z.string(),
  ShardIteratorType: z.enum(["TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]),
  SequenceNumber: z.string().optional(),
});
const recordsInput = z.object({ ShardIterator: z.string(), Limit: z.number().int().min(1).max(1000).optional() });
/** `GetRecords` returns at most this much. */
const pageBytes = 2 ** 20;

/** The DynamoDB Streams API. */
export class DynamoDbStreamsService implements AwsService {
  readonly name = "dynamodb-streams";

  constructor(
    private readonly kernel: Kernel,
    private readonly tables: Tables,
  ) {}

  readonly operations = {
    ListStreams: (input: api.ListStreamsCommandInput): Plain<api.ListStreamsCommandOutput> => {
      const { TableName, Limit = 100, ExclusiveStartStreamArn = "" } = parseInput(listInput, input);
      const all = this.streams()
        .filter(({ table }) => TableName === undefined || table.name === tableNameOf(TableName))
        .filter(({ stream }) => stream.arn > ExclusiveStartStreamArn)
        .sort((a, b) => (a.stream.arn < b.stream.arn ? -1 : 1));
      const page = all.slice(0, Limit);
      return {
        Streams: page.map(({ table, stream }) => ({
          StreamArn: stream.arn,
          TableName: table.name,
          StreamLabel: stream.definition.label,
        })),
        ...(all.length > Limit ? { LastEvaluatedStreamArn: page.at(-1)?.stream.arn } : {}),
      };
    },

    DescribeStream: (input: api.DescribeStreamCommandInput): Plain<api.DescribeStreamCommandOutput> => {
      const { StreamArn, Limit = 100, ExclusiveStartShardId = "" } = parseInput(describeInput, input);
      const { table, stream } = this.require(StreamArn);
      const rest = stream.shards().filter((id) => id > ExclusiveStartShardId);
      const page = rest.slice(0, Limit);
      return {
        StreamDescription: {
          StreamArn,
          StreamLabel: stream.definition.label,
          StreamStatus: "ENABLED",
          StreamViewType: stream.definition.view,
          TableName: table.name,
          CreationRequestDateTime: new Date(`${stream.definition.label}Z`),
          KeySchema: keyNames(table.definition).map((AttributeName, at) => ({
            AttributeName,
            KeyType: at === 0 ? ("HASH" as const) : ("RANGE" as const),
          })),
          Shards: page.map((ShardId) => ({
            ShardId,
            SequenceNumberRange: { StartingSequenceNumber: stream.log.bounds().lowest },
          })),
          ...(rest.length > Limit ? { LastEvaluatedShardId: page.at(-1) } : {}),
        },
      };
    },

    GetShardIterator: (input: api.GetShardIteratorCommandInput): Plain<api.GetShardIteratorCommandOutput> => {
      const { StreamArn, ShardId, ShardIteratorType, SequenceNumber } = parseInput(iteratorInput, input);
      const { stream } = this.require(StreamArn);
      stream.shardIndex(ShardId);
      const after = startOf(stream, ShardId, ShardIteratorType, SequenceNumber);
      return {
        ShardIterator: encodeIterator({ arn: StreamArn, shard: ShardId, after, issuedAt: this.kernel.now() }),
      };
    },

    GetRecords: (input: api.GetRecordsCommandInput): Plain<api.GetRecordsCommandOutput> => {
      const { ShardIterator, Limit = 1000 } = parseInput(recordsInput, input);
      const position = decodeIterator(ShardIterator);
      const { stream } = this.require(position.arn);
      const now = this.kernel.now();
      assertFresh(position, now);
      const records = [];
      let after = position.after;
      let bytes = 0;
      for (const entry of stream.log.records(stream.shardIndex(position.shard), after, Limit)) {
        bytes += entry.value.z;
        if (bytes > pageBytes && records.length > 0) break;
        after = entry.sequence;
        records.push(stream.toApi(entry));
      }
      const next = encodeIterator({ arn: position.arn, shard: position.shard, after, issuedAt: now });
      return { Records: records as api._Record[], NextShardIterator: next };
    },
  };

  permissions(operation: string, input: never): RequiredPermission[] {
    const { StreamArn, ShardIterator } = input as { StreamArn?: string; ShardIterator?: string };
    const resource = operation === "GetRecords" ? decodeIterator(ShardIterator).arn : (StreamArn ?? "*");
    return [{ action: `dynamodb:${operation}`, resource }];
  }

  private streams(): { table: Table; stream: ChangeStream }[] {
    return this.tables.list().flatMap((table) => (table.stream ? [{ table, stream: table.stream }] : []));
  }

  private require(arn: string): { table: Table; stream: ChangeStream } {
    const found = this.streams().find(({ stream }) => stream.arn === arn);
    if (found) return found;
    throw new AwsError("ResourceNotFoundException", `Requested resource not found: Stream: ${arn} not found`);
  }
}

function startOf(stream: ChangeStream, shard: string, type: string, sequence: string | undefined): string | undefined {
  if (type === "TRIM_HORIZON") return undefined;
  if (type === "LATEST") return stream.newest(shard) ?? stream.log.bounds().lowest;
  if (sequence === undefined || !stream.log.isSequence(sequence)) {
    throw new AwsError(
      "ValidationException",
      "Invalid SequenceNumber: it must be one that a record of this stream has",
    );
  }
  return type === "AT_SEQUENCE_NUMBER" ? stream.log.preceding(sequence) : sequence;
}
