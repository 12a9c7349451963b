import {
  type Condition,
  type ConnectorRecord,
  type EntityDefinition,
  fieldOf,
  type ListDefinition,
} from "../../connector/definition";
import { ConnectorFailure } from "./failure";
import { type Expression, fieldsIn, holds, required } from "./filter";
import { type Answer, at, type Client } from "./http";

/** Where a reading goes on: the API's page, and how many of its records were given already. */
interface Position {
  readonly page?: string;
  readonly skip: number;
}

export interface ReadOptions {
  readonly filter: Expression | undefined;
  /** Left out: all fields. */
  readonly fields: readonly string[] | undefined;
  readonly token: string | undefined;
  readonly most: number;
  /** Bytes of JSON that an answer may have. */
  readonly bytes: number;
  /** Whether there is time for another page. */
  readonly goOn: () => boolean;
}

export interface ReadResult {
  /** JSON text each, as AppFlow wants them. */
  readonly records: readonly string[];
  readonly nextToken?: string;
}

const start: Position = { skip: 0 };
const write = (position: Position) => Buffer.from(JSON.stringify(position)).toString("base64url");

function readToken(token: string | undefined): Position {
  if (token === undefined || token === "") return start;
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    const { page, skip } = value as { page?: unknown; skip?: unknown };
    if (Number.isInteger(skip) && Number(skip) >= 0 && (page === undefined || typeof page === "string")) {
      return { skip: Number(skip), ...(page === undefined ? {} : { page }) };
    }
  } catch {
    // Told below, as for a token of another shape.
  }
  throw new ConnectorFailure("InvalidArgument", "nextToken is none that this connector gave");
}

/**
 * Reads an entity's records from where the token says, page after page, until there are enough, too many bytes, no more
 * time or no more pages. What did not fit is where the next token goes on, within a page too: nothing is left out.
 */
export async function readRecords(client: Client, entity: EntityDefinition, options: ReadOptions): Promise<ReadResult> {
  const { list } = entity;
  const conditions = required(options.filter);
  const { query, given } = pushed(list, conditions);
  const size = list.pageSize?.most;
  const records: string[] = [];
  let bytes = 0;
  let position = readToken(options.token);
  for (;;) {
    const answer = await client.call({
      ...pageCall(list, position),
      query: { ...pageQuery(list, position, size), ...query, ...selection(entity, options) },
      repeatable: true,
    });
    const items = at(answer.body, list.records);
    if (!Array.isArray(items)) {
      const where = list.records === undefined ? "the answer" : `"${list.records}" of the answer`;
      throw new ConnectorFailure("ServerError", `${list.path}: ${where} is no list of records`);
    }
    for (let index = position.skip; index < items.length; index += 1) {
      const record = recordOf(entity, items[index]);
      if (!holds(options.filter, record, given)) continue;
      const text = JSON.stringify(selected(record, options.fields));
      const weight = Buffer.byteLength(text) + 8;
      if (records.length > 0 && (records.length >= options.most || bytes + weight > options.bytes)) {
        return { records, nextToken: write({ ...position, skip: index }) };
      }
      if (weight > options.bytes) {
        throw new ConnectorFailure(
          "ClientError",
          `${list.path}: a record has ${weight} bytes, more than one answer may have (${options.bytes}); map it smaller`,
        );
      }
      records.push(text);
      bytes += weight;
    }
    const page = nextPage(list, position, answer, items.length, size);
    if (page === undefined) return { records };
    if (page === position.page)
      throw new ConnectorFailure("ServerError", `${list.path}: the API names the same next page again`);
    position = { page, skip: 0 };
    if (records.length >= options.most || !options.goOn()) return { records, nextToken: write(position) };
  }
}

/** An API's item as a record of the entity: the user's map, then only the entity's fields. */
export function recordOf(entity: EntityDefinition, item: unknown): ConnectorRecord {
  if (typeof item !== "object" || item === null) {
    throw new ConnectorFailure("ServerError", `${entity.list.path}: a record is no object`);
  }
  const mapped = entity.list.map ? entity.list.map(item as ConnectorRecord) : (item as ConnectorRecord);
  return Object.fromEntries(
    Object.keys(entity.fields)
      .filter((name) => mapped[name] !== undefined)
      .map((name) => [name, mapped[name]]),
  );
}

