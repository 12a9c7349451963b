import { createHash } from "node:crypto";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { type CatalogTable, catalogOf, catalogPermissions } from "../glue";
import { assertTrusted } from "../iam";
import { Batch } from "./batch";
import type { DeliveryConfig } from "./config";
import { jsonSerde } from "./json-serde";
import type { DirectSource, RecordSource, SourceRecord } from "./source";
import { transform } from "./transform";
import { writeObjects } from "./write-objects";

/** Records read from a shard at a time. */
const readLimit = 500;
/** How long new records may wait to be read into the buffer, milliseconds. */
const gatherMs = 100;
/** A flush that is only asked for waits until the source has been still this long: fewer, larger files. */
const stillMs = 200;
const retryMs = { first: 500, longest: 30_000 };

/** A shard's delivered position; `null` from the oldest record on. */
interface Checkpoint {
  readonly after: string | null;
}

/**
 * A delivery stream at work: reads its source into a batch on disk, delivers the batch when it is large or old enough,
 * and only then moves its checkpoints. A stop at any point repeats at most the undelivered batch, under the same object
 * names.
 */
export class DeliveryStream {
  private batch: Batch | undefined;
  private untransformed: SourceRecord[] = [];
  private untransformedBytes = 0;
  private readonly positions = new Map<string, string | undefined>();
  private readonly checkpoints;
  private readonly batches;
  private turn: Promise<void> = Promise.resolve();
  private gather: NodeJS.Timeout | undefined;
  private due: NodeJS.Timeout | undefined;
  private failures = 0;
  private lastRead = 0;
  private closed = false;
  private readonly release: (() => void)[] = [];

  constructor(
    private readonly kernel: Kernel,
    readonly name: string,
    readonly arn: string,
    readonly config: DeliveryConfig,
    readonly source: RecordSource,
    /** The same source, where producers put records directly. */
    readonly direct: DirectSource | undefined,
  ) {
    this.checkpoints = kernel.store.table<Checkpoint>("firehose.checkpoints");
    this.batches = kernel.store.table<{ readonly at: number }>("firehose.batches");
  }

  /** Begins, or goes on where the checkpoints are. A new stream reads a Kinesis source from its newest record on. */
  async start(): Promise<void> {
    const fresh: [string, Checkpoint][] = [];
    for (const shard of this.source.shards()) {
      const known = this.checkpoints.get([this.arn, shard]);
      const after = known ? (known.after ?? undefined) : this.direct ? undefined : this.source.newest(shard);
      if (!known) fresh.push([shard, { after: after ?? null }]);
      this.positions.set(shard, after);
    }
    await this.kernel.store.write(() => {
      for (const [shard, checkpoint] of fresh) this.checkpoints.put([this.arn, shard], checkpoint);
    });
    this.release.push(
      this.kernel.onWake(this.source.topic, () => this.later()),
      this.kernel.track({ name: `firehose ${this.name}`, pending: () => this.pending(), flush: () => this.flush() }),
    );
    this.later();
  }

  /** Stops; what is buffered is read again at the next start. */
  async stop(): Promise<void> {
    this.closed = true;
    for (const undo of this.release.splice(0)) undo();
    clearTimeout(this.gather);
    clearTimeout(this.due);
    await this.turn;
    this.abandon();
  }

  /** Forgets checkpoints and undelivered records. */
  async forget(): Promise<void> {
    await this.kernel.store.write(() => {
      this.checkpoints.clear({ start: [this.arn], end: [this.arn, "\u{10ffff}"] });
      this.batches.remove(this.arn);
      this.direct?.release("", String(Number.MAX_SAFE_INTEGER - 1));
    });
  }

  /** Records in the buffer, and one for each shard with more to read. */
  pending(): number {
    let count = (this.batch?.records ?? 0) + this.untransformed.length;
    for (const [shard, position] of this.positions) {
      const newest = this.source.newest(shard);
      if (newest !== undefined && newest !== position && !this.isBehind(newest, position)) count += 1;
    }
    return count;
  }

  /** Reads what there is; delivers it unless records are still streaming in, in which case it is soon asked again. */
  async flush(): Promise<void> {
    await this.exclusive(async () => {
      await this.read();
      if (Date.now() - this.lastRead >= stillMs) await this.deliver();
    });
  }

  /** Reads what there is and delivers it now. */
  async deliverNow(): Promise<void> {
    await this.exclusive(async () => {
      await this.read();
      await this.deliver();
    });
  }

  /** Whether a position lies after the newest record: a stream whose old records are gone. */
  private isBehind(newest: string, position: string | undefined): boolean {
    return (
      position !== undefined &&
      (newest.length < position.length || (newest.length === position.length && newest < position))
    );
  }

  private later(): void {
    if (this.closed || this.gather) return;
    this.gather = setTimeout(() => {
      this.gather = undefined;
      void this.exclusive(() => this.read());
    }, gatherMs);
  }

  /** Runs one piece of work at a time. A failure is logged and the work comes round again: nothing was checkpointed. */
  private exclusive(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(async () => {
      if (this.closed) return;
      try {
        await work();
        this.failures = 0;
      } catch (error) {
        this.retry(error);
      }
    });
    return this.turn;
  }

