import type { Kernel, Table } from "../../../kernel";

interface Checkpoint {
  /** Sequence number of the last record that is done; null: none yet, from the oldest. */
  readonly after: string | null;
}

/** How far each mapping has read each shard, on disk. A checkpoint that lags only makes records come twice. */
export class Checkpoints {
  private readonly table: Table<Checkpoint>;
  private readonly latest = new Map<
    string,
    { readonly key: [string, string]; after: string; written: string | undefined }
  >();
  private writing: Promise<void> | undefined;

  constructor(private readonly kernel: Kernel) {
    this.table = kernel.store.table<Checkpoint>("lambda.checkpoints");
  }

  get(mapping: string, shardId: string): Checkpoint | undefined {
    return this.table.get([mapping, shardId]);
  }

  /** Sets where a new mapping begins. */
  async begin(mapping: string, shardId: string, after: string | undefined): Promise<void> {
    await this.kernel.store.write(() => this.table.put([mapping, shardId], { after: after ?? null }));
  }

  /** Moves a checkpoint. Never waited for: while one write runs, the latest positions gather for the next. */
  move(mapping: string, shardId: string, after: string): void {
    const name = `${mapping}/${shardId}`;
    const entry = this.latest.get(name);
    if (entry) entry.after = after;
    else this.latest.set(name, { key: [mapping, shardId], after, written: undefined });
    this.writing ??= this.write()
      // The store says itself that it is full; a checkpoint that lags only makes records come twice.
      .catch((error: unknown) => this.kernel.log.debug(`checkpoints are not written: ${error}`))
      .finally(() => {
        this.writing = undefined;
      });
  }

  /** Resolves when everything moved so far is on disk. */
  async settled(): Promise<void> {
    await this.writing;
  }

  async clear(mapping: string): Promise<void> {
    await this.settled();
    for (const name of [...this.latest.keys()]) if (name.startsWith(`${mapping}/`)) this.latest.delete(name);
    await this.kernel.store.write(() => this.table.clear({ start: [mapping], end: [mapping, "\uffff"] }));
  }

  private async write(): Promise<void> {
    for (;;) {
      const behind = [...this.latest.values()].filter((entry) => entry.after !== entry.written);
      if (behind.length === 0) return;
      const moves = behind.map((entry) => ({ entry, after: entry.after }));
      await this.kernel.store.write(() => {
        for (const { entry, after } of moves) this.table.put(entry.key, { after });
      });
      for (const { entry, after } of moves) entry.written = after;
    }
  }
}
