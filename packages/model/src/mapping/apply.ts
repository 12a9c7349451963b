import { shortHash } from "../canonical";
import { type Rejection, rejection } from "../collect/rejection";
import type { Json, JsonObject } from "../json";
import { nearest } from "../nearest";
import type { Mapping, MappingCondition, MappingNode } from "./schema";
import { readerFor, UnreadableValue } from "./values";

/** A row by column name. CSV gives text; JSON lines and Parquet may give other scalars, read as their text. */
export type Row = Readonly<Record<string, unknown>>;

/** Where a row is from. */
export interface RowPlace {
  /** Number of the row's line in the file. */
  readonly line: number;
  /** The first 16 hex digits of the SHA-256 of the file's content: equal content, equal message ids. */
  readonly file: string;
  /** The running counts of `$count`: one map for a file, given with each of its rows in the file's order. */
  readonly counters: Map<string, number>;
}

type Evaluate = (row: Row, place: RowPlace) => Json | undefined;

function cell(row: Row, column: string): string {
  const value = row[column];
  if (value === undefined || value === null) return "";
  if (value instanceof Date) return value.toISOString();
  return (typeof value === "object" ? JSON.stringify(value) : String(value)).trim();
}

function compileCondition(condition: MappingCondition | undefined): (row: Row) => boolean {
  if (!condition) return () => true;
  const { column } = condition;
  if ("empty" in condition) return (row) => (cell(row, column) === "") === condition.empty;
  const expression = new RegExp(condition.matches);
  return (row) => expression.test(cell(row, column));
}

/** Text with `{column}` places; an empty column makes the whole empty, so that `order-` without a number is no value. */
function compileTemplate(template: string): (row: Row) => string {
  const parts = template.split(/\{([^{}]+)\}/);
  return (row) => {
    let text = "";
    for (const [index, part] of parts.entries()) {
      if (index % 2 === 0) text += part;
      else {
        const value = cell(row, part);
        if (value === "") return "";
        text += value;
      }
    }
    return text;
  };
}

type Leaf = Extract<MappingNode, { $column: string } | { $template: string }>;

function compileLeaf(node: Leaf): Evaluate {
  const text = "$column" in node ? (row: Row) => cell(row, node.$column) : compileTemplate(node.$template);
  const what = "$column" in node ? `column ${node.$column}` : `"${node.$template}"`;
  const holds = compileCondition(node.when);
  const read = readerFor(node.as, node.format, node.zone);
  const replaced = node.replace && new RegExp(node.replace.matches, "g");
  return (row) => {
    if (!holds(row)) return undefined;
    const raw = text(row);
    const value = replaced ? raw.replace(replaced, node.replace?.with ?? "") : raw;
    if (value === "") {
      if (node.required) throw new UnreadableValue(`${what} is empty`);
      return undefined;
    }
    try {
      return read(value);
    } catch (error) {
      if (error instanceof UnreadableValue) throw new UnreadableValue(`${what}: ${error.message}`);
      throw error;
    }
  };
}

function compileCount(template: string, when: MappingCondition | undefined): Evaluate {
  const key = compileTemplate(template);
  const holds = compileCondition(when);
  return (row, { counters }) => {
    if (!holds(row)) return undefined;
    const counter = `${template}\0${key(row)}`;
    const count = (counters.get(counter) ?? 0) + 1;
    counters.set(counter, count);
    return count;
  };
}

function isList(node: MappingNode): node is readonly MappingNode[] {
  return Array.isArray(node);
}

function compile(node: MappingNode): Evaluate {
  if (isList(node)) {
    const members = node.map(compile);
    return (row, place) => members.flatMap((member) => member(row, place) ?? []);
  }
  if ("$column" in node || "$template" in node) return compileLeaf(node as Leaf);
  if ("$value" in node) {
    const { $value, when } = node as { $value: Json; when?: MappingCondition };
    const holds = compileCondition(when);
    return (row) => (holds(row) ? $value : undefined);
  }
  if ("$count" in node) {
    const { $count, when } = node as { $count: string; when?: MappingCondition };
    return compileCount($count, when);
  }
  if ("$first" in node) {
    const choices = (node.$first as readonly MappingNode[]).map(compile);
    return (row, place) => {
      for (const choice of choices) {
        const value = choice(row, place);
        if (value !== undefined) return value;
      }
      return undefined;
    };
  }
  return compileObject(node as Readonly<Record<string, MappingNode>>);
}

