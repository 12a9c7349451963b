import { isStoredAsset } from "../kernel/types";
import { pathMatches } from "./paths";
import { plainObject, sameValue } from "./values";
import { isObject, type WireObject } from "./wire";

/** Paths of what differs between two sets of inputs, as deep as both sides have the same shape. */
export function changedPaths(before: WireObject, after: WireObject): string[] {
  const paths: string[] = [];
  compare(plainObject(before), plainObject(after), "", paths);
  return paths;
}

function compare(before: unknown, after: unknown, path: string, paths: string[]): void {
  if (sameValue(before, after)) return;
  if (isObject(before) && isObject(after) && !isStoredAsset(before) && !isStoredAsset(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(before[key], after[key], path ? `${path}.${member(key)}` : member(key), paths);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (let index = 0; index < after.length; index++) compare(before[index], after[index], `${path}[${index}]`, paths);
    return;
  }
  paths.push(path);
}

function member(key: string): string {
  return /[.[\]"]/.test(key) ? `["${key.replaceAll('"', '\\"')}"]` : key;
}

/** The first changed path that one of the patterns covers: the reason for a replacement. */
export function firstMatch(paths: readonly string[], patterns: readonly string[]): string | undefined {
  return paths.find((path) => patterns.some((pattern) => pathMatches(pattern, path)));
}
