import { hash } from "node:crypto";
import {
  AwsError,
  arn,
  type Kernel,
  type LogRecord,
  type RecordLog,
  type ShardedLog,
  type Stamped,
} from "../../kernel";
import { keyOf, type StreamDefinition, type TableDefinition } from "./schema";
import type { Cause } from "./table";
import { type AttributeValue, type Item, itemSize } from "./values";

/** A change as stored: keys, and those images that the stream's view has. */
export interface ChangeRecord extends Stamped {
  readonly e: "INSERT" | "MODIFY" | "REMOVE";
  readonly k: Item;
  readonly n?: Item;
  readonly o?: Item;
  readonly z: number;
  /** Deleted by time to live. */
  readonly x?: 1;
}

const identity = { type: "Service", principalId: "dynamodb.amazonaws.com" } as const;

/** The stream of a table: four shards by partition key, so that the changes of one item stay in order. */
export class ChangeStream implements ShardedLog<ChangeRecord> {
  static readonly shardCount = 4;
  static readonly sequencePrefix = "100000000";
  readonly kind = "dynamodb";
  readonly arn: string;
  private readonly ids: readonly string[];

  constructor(
    private readonly table: TableDefinition,
    readonly definition: StreamDefinition,
    private readonly kernel: Kernel,
    readonly log: RecordLog<ChangeRecord>,
  ) {
    this.arn = arn(kernel.place, "dynamodb", `table/${table.name}/stream/${definition.label}`);
    const stem = String(Date.parse(`${definition.label}Z`)).padStart(20, "0");
    this.ids = Array.from(
      { length: ChangeStream.shardCount },
      (_, index) => `shardId-${stem}-${String(index).padStart(8, "0")}`,
    );
  }

  /** Inside `Store.write`. */
  append(partition: string, old: Item | undefined, next: Item | undefined, cause: Cause): void {
    const { view } = this.definition;
    const k = keyOf(this.table, (next ?? old) as Item);
    const n = view === "NEW_IMAGE" || view === "NEW_AND_OLD_IMAGES" ? next : undefined;
    const o = view === "OLD_IMAGE" || view === "NEW_AND_OLD_IMAGES" ? old : undefined;
    const size = itemSize(k) + (n ? itemSize(n) : 0) + (o ? itemSize(o) : 0);
    this.log.append(Number.parseInt(partition[0] ?? "0", 16) >> 2, {
      t: this.kernel.now(),
      e: next ? (old ? "MODIFY" : "INSERT") : "REMOVE",
      k,
      z: size,
      ...(n ? { n } : {}),
      ...(o ? { o } : {}),
      ...(cause === "ttl" ? { x: 1 as const } : {}),
    });
  }

  shards(): readonly string[] {
    return this.ids;
  }

  read(shard: string, after: string | undefined, limit: number) {
    return this.log.read(this.shardIndex(shard), after, limit, (record) => record.z + 400);
  }

  newest(shard: string): string | undefined {
    return this.log.newest(this.shardIndex(shard));
  }

  before(shard: string, timestamp: number): string {
    return this.log.before(this.shardIndex(shard), timestamp);
  }

  toLambda(_shard: string, { sequenceNumber, data }: LogRecord<ChangeRecord>) {
    return {
      eventID: eventId(sequenceNumber),
      eventName: data.e,
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      awsRegion: this.kernel.place.region,
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(data.t / 1000),
        Keys: toJson(data.k),
        ...(data.n ? { NewImage: toJson(data.n) } : {}),
        ...(data.o ? { OldImage: toJson(data.o) } : {}),
        SequenceNumber: sequenceNumber,
        SizeBytes: data.z,
        StreamViewType: this.definition.view,
      },
      ...(data.x ? { userIdentity: identity } : {}),
      eventSourceARN: this.arn,
    };
  }

  /** The record in the shape of the streams API's `GetRecords`. */
  toApi({ sequence, value }: { sequence: string; value: ChangeRecord }) {
    return {
      eventID: eventId(sequence),
      eventName: value.e,
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      awsRegion: this.kernel.place.region,
      dynamodb: {
        ApproximateCreationDateTime: new Date(Math.floor(value.t / 1000) * 1000),
        Keys: value.k,
        ...(value.n ? { NewImage: value.n } : {}),
        ...(value.o ? { OldImage: value.o } : {}),
        SequenceNumber: sequence,
        SizeBytes: value.z,
        StreamViewType: this.definition.view,
      },
      ...(value.x ? { userIdentity: { Type: identity.type, PrincipalId: identity.principalId } } : {}),
    };
  }

  shardIndex(id: string): number {
    const index = this.ids.indexOf(id);
    if (index >= 0) return index;
    throw new AwsError("ResourceNotFoundException", `Requested resource not found: Shard ${id} does not exist`);
  }
}

function eventId(sequence: string): string {
  return hash("md5", sequence);
}

/** An item as JSON has it: binary data as base64 text. Shares what holds none. */
function toJson(item: Item): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key in item) result[key] = valueToJson(item[key] as AttributeValue);
  return result;
}

function valueToJson(value: AttributeValue): unknown {
  if (value.B) return { B: Buffer.from(value.B).toString("base64") };
  if (value.BS) return { BS: value.BS.map((each) => Buffer.from(each).toString("base64")) };
  if (value.M) return { M: toJson(value.M) };
  if (value.L) return { L: value.L.map(valueToJson) };
  return value;
}