function compileObject(node: Readonly<Record<string, MappingNode>>): (row: Row, place: RowPlace) => JsonObject {
  const members = Object.entries(node).map(([field, member]) => [field, compile(member)] as const);
  return (row, place) => {
    const object: JsonObject = {};
    for (const [field, evaluate] of members) {
      const value = evaluate(row, place);
      if (value !== undefined) object[field] = value;
    }
    return object;
  };
}

const compiled = new WeakMap<Mapping, (row: Row, place: RowPlace) => JsonObject>();

function compiledMapping(mapping: Mapping): (row: Row, place: RowPlace) => JsonObject {
  const known = compiled.get(mapping);
  if (known) return known;
  const made = compileObject(mapping.event);
  compiled.set(mapping, made);
  return made;
}

/** Message id of a row: the same file's same line has the same, so that loading a file again does not double it. */
export function rowMessageId(place: Pick<RowPlace, "file" | "line">): string {
  return `${place.file}:${place.line}`;
}

/**
 * The event of a row, ready to be posted as an item of a batch, or why there is none. Throws SyntaxError or RangeError
 * for a mapping with a broken regular expression or an unknown zone (`mappingFaults` finds these before).
 */
export function applyMapping(mapping: Mapping, row: Row, place: RowPlace): JsonObject | Rejection {
  try {
    const event = compiledMapping(mapping)(row, place);
    return event.messageId === undefined ? { messageId: rowMessageId(place), ...event } : event;
  } catch (error) {
    if (error instanceof UnreadableValue) return rejection("unmappable", `line ${place.line}`, error.message);
    throw error;
  }
}

/**
 * The item that takes a row which cannot be mapped to the collector, and so to quarantine with its original line: the
 * lines of a file are the accepted and the quarantined, none is left behind.
 */
export function rejectedItem(
  rejected: Rejection,
  place: Pick<RowPlace, "file" | "line">,
  original: string,
): JsonObject {
  const detail = rejected.path ? `${rejected.path}: ${rejected.detail}` : rejected.detail;
  return {
    type: "track",
    messageId: rowMessageId(place),
    context: { rejection: { reason: rejected.reason, detail, original } },
  };
}

function columnsOf(node: MappingNode, found: Set<string>): void {
  if (typeof node !== "object" || node === null) return;
  const places = (template: string) => {
    for (const [, column] of template.matchAll(/\{([^{}]+)\}/g)) if (column !== undefined) found.add(column);
  };
  if (!isList(node)) {
    const { $column, $template, $count, when } = node as Record<string, unknown> & { when?: MappingCondition };
    if (typeof $column === "string") found.add($column);
    if (typeof $template === "string") places($template);
    if (typeof $count === "string") places($count);
    if (when && ("empty" in when || "matches" in when) && typeof when.column === "string") found.add(when.column);
    if ("$value" in node) return;
  }
  for (const member of Object.values(node)) columnsOf(member as MappingNode, found);
}

/** The columns that a mapping names: those that it requires, then those of its event, each once, in their order there. */
export function mappingColumns(mapping: Mapping): string[] {
  const found = new Set(mapping.requires ?? []);
  columnsOf(mapping.event, found);
  return [...found];
}

export interface MissingColumn {
  readonly column: string;
  /** The column of the file that was probably meant. */
  readonly nearest?: string;
}

/** Columns that a mapping names and a file's header lacks: told before anything is sent. */
export function missingColumns(mapping: Mapping, header: readonly string[]): MissingColumn[] {
  const wanted = new Set(mapping.requires ?? []);
  columnsOf(mapping.event, wanted);
  // A column that the mapping has a use for is not the one that was meant.
  const unused = header.filter((column) => !wanted.has(column));
  return [...wanted]
    .filter((column) => !header.includes(column))
    .map((column) => {
      const meant = nearest(column, unused);
      return meant === undefined ? { column } : { column, nearest: meant };
    });
}

/** What is wrong with a mapping beyond its shape (regular expressions, zones); empty where it can be used. */
export function mappingFaults(mapping: Mapping): string[] {
  try {
    compiledMapping(mapping);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** `file` of `RowPlace` from the SHA-256 of the file's content, or from any text that names it for good. */
export function fileId(contentSha256: string): string {
  return /^[0-9a-f]{64}$/.test(contentSha256) ? contentSha256.slice(0, 16) : shortHash(contentSha256, 16);
}
