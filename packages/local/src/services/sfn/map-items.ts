import type { Json } from "@tributary/model";
import { isRecord } from "../support";
import type { Host } from "./host";
import { readItems } from "./item-reader";
import { get } from "./paths";
import { runtimeError, StateError } from "./state-error";
import { fill, fillAny, mostBytes, numberOf, type Step, scopeOf } from "./step";

/** What a Map runs its processor for. */
export interface MapWork {
  /** Iterations, or batches. */
  readonly count: number;
  /** Items in all. */
  readonly total: number;
  /** Items of an iteration. */
  readonly itemsIn: (index: number) => number;
  readonly inputOf: (index: number) => Promise<Json>;
  /** `$$.Map` of an iteration. */
  readonly mapOf: (index: number) => Json;
}

/** Reads, selects and batches the items of a Map. */
export async function itemsOf(host: Host, step: Step, args: Json): Promise<MapWork> {
  const { state } = step;
  const { items, source } = await itemSource(host, step, args);
  const keyed = items.keys;
  const mapOf = (index: number): Json => ({
    Item: {
      Index: index,
      Value: items.values[index] ?? null,
      Source: source,
      ...(keyed && { Key: keyed[index] ?? "" }),
    },
  });
  const selector = state.ItemSelector ?? (step.jsonata ? undefined : state.Parameters);
  const select = async (index: number): Promise<Json> => {
    const value = items.values[index] ?? null;
    if (selector === undefined) return keyed ? { Key: keyed[index] ?? "", Value: value } : value;
    return await fillAny({ ...step, context: { ...step.context, Map: mapOf(index) } }, selector, args);
  };
  const total = items.values.length;
  if (!state.ItemBatcher) return { count: total, total, itemsIn: () => 1, inputOf: select, mapOf };
  const batches = await batchesOf(step, args, total, select);
  return {
    count: batches.length,
    total,
    itemsIn: (index) => batches[index]?.Items.length ?? 0,
    inputOf: async (index) => ({ ...batches[index] }),
    mapOf: (index) => ({ Item: { Index: index, Value: { ...batches[index] }, Source: source } }),
  };
}

interface Items {
  readonly values: readonly Json[];
  /** Names of the members, where an object is mapped over. */
  readonly keys?: readonly string[] | undefined;
}

async function itemSource(host: Host, step: Step, args: Json): Promise<{ items: Items; source: string }> {
  const { state, jsonata, name } = step;
  if (state.ItemReader) {
    const read = await readItems(host, step, state.ItemReader, args);
    const at = state.ItemsPath === undefined ? read.value : get(state.ItemsPath, { ...scopeOf(step, read.value) });
    return { items: listed(at, name), source: read.source };
  }
  const value = jsonata
    ? await fill(step, state.Items ?? step.input)
    : get(state.ItemsPath ?? "$", scopeOf(step, args));
  if (jsonata && !Array.isArray(value) && !isRecord(value))
    throw new StateError("States.QueryEvaluationError", `The Items of ${name} are neither an array nor an object`);
  if (!jsonata && !Array.isArray(value)) throw runtimeError(`Map ${name}: its items are not an array`);
  return { items: listed(value, name), source: "STATE_DATA" };
}

function listed(value: Json, name: string): Items {
  if (Array.isArray(value)) return { values: value };
  if (isRecord(value)) return { keys: Object.keys(value), values: Object.values(value) as Json[] };
  throw runtimeError(`Map ${name}: its items are neither an array nor an object`);
}

interface Batch {
  readonly BatchInput?: Json;
  readonly Items: Json[];
}

async function batchesOf(
  step: Step,
  args: Json,
  total: number,
  select: (index: number) => Promise<Json>,
): Promise<Batch[]> {
  const batcher = step.state.ItemBatcher ?? {};
  const number = (name: "MaxItemsPerBatch" | "MaxInputBytesPerBatch") =>
    numberOf(step, name, batcher[name], batcher[`${name}Path`], args);
  const mostItems = (await number("MaxItemsPerBatch")) || Number.POSITIVE_INFINITY;
  const most = Math.min((await number("MaxInputBytesPerBatch")) || mostBytes, mostBytes);
  const shared = batcher.BatchInput === undefined ? {} : { BatchInput: await fillAny(step, batcher.BatchInput, args) };
  const empty = Buffer.byteLength(JSON.stringify({ ...shared, Items: [] }));
  const batches: Batch[] = [];
  let bytes = 0;
  for (let index = 0; index < total; index++) {
    const item = await select(index);
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    const last = batches.at(-1);
    if (!last || last.Items.length >= mostItems || bytes + size > most) {
      batches.push({ ...shared, Items: [item] });
      bytes = empty + size;
    } else {
      last.Items.push(item);
      bytes += size;
    }
  }
  return batches;
}
