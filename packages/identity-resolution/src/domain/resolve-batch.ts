import {
  type CustomerEvent,
  type EventEvidence,
  evidenceOf,
  type Identifier,
  type IdentityRules,
  identifierItemKey,
  nodeKey,
} from "@tributary/model";
import { type Disposition, mapLimit, ok, poison, retry } from "@tributary/runtime";
import { changeOf } from "./change";
import type { CommitResult, Graph } from "./graph";
import { type Draft, World } from "./world";

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
  /** One per event, in order. */
  readonly dispositions: readonly Disposition[];
  readonly transactions: number;
  readonly conflicts: number;
  readonly profilesChanged: number;
  /** Links that the cap on a component's size refused. */
  readonly refusedLinks: number;
}

const jitter = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(10 * 2 ** attempt, 1_000)));

/**
 * Applies a batch of events to the graph: one read of what they name, all events in memory, one transaction per
 * component that changed. A component that somebody else changed meanwhile is read again. Applying an event twice
 * changes nothing, so at-least-once delivery and retries of half-done batches are safe.
 */
export async function resolveBatch(
  events: readonly CustomerEvent[],
  graph: Graph,
  rules: IdentityRules,
  options: ResolveOptions = {},
): Promise<BatchResult> {
  const batch = new Batch(events, graph, rules, options);
  await batch.run([...events.keys()]);
  return batch.result();
}

class Batch {
  private readonly evidence: readonly (EventEvidence | undefined)[];
  private readonly dispositions = new Map<number, Disposition>();
  private readonly itemKeys = new Map<string, string>();
  private transactions = 0;
  private conflicts = 0;
  private profilesChanged = 0;
  private refusedLinks = 0;

  constructor(
    private readonly events: readonly CustomerEvent[],
    private readonly graph: Graph,
    private readonly rules: IdentityRules,
    private readonly options: ResolveOptions,
  ) {
    this.evidence = events.map((event) => evidenceOf(event, rules));
  }

  result(): BatchResult {
    return {
      dispositions: this.events.map((_event, index) => this.dispositions.get(index) ?? ok),
      transactions: this.transactions,
      conflicts: this.conflicts,
      profilesChanged: this.profilesChanged,
      refusedLinks: this.refusedLinks,
    };
  }

  /** Applies events by index until each is done, poison, or out of attempts. */
  async run(indexes: readonly number[]): Promise<void> {
    const { maxAttempts = 12, backoff = jitter } = this.options;
    let pending = indexes.filter((index) => this.evidence[index] !== undefined);
    for (let attempt = 0; pending.length > 0 && attempt < maxAttempts; attempt++) {
      if (attempt > 0) await backoff(attempt);
      pending = await this.attempt(pending, attempt > 0);
    }
    for (const index of pending) this.dispositions.set(index, retry("others keep changing the same component"));
  }

  /** One pass; gives the events that must be tried again. */
  private async attempt(indexes: readonly number[], consistent: boolean): Promise<number[]> {
    const world = await this.read(indexes, consistent);
    for (const index of indexes) {
      const evidence = this.evidence[index];
      if (evidence) world.apply(index, evidence);
    }
    const again = new Set<number>();
    const halves: number[][] = [];
    await mapLimit(
      world.result().filter((draft) => draft.changed),
      this.options.concurrency ?? 32,
      async (draft) => {
        const result = await this.commit(draft);
        const touched = [...draft.events];
        if (result.kind === "conflict") for (const index of touched) again.add(index);
        else if (result.kind !== "done") halves.push(...this.isolate(touched, result));
      },
    );
    this.refusedLinks += again.size === 0 ? world.refusedLinks : 0;
    // Order does not matter to the outcome, so a change too large for one transaction is made in smaller steps.
    for (const half of halves) await this.run(half);
    return [...again].filter((index) => this.dispositions.get(index) === undefined);
  }

  /** Hashing is a good part of a batch's work, and events name the same people again and again. */
  private readonly itemKeyOf = (identifier: Identifier): string => {
    const key = nodeKey(identifier);
    const known = this.itemKeys.get(key);
    if (known !== undefined) return known;
    const itemKey = identifierItemKey(identifier);
    this.itemKeys.set(key, itemKey);
    return itemKey;
  };

  private async read(indexes: readonly number[], consistent: boolean): Promise<World> {
    const itemKeys = new Set<string>();
    for (const index of indexes) {
      for (const node of this.evidence[index]?.evidence.nodes.values() ?? []) itemKeys.add(this.itemKeyOf(node));
    }
    const componentIds = await this.graph.componentIds([...itemKeys], consistent);
    const components = await this.graph.components([...new Set(componentIds.values())], consistent);
    return new World({ componentIds, components }, this.rules, this.itemKeyOf);
  }

  private async commit(draft: Draft): Promise<CommitResult> {
    const change = changeOf(draft, this.rules, this.events);
    const result = await this.graph.commit(change);
    this.transactions++;
    if (result.kind === "conflict") this.conflicts++;
    if (result.kind === "done") {
      this.profilesChanged += change.profiles.length + change.redirects.length + change.deletedProfiles.length;
    }
    return result;
  }

  /** Halves of a group that cannot be committed together; an event that cannot be committed alone is poison. */
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