  private retry(error: unknown): void {
    this.failures += 1;
    const wait = Math.min(retryMs.first * 2 ** (this.failures - 1), retryMs.longest);
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.kernel.log.warn(`firehose ${this.name}: delivery failed and is tried again in ${wait} ms: ${reason}`);
    this.abandon();
    this.dueIn(wait);
  }

  /** Drops what is buffered and goes back to the checkpoints: it is all read again. */
  private abandon(): void {
    this.batch?.discard();
    this.batch = undefined;
    this.untransformed = [];
    this.untransformedBytes = 0;
    for (const shard of this.positions.keys()) {
      this.positions.set(shard, this.checkpoints.get([this.arn, shard])?.after ?? undefined);
    }
  }

  private dueIn(ms: number): void {
    clearTimeout(this.due);
    if (this.closed) return;
    this.due = setTimeout(() => void this.deliverNow(), ms);
  }

  private async read(): Promise<void> {
    for (let found = true; found && !this.closed; ) {
      found = false;
      for (const shard of this.source.shards()) {
        const records = this.source.read(shard, this.positions.get(shard), readLimit);
        const last = records.at(-1);
        if (!last) continue;
        found = true;
        this.lastRead = Date.now();
        const batch = await this.openBatch(records[0]?.arrivedAt ?? this.kernel.now());
        if (this.config.transform) await this.queue(batch, records);
        else for (const record of records) batch.add(record, record.data);
        batch.records += this.config.transform ? 0 : records.length;
        this.positions.set(shard, last.sequence);
        batch.positions.set(shard, last.sequence);
        if (batch.full) await this.deliver();
      }
      // Others have their turn between two reads.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private async openBatch(arrivedAt: number): Promise<Batch> {
    if (this.batch) return this.batch;
    for (const roleArn of new Set([this.config.roleArn, this.config.source?.roleArn ?? this.config.roleArn])) {
      assertTrusted(this.kernel, roleArn, "firehose.amazonaws.com", this.arn);
    }
    const at = this.batches.get(this.arn)?.at ?? arrivedAt;
    await this.kernel.store.write(() => this.batches.put(this.arn, { at }));
    const places = [...this.positions].map(([shard, position]) => `${shard}=${position ?? ""}`).sort();
    const id = createHash("sha256")
      .update(`${this.arn}\n${places.join("\n")}`)
      .digest("hex")
      .slice(0, 32);
    const table = this.table();
    const toLine = table && this.config.conversion ? jsonSerde(table.columns, this.config.conversion) : undefined;
    this.batch = new Batch(this.kernel.folder("tmp", "firehose"), id, at, this.config, toLine);
    this.dueIn(this.config.bufferMs);
    return this.batch;
  }

  private async queue(batch: Batch, records: readonly SourceRecord[]): Promise<void> {
    for (const record of records) {
      this.untransformed.push(record);
      this.untransformedBytes += record.data.byteLength;
      if (this.untransformedBytes >= (this.config.transform?.bufferBytes ?? 0)) await this.transformQueued(batch);
    }
  }

  private async transformQueued(batch: Batch): Promise<void> {
    const { transform: config } = this.config;
    if (!config || this.untransformed.length === 0) return;
    const { source, roleArn } = this.config;
    const from = source && { kind: source.kind, arn: source.sourceArn };
    const stream = { name: this.name, arn: this.arn, roleArn, source: from };
    const records = this.untransformed;
    const results = await transform(this.kernel, config, stream, records);
    this.untransformed = [];
    this.untransformedBytes = 0;
    batch.records += records.length;
    for (const result of results) {
      if (result.kind === "ok") batch.add(result.record, result.data, result.partitionKeys);
      else if (result.kind === "failed") {
        batch.fail("processing-failed", result.record, result.code, result.message, result.attempts);
      }
    }
  }

  private async deliver(): Promise<void> {
    const { batch } = this;
    if (!batch) return;
    await this.transformQueued(batch);
    await writeObjects(this.kernel, { name: this.name, config: this.config, table: this.table() }, batch);
    await this.kernel.store.write(() => {
      for (const [shard, after] of batch.positions) {
        this.checkpoints.put([this.arn, shard], { after });
        this.source.release(shard, after);
      }
      this.batches.remove(this.arn);
    });
    clearTimeout(this.due);
    this.kernel.metrics.put({
      namespace: "AWS/Firehose",
      name: "DeliveryToS3.Records",
      dimensions: { DeliveryStreamName: this.name },
      value: batch.records,
      at: this.kernel.now(),
    });
    batch.discard();
    this.batch = undefined;
  }

  /** The catalog table that records convert to, read under the schema's role. */
  private table(): CatalogTable | undefined {
    const { conversion } = this.config;
    if (!conversion) return undefined;
    const principal: Principal = { kind: "role", roleArn: conversion.roleArn, session: this.name };
    for (const needed of catalogPermissions(this.kernel, "GetTableVersions", conversion.database, conversion.table)) {
      this.kernel.authorize(principal, needed, "GetTableVersions");
    }
    const table = catalogOf(this.kernel).table(conversion.database, conversion.table);
    if (table) return table;
    throw new AwsError(
      "InvalidArgumentException",
      `the schema table ${conversion.database}.${conversion.table} is not in the catalog`,
    );
  }
}
