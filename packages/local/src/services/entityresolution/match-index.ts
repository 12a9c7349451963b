import type { MatchRecord, MatchValue } from "@tributary/model";
import type { Kernel } from "../../kernel";
import { perKernel } from "../support";

/** A record that a workflow has matched. */
export interface IndexedRecord {
  readonly sourceArn: string;
  readonly uniqueId: string;
  readonly matchId: string;
  /** Empty where no rule matched it. */
  readonly rule: string;
  readonly keys: Readonly<Record<string, readonly MatchValue[]>>;
  /** Hash of the row, by which an incremental run tells what changed. */
  readonly hash: string;
}

/** Unique among the records of a workflow. */
export const recordKey = (sourceArn: string, uniqueId: string): string => `${sourceArn}\u0000${uniqueId}`;

export const asMatchRecord = ({ sourceArn, uniqueId, keys }: IndexedRecord): MatchRecord => ({
  id: recordKey(sourceArn, uniqueId),
  keys,
});

/**
 * What workflows remember of their records, for looking ids up, for incremental runs and for deletions. A run writes a
 * generation of its own and then points to it, so that the end of the process leaves the one before or the new one whole.
 */
export class MatchIndex {
  private readonly pointers;
  private readonly records;
  /** What was changed while a job runs, by workflow: its generation was read before. Undefined: a record that is gone. */
  private readonly journals = new Map<string, Map<string, IndexedRecord | undefined>>();

  constructor(private readonly kernel: Kernel) {
    this.pointers = kernel.store.table<string>("entityresolution.indexes");
    this.records = kernel.store.table<IndexedRecord>("entityresolution.records");
  }

  *all(workflow: string): IterableIterator<IndexedRecord> {
    const generation = this.pointers.get(workflow);
    if (generation === undefined) return;
    for (const { value } of this.records.entries(under(workflow, generation))) yield value;
  }

  /** From here on, changes are kept for the generation that a job is about to make. */
  begin(workflow: string): void {
    this.journals.set(workflow, new Map());
  }

  /** The job has ended. */
  end(workflow: string): void {
    this.journals.delete(workflow);
  }

  async replace(workflow: string, generation: string, records: readonly IndexedRecord[]): Promise<void> {
    for (let from = 0; from < records.length; from += 5_000) {
      await this.kernel.store.write(() => {
        for (const record of records.slice(from, from + 5_000)) this.put(workflow, generation, record);
      });
    }
    const before = this.pointers.get(workflow);
    const present = new Set(records.map(({ sourceArn, uniqueId }) => recordKey(sourceArn, uniqueId)));
    await this.kernel.store.write(() => {
      for (const [key, record] of this.journals.get(workflow) ?? []) {
        const [sourceArn = "", uniqueId = ""] = key.split("\u0000");
        // What the job matched itself has its newer match id.
        if (record && !present.has(key)) this.put(workflow, generation, record);
        if (!record) this.records.remove([workflow, generation, sourceArn, uniqueId]);
      }
      this.pointers.put(workflow, generation);
    });
    if (before !== undefined && before !== generation) {
      await this.kernel.store.write(() => this.records.clear(under(workflow, before)));
    }
  }

  /** Changes records of the present generation, in one write. */
  async change(workflow: string, put: readonly IndexedRecord[], remove: readonly IndexedRecord[] = []): Promise<void> {
    await this.kernel.store.write(() => {
      const journal = this.journals.get(workflow);
      for (const { sourceArn, uniqueId } of remove) journal?.set(recordKey(sourceArn, uniqueId), undefined);
      for (const record of put) journal?.set(recordKey(record.sourceArn, record.uniqueId), record);
      const generation = this.pointers.get(workflow) ?? "first";
      this.pointers.put(workflow, generation);
      for (const { sourceArn, uniqueId } of remove) this.records.remove([workflow, generation, sourceArn, uniqueId]);
      for (const record of put) this.put(workflow, generation, record);
    });
  }

  async forget(workflow: string): Promise<void> {
    await this.kernel.store.write(() => {
      this.pointers.remove(workflow);
      this.records.clear({ start: [workflow], end: [workflow, "\u{10ffff}"] });
    });
  }

  private put(workflow: string, generation: string, record: IndexedRecord): void {
    this.records.put([workflow, generation, record.sourceArn, record.uniqueId], record);
  }
}

const under = (workflow: string, generation: string) => ({
  start: [workflow, generation],
  end: [workflow, generation, "\u{10ffff}"],
});

export const indexOf = perKernel((kernel) => new MatchIndex(kernel));