/** The wanted fields of a record. */
export function selected(record: ConnectorRecord, fields: readonly string[] | undefined | null): ConnectorRecord {
  if (!fields || fields.length === 0) return record;
  return Object.fromEntries(fields.filter((name) => record[name] !== undefined).map((name) => [name, record[name]]));
}

/** @throws ConnectorFailure naming the first field that the entity does not have */
export function checkFields(entity: EntityDefinition, name: string, fields: readonly string[]): void {
  const unknown = fields.find((field) => entity.fields[field] === undefined);
  if (unknown === undefined) return;
  throw new ConnectorFailure(
    "InvalidArgument",
    `${name} has no field ${unknown}; it has ${Object.keys(entity.fields).join(", ")}`,
  );
}

/** The query parameters that conditions become, and the conditions that did. */
function pushed(
  list: ListDefinition,
  conditions: readonly Condition[],
): { query: Record<string, string>; given: Condition[] } {
  const query: Record<string, string> = {};
  const given: Condition[] = [];
  for (const condition of conditions) {
    const by = list.filters?.[condition.field];
    // An inclusive parameter serves the exclusive comparison too: the record itself is checked again.
    const parameter =
      by?.[condition.is] ?? (condition.is === ">" ? by?.[">="] : condition.is === "<" ? by?.["<="] : undefined);
    if (parameter === undefined || condition.value === null || query[parameter] !== undefined) continue;
    query[parameter] = String(condition.value);
    given.push(condition);
  }
  return { query: { ...query, ...list.filter?.(conditions) }, given };
}

/** Fields to ask for: the wanted ones and those that the filter is checked on. */
function selection(entity: EntityDefinition, { fields, filter }: ReadOptions): Record<string, string> {
  const { select, map } = entity.list;
  // What a user's map makes its fields of is not known here.
  if (!select || map || !fields || fields.length === 0) return {};
  return { [select.parameter]: [...new Set([entity.identifier, ...fields, ...fieldsIn(filter)])].join(",") };
}

function pageCall(list: ListDefinition, { page }: Position): { method: string; path: string } {
  return { method: "GET", path: list.paging?.kind === "url" && page !== undefined ? page : list.path };
}

function pageQuery(list: ListDefinition, { page }: Position, size: number | undefined): Record<string, string> {
  const { paging = { kind: "none" } } = list;
  // The next page's URL has all parameters of its own.
  if (paging.kind === "url" && page !== undefined) return {};
  const parameter = paging.kind === "none" || paging.kind === "url" ? undefined : paging.parameter;
  const from =
    page ?? (paging.kind === "page" ? String(paging.first ?? 1) : paging.kind === "offset" ? "0" : undefined);
  return {
    ...list.query,
    ...(size === undefined || !list.pageSize ? {} : { [list.pageSize.parameter]: String(size) }),
    ...(parameter === undefined || from === undefined ? {} : { [parameter]: from }),
  };
}

function nextPage(
  list: ListDefinition,
  { page }: Position,
  answer: Answer,
  count: number,
  size = 0,
): string | undefined {
  const { paging = { kind: "none" } } = list;
  switch (paging.kind) {
    case "cursor":
      return present(at(answer.body, paging.next));
    case "page":
      return count < size ? undefined : String(Number(page ?? paging.first ?? 1) + 1);
    case "offset":
      return count < size ? undefined : String(Number(page ?? 0) + count);
    case "url":
      return paging.next === undefined ? linkNext(answer.headers.get("link")) : present(at(answer.body, paging.next));
    default:
      return undefined;
  }
}

const present = (value: unknown) =>
  (typeof value === "string" && value !== "") || typeof value === "number" ? String(value) : undefined;

/** `<https://…?page=2>; rel="next"` (RFC 8288). */
function linkNext(header: string | null): string | undefined {
  for (const [, url, parameters = ""] of (header ?? "").matchAll(/<([^>]*)>([^,<]*)/g)) {
    if (/;\s*rel="?[^"]*\bnext\b/.test(parameters)) return url;
  }
  return undefined;
}

/** Names of the fields that a flow may filter by. */
export function isFilterable(entity: EntityDefinition, name: string): boolean {
  const given = entity.fields[name];
  if (given === undefined) return false;
  const { type, filterable } = fieldOf(given);
  return filterable ?? !["Struct", "Map", "List", "ByteArray"].includes(type);
}
