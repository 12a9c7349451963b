import { type Fault, unknownValue } from "../engine/types";
import { isStoredAsset } from "../kernel/types";
import { suggestion } from "./nearest";
import type { ObjectTable, TypeCode } from "./tables";

type Types = Readonly<Record<string, ObjectTable>>;

const names: Readonly<Record<string, string>> = {
  s: "a string",
  n: "a number",
  b: "a boolean",
  asset: "an asset (pulumi.asset.FileAsset, StringAsset)",
  archive: "an archive (pulumi.asset.FileArchive, AssetArchive)",
};

/** Faults of an object's members: unknown ones, missing ones, wrong types. Null counts as absent, as in Pulumi. */
export function checkObject(value: Record<string, unknown>, table: ObjectTable, types: Types, path: string): Fault[] {
  const faults: Fault[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined || member === null) continue;
    const type = table[name] ?? table[`${name}!`];
    if (type === undefined) {
      const known = Object.keys(table).map((key) => key.replace(/!$/, ""));
      const hint =
        suggestion(name, known) || `; it has: ${known.slice(0, 12).join(", ")}${known.length > 12 ? ", …" : ""}`;
      faults.push({ path: at(path, name), reason: `there is no such property${hint}` });
    } else faults.push(...checkValue(member, type, types, at(path, name)));
  }
  for (const [key, type] of Object.entries(table)) {
    if (!key.endsWith("!")) continue;
    const name = key.slice(0, -1);
    if (value[name] !== undefined && value[name] !== null) continue;
    faults.push({ path: at(path, name), reason: `is required and missing; give ${describe(type)}` });
  }
  return faults;
}

/** Faults of a value against a type. What is not known yet passes. */
export function checkValue(value: unknown, type: TypeCode, types: Types, path: string): Fault[] {
  if (value === unknownValue || value === null || value === undefined) return [];
  if (typeof type === "string") return isScalar(value, type) ? [] : [wrong(value, type, path)];
  const [kind, ...rest] = type;
  if (kind === "u") return checkUnion(value, rest, types, path);
  if (kind === "e") {
    if (typeof value === "string" && rest.includes(value)) return [];
    const hint = typeof value === "string" ? suggestion(value, rest as string[]) : "";
    return [{ path, reason: `expected ${describe(type)}, got ${shown(value)}${hint}` }];
  }
  const [inner = "any"] = rest;
  if (kind === "a") {
    if (!Array.isArray(value)) return [wrong(value, type, path)];
    return value.flatMap((element, index) => checkValue(element, inner, types, `${path}[${index}]`));
  }
  if (!isPlainObject(value)) return [wrong(value, type, path)];
  if (kind === "m")
    return Object.entries(value).flatMap(([key, member]) => checkValue(member, inner, types, at(path, key)));
  const name = String(inner);
  // Policy documents given as objects have a check of their own.
  if (name.endsWith("PolicyDocument")) return [];
  const table = types[name];
  return table ? checkObject(value, table, types, path) : [];
}

/** The faults against the variant that fits best. */
function checkUnion(value: unknown, variants: readonly TypeCode[], types: Types, path: string): Fault[] {
  let best: Fault[] | undefined;
  let sameShape: Fault[] | undefined;
  for (const variant of variants) {
    const faults = checkValue(value, variant, types, path);
    if (faults.length === 0) return [];
    if (faults.every((fault) => fault.path !== path)) sameShape ??= faults;
    if (!best || faults.length < best.length) best = faults;
  }
  return sameShape ?? [{ path, reason: `expected ${describe(["u", ...variants])}, got ${shown(value)}` }];
}

function isScalar(value: unknown, type: string): boolean {
  switch (type) {
    case "any":
      return true;
    case "s":
      return typeof value === "string";
    case "n":
      return typeof value === "number" && !Number.isNaN(value);
    case "b":
      return typeof value === "boolean";
    case "asset":
      return isStoredAsset(value) && value.__asset === "file";
    case "archive":
      return isStoredAsset(value) && value.__asset === "archive";
    default:
      throw new Error(`the schema tables hold a type that is not known here: ${type}`);
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isStoredAsset(value);
}

function wrong(value: unknown, type: TypeCode, path: string): Fault {
  return { path, reason: `expected ${describe(type)}, got ${shown(value)}` };
}

function describe(type: TypeCode): string {
  if (typeof type === "string") return names[type] ?? "a value";
  const [kind, ...rest] = type;
  const [inner = "any"] = rest;
  if (kind === "u") return rest.map(describe).join(" or ");
  if (kind === "e") return `one of ${rest.map((value) => `"${String(value)}"`).join(", ")}`;
  if (kind === "a") return `a list of ${describe(inner).replace(/^an? /, "")}s`;
  if (kind === "m") return `a map of ${describe(inner).replace(/^an? /, "")}s`;
  return `an object (${String(inner)})`;
}

function shown(value: unknown): string {
  if (typeof value === "string") return `the string "${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`;
  if (typeof value === "number" || typeof value === "boolean") return `the ${typeof value} ${value}`;
  if (Array.isArray(value)) return "a list";
  if (isStoredAsset(value)) return value.__asset === "file" ? "an asset" : "an archive";
  return "an object";
}

function at(path: string, name: string): string {
  const member = /^[A-Za-z_$][\w$]*$/.test(name) ? name : `["${name}"]`;
  if (!path) return member;
  return member.startsWith("[") ? `${path}${member}` : `${path}.${member}`;
}
