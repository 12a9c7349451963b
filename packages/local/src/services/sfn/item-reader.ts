import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Json } from "@tributary/model";
import { parse } from "csv-parse/sync";
import { isRecord } from "../support";
import type { ItemReader } from "./definition";
import type { Host } from "./host";
import { Aborted, StateError } from "./state-error";
import { fill, fillAny, numberOf, type Step } from "./step";

interface ReadItems {
  readonly value: Json;
  /** Where they come from: `s3://bucket/key`. */
  readonly source: string;
}

type Config = Readonly<Record<string, Json>>;

const delimiters: Readonly<Record<string, string>> = {
  COMMA: ",",
  PIPE: "|",
  SEMICOLON: ";",
  SPACE: " ",
  TAB: "\t",
};

/** Reads the items of a distributed Map from S3, under the machine's role. @throws `States.ItemReaderFailed` */
export async function readItems(host: Host, step: Step, reader: ItemReader, args: Json): Promise<ReadItems> {
  let source = "the items";
  try {
    const given = await fillAny(step, reader.Arguments ?? reader.Parameters ?? {}, args);
    const at = (isRecord(given) ? given : {}) as Config;
    const config = (step.jsonata ? await fill(step, reader.ReaderConfig) : reader.ReaderConfig) as Config;
    const path = typeof config.MaxItemsPath === "string" ? config.MaxItemsPath : undefined;
    const most = (await numberOf(step, "MaxItems", config.MaxItems, path, args)) || Number.POSITIVE_INFINITY;
    source = `s3://${String(at.Bucket)}/${String(at.Key ?? at.Prefix ?? "")}`;
    if (reader.Resource.endsWith(":s3:listObjectsV2")) return { value: await listed(host, at, most), source };
    const value = await read(host, at, config, most);
    return { value: Array.isArray(value) ? value.slice(0, most) : value, source };
  } catch (error) {
    if (error instanceof Aborted) throw error;
    if (error instanceof StateError && error.error !== "States.Runtime") throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StateError("States.ItemReaderFailed", `${source} could not be read: ${reason}`);
  }
}

/** Every object below a prefix, described as AWS does. */
async function listed({ kernel, principal }: Host, at: Config, most: number): Promise<Json[]> {
  const items: Json[] = [];
  let token: string | undefined;
  do {
    const input = { ...at, ...(token !== undefined && { ContinuationToken: token }) };
    const page = await kernel.call<ListPage>("s3", "ListObjectsV2", input, principal);
    for (const { ETag, Key, LastModified, Size, StorageClass = "STANDARD" } of page.Contents ?? [])
      items.push({ Etag: ETag, Key, LastModified: Math.floor(+new Date(LastModified) / 1000), Size, StorageClass });
    token = page.NextContinuationToken;
  } while (token !== undefined && items.length < most);
  return items.slice(0, most);
}

interface ListPage {
  readonly Contents?: readonly {
    readonly ETag: string;
    readonly Key: string;
    readonly LastModified: Date | string;
    readonly Size: number;
    readonly StorageClass?: string;
  }[];
  readonly NextContinuationToken?: string;
}

async function read(host: Host, at: Config, config: Config, most: number): Promise<Json> {
  const body = await objectOf(host, at);
  switch (config.InputType) {
    case "CSV":
      return csvItems(body.toString("utf8"), config, most);
    case "JSONL":
      return body
        .toString("utf8")
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => JSON.parse(line) as Json);
    case "MANIFEST":
      return await inventoryItems(host, JSON.parse(body.toString("utf8")), most);
    default:
      return pointed(JSON.parse(body.toString("utf8")) as Json, config.ItemsPointer);
  }
}

async function objectOf({ kernel, principal }: Host, at: Config): Promise<Buffer> {
  const { Body } = await kernel.call<{ Body: Uint8Array }>("s3", "GetObject", at, principal);
  return Buffer.from(Body);
}

/** The place in a document that a JSON pointer (RFC 6901) names. */
function pointed(document: Json, pointer: Json | undefined): Json {
  if (typeof pointer !== "string" || pointer === "") return document;
  let value: Json | undefined = document;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    value = isRecord(value) || Array.isArray(value) ? (value as { [key: string]: Json })[key] : undefined;
  }
  if (value === undefined) throw new Error(`the ItemsPointer ${pointer} leads nowhere`);
  return value;
}

/** Rows as objects; a row's missing values are empty, and what it has beyond the header is left out. */
function csvItems(text: string, config: Config, most: number): Json[] {
  const given = config.CSVHeaderLocation === "GIVEN" ? (config.CSVHeaders as string[]) : undefined;
  const rows = parse(text, {
    delimiter: delimiters[String(config.CSVDelimiter ?? "COMMA")] ?? ",",
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    ...(Number.isFinite(most) && { to: most + (given ? 0 : 1) }),
  }) as string[][];
  const header = given ?? rows.shift() ?? [];
  return rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index] ?? ""])));
}

/** Rows of an S3 inventory: its manifest names CSV files, compressed or not. */
async function inventoryItems(host: Host, manifest: unknown, most: number): Promise<Json[]> {
  if (!isRecord(manifest) || !Array.isArray(manifest.files)) throw new Error("the manifest has no files");
  const { fileFormat = "CSV", fileSchema, destinationBucket } = manifest;
  if (fileFormat !== "CSV") throw new Error(`NotSupportedLocally: an S3 inventory in ${String(fileFormat)}`);
  const bucket = String(destinationBucket).replace(/^arn:aws[\w-]*:s3:::/, "");
  const config = { CSVHeaderLocation: "GIVEN", CSVHeaders: String(fileSchema).split(/\s*,\s*/) };
  const items: Json[] = [];
  for (const file of manifest.files.filter(isRecord)) {
    if (items.length >= most) break;
    const raw = await objectOf(host, { Bucket: bucket, Key: String(file.key) });
    const body = raw[0] === 0x1f && raw[1] === 0x8b ? await promisify(gunzip)(raw) : raw;
    items.push(...csvItems(body.toString("utf8"), config, most - items.length));
  }
  return items;
}
