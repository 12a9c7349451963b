import type { Store, Table } from "../kernel/store";
import type { ReceivedOptions } from "./run-types";
import type { ExistingResource, Origin } from "./types";
import { fromPlain, plainObject } from "./values";
import { hasSecret, type WireObject } from "./wire";

/** One resource in the state. Secrets stand in it as marked plain values: the data folder is as secret as they are. */
export interface ResourceState {
  /** Place in the order of creation, the key of the record. */
  readonly sequence: number;
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  readonly custom: boolean;
  /** Empty for components. */
  readonly id: string;
  readonly inputs: WireObject;
  readonly outputs: WireObject;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly options: ReceivedOptions;
  readonly replacementTrigger?: string;
  /** Names of resource hooks by occasion (`beforeDelete`…). */
  readonly hooks: Readonly<Record<string, readonly string[]>>;
  /** What it was called when it was created, where an alias renamed it since. */
  readonly origin?: Origin;
  /** Replaced, but not yet deleted: the next run deletes it. */
  readonly toDelete: boolean;
}

interface StackRecord {
  readonly project: string;
  readonly stack: string;
  readonly outputs: WireObject;
  readonly updatedAt: string;
}

type Tables = { resources: Table<ResourceState>; stacks: Table<StackRecord> };

function tables(store: Store): Tables {
  return { resources: store.table("engine.resources"), stacks: store.table("engine.stacks") };
}

/** The state of one stack: an in-memory picture of its records, written through. */
export class StackState {
  private readonly records = new Map<number, ResourceState>();
  private readonly tables: Tables;
  private next = 0;

  constructor(
    private readonly store: Store,
    readonly project: string,
    readonly stack: string,
  ) {
    this.tables = tables(store);
    const range = { start: [project, stack], end: [project, stack, Number.MAX_SAFE_INTEGER] };
    for (const { value } of this.tables.resources.entries(range)) {
      this.records.set(value.sequence, value);
      this.next = Math.max(this.next, value.sequence + 1);
    }
  }

  /** In order of creation. */
  list(): ResourceState[] {
    return [...this.records.values()].sort((a, b) => a.sequence - b.sequence);
  }

  nextSequence(): number {
    return this.next++;
  }

  async put(record: ResourceState): Promise<void> {
    this.records.set(record.sequence, record);
    await this.store.write(() => this.tables.resources.put(this.key(record), record));
  }

  async remove(record: ResourceState): Promise<void> {
    this.records.delete(record.sequence);
    await this.store.write(() => this.tables.resources.remove(this.key(record)));
  }

  async setOutputs(outputs: WireObject, now = new Date()): Promise<void> {
    const record = { project: this.project, stack: this.stack, outputs, updatedAt: now.toISOString() };
    await this.store.write(() => this.tables.stacks.put([this.project, this.stack], record));
  }

  async forgetStack(): Promise<void> {
    await this.store.write(() => this.tables.stacks.remove([this.project, this.stack]));
  }

  private key(record: ResourceState): (string | number)[] {
    return [this.project, this.stack, record.sequence];
  }
}

/**
 * Notes that outputs of a resource are others now than when it was made (an HTTP API moved to another port), so that
 * the next run of the program sees them and updates what depends on them. Values are plain.
 */
export async function saveResourceOutputs(
  store: Store,
  project: string,
  stack: string,
  resource: { readonly urn: string; readonly outputs: Record<string, unknown> },
): Promise<void> {
  const state = new StackState(store, project, stack);
  const record = state.list().find(({ urn, toDelete }) => urn === resource.urn && !toDelete);
  if (!record) return;
  const before = plainObject(record.outputs);
  const changed = Object.entries(resource.outputs).filter(
    ([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value),
  );
  const outputs = { ...record.outputs, ...(fromPlain(Object.fromEntries(changed)) as WireObject) };
  await state.put({ ...record, outputs });
}

/** Outputs of a stack as it last ran, or undefined where it never did. */
export function stackOutputs(store: Store, project: string, stack: string): WireObject | undefined {
  return tables(store).stacks.get([project, stack])?.outputs;
}

/** Puts outputs of a stack into a store without running it, so that a test can refer to it. Values are plain. */
export async function saveStackOutputs(
  store: Store,
  project: string,
  stack: string,
  outputs: Record<string, unknown>,
): Promise<void> {
  await new StackState(store, project, stack).setOutputs(fromPlain(outputs) as WireObject);
}

/** The stacks that have run in this store. */
export function listStacks(store: Store): { project: string; stack: string; updatedAt: string }[] {
  return [...tables(store).stacks.entries()].map(({ value }) => ({
    project: value.project,
    stack: value.stack,
    updatedAt: value.updatedAt,
  }));
}

/**
 * The resources of a stack that exist (custom ones; components do nothing by themselves), in order of creation, as a
 * provider gets them: what the runtime restores from, without running the program.
 */
export function loadState(store: Store, project: string, stack: string): ExistingResource[] {
  return new StackState(store, project, stack)
    .list()
    .filter((record) => record.custom && !record.toDelete && !isEngineType(record.type))
    .map(toExisting);
}

export interface SavedStack {
  readonly project: string;
  readonly stack: string;
  /** Plain values, secrets unwrapped. */
  readonly outputs: Record<string, unknown>;
  readonly secretOutputs: readonly string[];
  /** As `loadState` gives them. */
  readonly resources: readonly ExistingResource[];
}

/** Every stack of the store, with what exists of it. */
export function loadStacks(store: Store): SavedStack[] {
  return listStacks(store).map(({ project, stack }) => {
    const outputs = stackOutputs(store, project, stack) ?? {};
    return {
      project,
      stack,
      outputs: plainObject(outputs),
      secretOutputs: secretOutputs(outputs),
      resources: loadState(store, project, stack),
    };
  });
}

/** Every resource of every stack in the store. */
export function allRecords(store: Store): ResourceState[] {
  return [...tables(store).resources.entries()].map(({ value }) => value);
}

export function toExisting(record: ResourceState): ExistingResource {
  return {
    urn: record.urn,
    type: record.type,
    name: record.name,
    id: record.id,
    inputs: plainObject(record.inputs),
    outputs: plainObject(record.outputs),
    ...(record.origin ? { origin: record.origin } : {}),
  };
}

/** Types that the engine handles itself: the stack, stack references, explicit providers. */
export function isEngineType(type: string): boolean {
  return type.startsWith("pulumi:");
}

/** Names of the stack outputs that are, or hold, a secret. */
export function secretOutputs(outputs: WireObject): string[] {
  return Object.entries(outputs).flatMap(([key, value]) => (hasSecret(value) ? [key] : []));
}
