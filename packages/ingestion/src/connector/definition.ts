import type { ConnectorAuth } from "./auth";

/** AppFlow's field types. Times are ISO 8601 text. */
export const fieldTypes = [
  "String",
  "Integer",
  "Float",
  "Double",
  "Long",
  "Short",
  "BigInteger",
  "BigDecimal",
  "ByteArray",
  "Boolean",
  "Date",
  "DateTime",
  "Struct",
  "Map",
  "List",
] as const;
export type FieldType = (typeof fieldTypes)[number];

/** One value of a record; a bare type (`email: "String"`) stands for `{ type: "String" }`. */
export interface FieldDefinition {
  readonly type: FieldType;
  /** What AppFlow's console shows. @default the field's name */
  readonly label?: string;
  readonly description?: string;
  /** @default true, except for the identifier */
  readonly nullable?: boolean;
  /** Whether flows may filter by it. @default true, except for Struct, Map, List and ByteArray */
  readonly filterable?: boolean;
  /** Whether incremental flows may pull by it: the time of a record's last change. @default false */
  readonly incremental?: boolean;
  /** Whether writes may set it. @default true where the entity can be written */
  readonly writable?: boolean;
  /** The only values it may have. */
  readonly values?: readonly string[];
}

/** How the API hands out its pages. */
export type Paging =
  /** A token in the answer (`next`: dotted path) is sent back as a parameter. */
  | { readonly kind: "cursor"; readonly parameter: string; readonly next: string }
  /** Numbered pages. The page that is shorter than asked for is the last one. @default first: 1 */
  | { readonly kind: "page"; readonly parameter: string; readonly first?: number }
  /** Number of records to leave out. */
  | { readonly kind: "offset"; readonly parameter: string }
  /** The next page's URL: in the answer (`next`: dotted path), or in its `Link` header (RFC 8288). Only on the API's own host. */
  | { readonly kind: "url"; readonly next?: string }
  /** Everything in one answer. */
  | { readonly kind: "none" };

/** Comparisons that AppFlow's filters know. */
export const comparisons = ["=", "!=", ">", ">=", "<", "<=", "contains"] as const;
export type Comparison = (typeof comparisons)[number];

/** One condition of a filter, as it is offered to `list.filter`. `between` and `in` arrive as `>=`/`<=` and `=`. */
export interface Condition {
  readonly field: string;
  readonly is: Comparison;
  readonly value: string | number | boolean | null;
}

/** A record, by field. */
export type ConnectorRecord = Readonly<Record<string, unknown>>;

/** How an entity's records are read, page by page. */
export interface ListDefinition {
  /** Below `baseUrl`. */
  readonly path: string;
  /** Parameters of every call. */
  readonly query?: Readonly<Record<string, string>>;
  /** Dotted path of the list of records in the answer. @default the answer itself */
  readonly records?: string;
  /** @default { kind: "none" } */
  readonly paging?: Paging;
  /** The parameter that says how many records a page has, and the most that the API allows. */
  readonly pageSize?: { readonly parameter: string; readonly most: number };
  /** The parameter that says which fields are wanted, with commas between. */
  readonly select?: { readonly parameter: string };
  /**
   * Conditions that the API understands, as parameters: `{ updatedAt: { ">=": "updated_since" } }`. The connector checks
   * every condition on every record again, so one that is only nearly the same is right to give.
   */
  readonly filters?: Readonly<Record<string, Readonly<Partial<Record<Comparison, string>>>>>;
  /** For APIs with a query language: further parameters from the conditions that all must hold. */
  readonly filter?: (conditions: readonly Condition[]) => Readonly<Record<string, string>>;
  /** From what the API answers to the record with the entity's fields; values by the fields' names where left out. */
  readonly map?: (item: ConnectorRecord) => ConnectorRecord;
}

/** How one record is read by its identifier. */
export interface GetDefinition {
  /** Below `baseUrl`, with the field in braces: `/contacts/{id}`. */
  readonly path: string;
  /** Dotted path of the record in the answer. @default the answer itself */
  readonly record?: string;
}

