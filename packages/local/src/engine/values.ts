import { isStoredAsset, type StoredAsset } from "../kernel/types";
import { unknownValue } from "./types";
import { hasSecret, isObject, secret, signatureOf, signed, unknownWire, type Wire, type WireObject } from "./wire";

/**
 * A wire value as a provider sees it: secrets unwrapped, unknowns as `unknownValue`, materialised assets as
 * `StoredAsset`, a resource as its id (a component as its URN).
 */
export function toPlain(value: Wire): unknown {
  if (value === unknownWire) return unknownValue;
  if (Array.isArray(value)) return value.map(toPlain);
  if (!isObject(value)) return value;
  const kind = signatureOf(value);
  if (kind === undefined) return plainObject(value);
  if (kind === "secret" || kind === "output")
    return value.value === undefined ? unknownValue : toPlain(value.value as Wire);
  if (kind === "resource") {
    if (!("id" in value)) return value.urn;
    return value.id === "" || value.id === unknownWire ? unknownValue : value.id;
  }
  const stored: StoredAsset = {
    __asset: kind === "asset" ? "file" : "archive",
    hash: String(value.hash),
    path: String(value.path),
  };
  return stored;
}

export function plainObject(value: WireObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toPlain(member)]));
}

/** A plain value (a provider's answer) as it travels; undefined members fall away. */
export function fromPlain(value: unknown): Wire {
  if (value === undefined || value === null) return null;
  if (value === unknownValue) return unknownWire;
  if (typeof value === "boolean" || typeof value === "number" || typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(fromPlain);
  if (isStoredAsset(value)) return storedAsset(value);
  if (value instanceof Date) return value.toISOString();
  if (isObject(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.map(([key, member]) => [key, fromPlain(member)]));
  }
  throw new Error(`a value of type ${typeof value} can not be a resource's output`);
}

export function storedAsset(asset: StoredAsset): WireObject {
  return signed(asset.__asset === "file" ? "asset" : "archive", { path: asset.path, hash: asset.hash });
}

/** Equality of plain values. An unknown equals nothing, itself included; assets are equal when their content is. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === unknownValue || b === unknownValue) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((element, index) => sameValue(element, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return a === b;
  if (isStoredAsset(a)) return isStoredAsset(b) && a.hash === b.hash && a.__asset === b.__asset;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameValue(a[key], b[key]));
}

/**
 * Outputs of a resource: its inputs, overlaid with what the provider answered. A value that the provider only echoes
 * keeps its secret mark; an output of a secret input is secret too.
 */
export function mergeOutputs(
  inputs: WireObject,
  answered: Record<string, unknown>,
  secretOutputs: readonly string[] = [],
): WireObject {
  const merged: WireObject = { ...inputs };
  for (const [key, value] of Object.entries(answered)) {
    if (value === undefined) continue;
    const input = inputs[key];
    if (input !== undefined && sameValue(toPlain(input), value)) continue;
    merged[key] = input !== undefined && hasSecret(input) ? secret(fromPlain(value)) : fromPlain(value);
  }
  for (const key of secretOutputs) if (merged[key] !== undefined) merged[key] = secret(merged[key]);
  return merged;
}
