import { createHash, randomInt, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Json } from "@tributary/model";
import { isRecord } from "../support";
import { seededFraction } from "./random";
import { StateError } from "./state-error";

export const intrinsicFailure = (cause: string) => new StateError("States.IntrinsicFailure", cause);
const failure = intrinsicFailure;

const array = (value: Json | undefined, name: string): Json[] => {
  if (Array.isArray(value)) return value;
  throw failure(`${name} wants an array, not ${JSON.stringify(value)}`);
};
const text = (value: Json | undefined, name: string, longest = Number.POSITIVE_INFINITY): string => {
  if (typeof value !== "string") throw failure(`${name} wants a string, not ${JSON.stringify(value)}`);
  if (value.length > longest) throw failure(`${name} takes at most ${longest} characters`);
  return value;
};
const integer = (value: Json | undefined, name: string): number => {
  if (typeof value === "number") return Math.round(value);
  throw failure(`${name} wants a number, not ${JSON.stringify(value)}`);
};
const hashes: Readonly<Record<string, string>> = {
  MD5: "md5",
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};
/** Most characters that Base64 and Hash take. */
const longest = 10_000;

interface IntrinsicFunction {
  /** Fewest and most arguments. */
  readonly takes: readonly [number, number];
  readonly run: (args: readonly Json[], name: string) => Json;
}

const of = (takes: readonly [number, number], run: IntrinsicFunction["run"]): IntrinsicFunction => ({ takes, run });
const any = Number.POSITIVE_INFINITY;

/** The intrinsic functions of the Amazon States Language (JSONPath). */
export const intrinsicFunctions: Readonly<Record<string, IntrinsicFunction>> = {
  "States.Format": of([1, any], ([template, ...args], name) => {
    let next = 0;
    const result = text(template, name).replace(/\\([{}\\'])|\\|\{\}/g, (found, escaped?: string) => {
      if (escaped !== undefined) return escaped;
      if (found === "\\") throw failure(`${name}: a backslash must be escaped by another`);
      const value = args[next++];
      if (value === undefined) throw failure(`${name} has more {} than arguments`);
      if (typeof value === "object" && value !== null)
        throw failure(`${name} takes strings, numbers, booleans and null, not ${JSON.stringify(value)}`);
      return typeof value === "string" ? value : JSON.stringify(value);
    });
    if (next < args.length) throw failure(`${name} has more arguments than {}`);
    return result;
  }),
  "States.StringToJson": of([1, 1], ([value], name) => {
    try {
      return JSON.parse(text(value, name)) as Json;
    } catch (error) {
      throw failure(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }),
  "States.JsonToString": of([1, 1], ([value]) => JSON.stringify(value)),
  "States.Array": of([0, any], (args) => [...args]),
  "States.ArrayPartition": of([2, 2], ([items, size], name) => {
    const [all, by] = [array(items, name), integer(size, name)];
    if (by < 1) throw failure(`${name} wants a positive size`);
    return Array.from({ length: Math.ceil(all.length / by) }, (_, index) => all.slice(index * by, (index + 1) * by));
  }),
  "States.ArrayContains": of([2, 2], ([items, wanted], name) =>
    array(items, name).some((item) => isDeepStrictEqual(item, wanted)),
  ),
  "States.ArrayRange": of([3, 3], ([first, last, by], name) => {
    const [from, to, stride] = [integer(first, name), integer(last, name), integer(by, name)];
    const length = stride === 0 ? any : Math.floor((to - from) / stride) + 1;
    if (length > 1000) throw failure(`${name} gives at most 1000 elements and has no step of 0`);
    return Array.from({ length: Math.max(length, 0) }, (_, index) => from + index * stride);
  }),
  "States.ArrayGetItem": of([2, 2], ([items, index], name) => {
    const item = array(items, name)[integer(index, name)];
    if (item === undefined) throw failure(`${name}: there is no item ${JSON.stringify(index)}`);
    return item;
  }),
  "States.ArrayLength": of([1, 1], ([items], name) => array(items, name).length),
  "States.ArrayUnique": of([1, 1], ([items], name) => {
    const kept: Json[] = [];
    const seen = new Set<string>();
    for (const item of array(items, name)) {
      const key = JSON.stringify(item, sortedKeys);
      if (!seen.has(key)) kept.push(item);
      seen.add(key);
    }
    return kept;
  }),
  "States.Base64Encode": of([1, 1], ([value], name) =>
    Buffer.from(text(value, name, longest), "utf8").toString("base64"),
  ),
  "States.Base64Decode": of([1, 1], ([value], name) =>
    Buffer.from(text(value, name, longest), "base64").toString("utf8"),
  ),
  "States.Hash": of([2, 2], ([value, algorithm], name) => {
    const hash = hashes[text(algorithm, name)];
    if (hash === undefined)
      throw failure(`${name}: ${JSON.stringify(algorithm)} is none of ${Object.keys(hashes).join(", ")}`);
    const data = typeof value === "string" ? value : JSON.stringify(value);
    return createHash(hash)
      .update(text(data, name, longest))
      .digest("hex");
  }),
  "States.JsonMerge": of([3, 3], ([left, right, deep], name) => {
    if (deep !== false) throw failure(`${name} merges shallowly: its third argument must be false`);
    if (!isRecord(left) || !isRecord(right)) throw failure(`${name} wants two objects`);
    return { ...left, ...right } as { [key: string]: Json };
  }),
  "States.MathRandom": of([2, 3], ([from, to, seed], name) => {
    const [low, high] = [integer(from, name), integer(to, name)];
    if (high <= low) throw failure(`${name} wants a start below its end`);
    if (seed === undefined) return randomInt(low, high);
    return low + Math.floor(seededFraction(integer(seed, name)) * (high - low));
  }),
  "States.MathAdd": of([2, 2], ([a, b], name) => integer(a, name) + integer(b, name)),
  "States.StringSplit": of([2, 2], ([value, separators], name) => {
    const characters = new Set(text(separators, name));
    const parts: string[] = [""];
    for (const character of text(value, name)) {
      if (characters.has(character)) parts.push("");
      else parts[parts.length - 1] += character;
    }
    return parts.filter((part) => part !== "");
  }),
  "States.UUID": of([0, 0], () => randomUUID()),
};

/** For `JSON.stringify`: objects that differ in the order of their members only are equal. */
const sortedKeys = (_: string, value: unknown): unknown =>
  isRecord(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