/** How one record is written. */
export interface WriteDefinition {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `baseUrl`, with fields of the record in braces: `/contacts/{id}`. */
  readonly path: string;
  /** What is sent, as JSON. @default the record without the fields in the path; nothing for DELETE */
  readonly body?: (record: ConnectorRecord) => unknown;
  /** Dotted path of the written record's id in the answer. @default the record's identifier */
  readonly id?: string;
  /**
   * Header by which the API recognises a repeated call. With it, a POST is repeated after a lost answer or a 5xx too;
   * without it only where the API says that it did nothing (429, 503), as a second try could write the record twice.
   */
  readonly idempotencyHeader?: string;
}

export const writeOperations = ["INSERT", "UPDATE", "UPSERT", "DELETE"] as const;
export type WriteOperation = (typeof writeOperations)[number];

/** A kind of record: contacts, deals, orders. */
export interface EntityDefinition {
  readonly label?: string;
  readonly description?: string;
  readonly fields: Readonly<Record<string, FieldType | FieldDefinition>>;
  /** The field that names a record. */
  readonly identifier: string;
  readonly list: ListDefinition;
  /** How records are read by identifier; left out: by `list`. */
  readonly get?: GetDefinition;
  /** Left out: the entity is only read. */
  readonly write?: Readonly<Partial<Record<WriteOperation, WriteDefinition>>>;
}

/** Something that whoever makes a connection or a flow is asked for: an instance's address, an account number. */
export interface SettingDefinition {
  readonly label: string;
  readonly description?: string;
  /** @default "String" */
  readonly type?: "String" | "Date" | "DateTime" | "Long" | "Integer" | "Boolean";
  /** @default true */
  readonly required?: boolean;
  /** The only values it may have. */
  readonly values?: readonly string[];
  /** Who is asked: whoever makes the connection, or the flow. @default "CONNECTOR_PROFILE" */
  readonly scope?: "CONNECTOR_PROFILE" | "SOURCE" | "DESTINATION" | "SOURCE_AND_DESTINATION";
}

/**
 * An AppFlow connector for an HTTP API that speaks JSON: what there is to read and write, how to sign in, page and
 * filter. See docs/sources/appflow.md for the reference.
 */
export interface ConnectorDefinition {
  /** Letters, digits, `-` and `_`, at most 64: part of the connector's label and of its secrets' names. */
  readonly name: string;
  readonly version: string;
  /** @default the name */
  readonly owner?: string;
  readonly logoUrl?: string;
  /** What flows may choose from; stands for `{apiVersion}` in `baseUrl`. @default ["1"] */
  readonly apiVersions?: readonly string[];
  /** `https://api.example.com/v{apiVersion}`; settings stand in braces: `https://{instance}.example.com`. */
  readonly baseUrl: string;
  readonly settings?: Readonly<Record<string, SettingDefinition>>;
  /** One way to sign in, or several for the user to choose from: `apiKey()`, `basicAuth()`, `oauth2()`, `customAuth()`. */
  readonly auth: ConnectorAuth | readonly ConnectorAuth[];
  /** A call that only works with right credentials. @default the first page of the first entity */
  readonly check?: { readonly path: string };
  /** Headers of every call. Never secrets: those are `auth`'s. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly limits?: {
    /** Calls in all, for one that is refused for now (429, 5xx, no answer). @default 4 */
    readonly attempts?: number;
    /** For one call. @default 20 */
    readonly timeoutSeconds?: number;
    /** Calls at a time, when records are written or read one by one. @default 4 */
    readonly concurrency?: number;
  };
  /** By name, which flows choose them by. */
  readonly entities: Readonly<Record<string, EntityDefinition>>;
}

/** The definition of a field, however it was written. */
export function fieldOf(field: FieldType | FieldDefinition): FieldDefinition {
  return typeof field === "string" ? { type: field } : field;
}

/** The ways to sign in, as a list. */
export function authsOf({ auth }: Pick<ConnectorDefinition, "auth">): readonly ConnectorAuth[] {
  return Array.isArray(auth) ? (auth as readonly ConnectorAuth[]) : [auth as ConnectorAuth];
}

/** The operations that any entity can be written by. */
export function operationsOf(entities: readonly EntityDefinition[]): WriteOperation[] {
  return writeOperations.filter((operation) => entities.some(({ write }) => write?.[operation] !== undefined));
}

/** The file name of the definition in its function's archive: a function that gives it. */
export const connectorFile = "connector.cjs";
