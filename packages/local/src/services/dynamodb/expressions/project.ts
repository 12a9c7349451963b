import { type AttributeValue, type Item, member, put } from "../values";
import type { RawPath } from "./ast";

/** A tree of what a projection keeps; `true` keeps everything below. */
type Wanted = Map<string | number, Wanted | true>;

/** The part of an item that the paths name, in the item's shape. Elements of lists close up. Takes resolved paths. */
export function project(item: Item, paths: readonly RawPath[]): Item {
  const wanted: Wanted = new Map();
  for (const path of paths) {
    let level = wanted;
    path.forEach((step, depth) => {
      if (depth === path.length - 1) level.set(step, true);
      else {
        const next = level.get(step);
        if (next === true) return;
        const deeper: Wanted = next ?? new Map();
        level.set(step, deeper);
        level = deeper;
      }
    });
  }
  return pickMembers(item, wanted);
}

function pickMembers(item: Item, wanted: Wanted): Item {
  const result: Item = {};
  for (const [step, deeper] of wanted) {
    const value = typeof step === "string" ? member(item, step) : undefined;
    const kept = value && pick(value, deeper);
    if (kept) put(result, step as string, kept);
  }
  return result;
}

function pick(value: AttributeValue, wanted: Wanted | true): AttributeValue | undefined {
  if (wanted === true) return value;
  if (value.M) {
    const map = pickMembers(value.M, wanted);
    return Object.keys(map).length > 0 ? { M: map } : undefined;
  }
  if (!value.L) return undefined;
  const list: AttributeValue[] = [];
  const indexes = [...wanted.keys()].filter((step) => typeof step === "number").sort((a, b) => a - b);
  for (const index of indexes) {
    const element = value.L[index];
    const kept = element && pick(element, wanted.get(index) ?? true);
    if (kept) list.push(kept);
  }
  return list.length > 0 ? { L: list } : undefined;
}
