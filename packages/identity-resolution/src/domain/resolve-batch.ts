import { type CustomerEvent, type IdentityRules, recordOf } from "@tributary/model";
import { type Disposition, mapLimit, ok, poison, retry } from "@tributary/runtime";
import { changeOf } from "./change";
import type { CommitResult, Graph, LoggedEvent } from "./graph";
import type { EvidenceItem } from "./items";
import { Reader } from "./reader";
import type { Draft, World } from "./world";

export interface ResolveOptions {
  /** Tries before a record goes back to the stream. @default 12 */
  readonly maxAttempts?: number;
  /** Transactions under way at a time. @default 32 */
  readonly concurrency?: number;
  /** Waits before an attempt; given the attempt's number from 1. @default exponential with full jitter, at most 1 s */
  readonly backoff?: (attempt: number) => Promise<void>;
}

/** What a batch came to, for metrics. */
export interface BatchResult {
  /** One per item, in order. */
  readonly dispositions: readonly Disposition[];
  readonly transactions: number;
  readonly conflicts: number;
  readonly profilesChanged: number;
  /** Item keys of identifiers that belong to nobody from now on, since they have more links than `maxComponentSize`. */
  readonly frozen: readonly string[];
}

const jitter = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(10 * 2 ** attempt, 1_000)));

/** Applies a batch of events to the graph; see `applyEvidence`. Events that name nobody are done. */
export async function resolveBatch(
  events: readonly CustomerEvent[],
  graph: Graph,
  rules: IdentityRules,
  options: ResolveOptions = {},
): Promise<BatchResult> {
  const items: EvidenceItem[] = [];
  const places: number[] = [];
  events.forEach((event, place) => {
    const record = recordOf(event, rules);
    if (record) places[items.push({ kind: "event", record, receivedAt: event.receivedAt }) - 1] = place;
  });
  const result = await applyEvidence(items, graph, rules, options);
  const dispositions: Disposition[] = events.map(() => ok);
  result.dispositions.forEach((disposition, index) => {
    dispositions[places[index] as number] = disposition;
  });
  return { ...result, dispositions };
}

/**
 * Applies evidence to the graph: one read of what it names, all of it in memory, one transaction for each group of
 * components that changed. What somebody else changed meanwhile is read again. Applying an item twice changes nothing, so
 * at-least-once delivery and retries of half-done batches are safe.
 *
 * Events are noted in the log before anything is read. A retraction reads the log after it was committed: so an event
 * either is in what the retraction reads, or reads what the retraction wrote.
 */
export async function applyEvidence(
  items: readonly EvidenceItem[],
  graph: Graph,
  rules: IdentityRules,
  options: ResolveOptions = {},
): Promise<BatchResult> {
  const batch = new Batch(items, graph, rules, options);
  await batch.note();
  await batch.run([...items.keys()]);
  await batch.forgetPoison();
  return batch.result();
}

class Batch {
  private readonly reader: Reader;
  /** Those given, and after them what turned up on the way. */
  private readonly items: EvidenceItem[];
  private readonly count: number;
  private readonly dispositions = new Map<number, Disposition>();
  private transactions = 0;
  private conflicts = 0;
  private profilesChanged = 0;
  private readonly frozen: string[] = [];

  constructor(
    given: readonly EvidenceItem[],
    private readonly graph: Graph,
    private readonly rules: IdentityRules,
    private readonly options: ResolveOptions,
  ) {
    this.items = [...given];
    this.count = given.length;
    this.reader = new Reader(this.items, graph, rules);
  }

  result(): BatchResult {
    return {
      dispositions: this.items.slice(0, this.count).map((_item, index) => this.dispositions.get(index) ?? ok),
      transactions: this.transactions,
      conflicts: this.conflicts,
      profilesChanged: this.profilesChanged,
      frozen: this.frozen,
    };
  }

  async note(): Promise<void> {
    await this.graph.note(this.logged([...this.items.keys()]), []);
  }

  async forgetPoison(): Promise<void> {
    const poisoned = [...this.dispositions].filter(([, { kind }]) => kind === "poison").map(([index]) => index);
    if (poisoned.length > 0) await this.graph.forget(this.logged(poisoned));
  }

  /** Applies items by index until each is done, poison, or out of attempts. */
  async run(indexes: readonly number[]): Promise<void> {
    const { maxAttempts = 12, backoff = jitter } = this.options;
    let pending = [...indexes];
    for (let attempt = 0; pending.length > 0 && attempt < maxAttempts; attempt++) {
      if (attempt > 0) await backoff(attempt);
      pending = await this.attempt(pending, attempt > 0);
    }
    for (const index of pending) this.dispositions.set(index, retry("others keep changing the same component"));
  }

  /** One pass; gives the items that must be tried again. */
  private async attempt(indexes: readonly number[], consistent: boolean): Promise<number[]> {
    const world = await this.reader.read(indexes, consistent);
    if (!world) return [...indexes];
    await this.graph.note([], this.reader.neighbours(world));
    const again = new Set<number>();
    const halves: number[][] = [];
    await mapLimit(world.drafts(), this.options.concurrency ?? 32, async (draft) => {
      const result = await this.commit(draft, world);
      const touched = [...draft.items];
      if (result.kind === "conflict") for (const index of touched) again.add(index);
      else if (result.kind !== "done") halves.push(...this.isolate(touched, result));
    });
    // Order does not matter to the outcome, so a change too large for one transaction is made in smaller steps.
    for (const half of halves) await this.run(half);
    for (const index of await this.reader.overtaken(world)) again.add(index);
    for (const item of await this.reader.late(world)) again.add(this.items.push(item) - 1);
    return [...again].filter((index) => this.dispositions.get(index) === undefined);
  }

  private async commit(draft: Draft, world: World): Promise<CommitResult> {
    const change = changeOf(draft, world, this.reader.itemKeyOf, this.newestReceipt(draft));
    if (change.puts.length === 0 && change.merged.length === 0) return { kind: "done" };
    const result = await this.graph.commit(change);
    this.transactions++;
    if (result.kind === "conflict") this.conflicts++;
    if (result.kind === "done") {
      this.profilesChanged += change.profiles.length + change.redirects.length + change.deletedProfiles.length;
      for (const node of draft.nodes) {
        if (node.shared && !node.remote && node.links > this.rules.maxComponentSize) {
          this.frozen.push(this.reader.itemKeyOf(node));
        }
      }
    }
    return result;
  }

  private newestReceipt(draft: Draft): string {
    let newest = "";
    for (const index of draft.items) {
      const received = this.items[index]?.receivedAt ?? "";
      if (received > newest) newest = received;
    }
    return newest;
  }

  private logged(indexes: readonly number[]): LoggedEvent[] {
    return indexes.flatMap((index) => {
      const item = this.items[index];
      return item?.kind === "event" ? [{ key: this.reader.itemKeyOf(item.record.hub), record: item.record }] : [];
    });
  }

  /** Halves of a group that cannot be committed together; an item that cannot be committed alone is poison. */
  private isolate(touched: readonly number[], result: CommitResult & { detail: string }): number[][] {
    const [only, ...others] = touched;
    if (only !== undefined && others.length === 0) {
      this.dispositions.set(only, poison(result.kind, result.detail));
      return [];
    }
    const middle = Math.ceil(touched.length / 2);
    return [touched.slice(0, middle), touched.slice(middle)];
  }
}
