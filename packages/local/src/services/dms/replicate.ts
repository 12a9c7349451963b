import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AwsError, type Kernel, NotSupportedLocally, type Principal, type Resource } from "../../kernel";
import { LakeEngine, parquetOptions, quoteText } from "../duckdb";
import { putLocalFile } from "../s3";
import { isRecord, records, text } from "../support";

/** A line of a change file: a row that was there (`L`), was inserted, changed or deleted. */
const operations = ["L", "I", "U", "D"] as const;
type Op = (typeof operations)[number];

/** What of the target endpoint decides how files look. */
interface Target {
  readonly bucket: string;
  readonly folder: string;
  readonly role: string;
  readonly opInLoad: boolean;
  readonly timestampColumn: string | undefined;
  readonly changes: ReadonlySet<Op>;
}

function targetOf(kernel: Kernel, config: Resource): Target {
  const found = [...kernel.resources.values()].find(
    ({ type, outputs }) =>
      type === "aws:dms/s3Endpoint:S3Endpoint" && outputs.endpointArn === config.inputs.targetEndpointArn,
  );
  if (!found) throw new NotSupportedLocally("a DMS target that is no S3 endpoint of the stack");
  const { inputs } = found;
  if (inputs.dataFormat !== "parquet") throw new NotSupportedLocally("a DMS target of another format than parquet");
  return {
    bucket: String(inputs.bucketName),
    folder: text(inputs.bucketFolder) ? `${String(inputs.bucketFolder)}/` : "",
    role: String(inputs.serviceAccessRoleArn),
    opInLoad: inputs.includeOpForFullLoad === true,
    timestampColumn: text(inputs.timestampColumnName),
    changes: new Set<Op>(
      inputs.cdcInsertsOnly === true ? ["I"] : inputs.cdcInsertsAndUpdates === true ? ["I", "U"] : ["I", "U", "D"],
    ),
  };
}

/** Whether the table mappings include a table (`%` is anything). */
function selected(mappings: unknown, schema: string, table: string): boolean {
  const { rules } = JSON.parse(String(mappings)) as { rules?: unknown };
  const like = (pattern: unknown, value: string) =>
    new RegExp(
      `^${String(pattern)
        .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        .replaceAll("%", ".*")}$`,
    ).test(value);
  return records(rules).some((rule) => {
    const locator = rule["object-locator"];
    return (
      rule["rule-type"] === "selection" &&
      rule["rule-action"] === "include" &&
      isRecord(locator) &&
      like(locator["schema-name"], schema) &&
      like(locator["table-name"], table)
    );
  });
}

interface Change {
  readonly op: Op;
  readonly at?: string;
  readonly row: Record<string, unknown>;
}

function readChange(line: string, number: number): Change {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new AwsError("InvalidChange", `line ${number} is no JSON: ${(error as Error).message}`);
  }
  const { op, at, row } = isRecord(value) ? value : {};
  if (!(operations as readonly unknown[]).includes(op) || !isRecord(row)) {
    throw new AwsError("InvalidChange", `line ${number} must be {"op":"L"|"I"|"U"|"D","row":{…},"at":"<ISO time>"}`);
  }
  return { op: op as Op, row, ...(typeof at === "string" ? { at } : {}) };
}

/**
 * Writes a change file of one table to the target: rows that were there to `LOAD00000001.parquet` (of a further file
 * `LOAD00000002`, …), changes to a file named after the time, each with `Op` and the time column as the endpoint asks.
 */
export async function replicate(
  kernel: Kernel,
  config: Resource,
  { path, name }: { readonly path: string; readonly name: string },
): Promise<void> {
  const named = /^([^./]+)\.([^/]+)\.jsonl$/.exec(name);
  const [, schema = "", table = ""] = named ?? [];
  if (!named) throw new AwsError("InvalidChange", "a change file is named <schema>.<table>.jsonl");
  if (!selected(config.inputs.tableMappings, schema, table)) {
    throw new AwsError("InvalidChange", `the replication's table mappings do not include ${schema}.${table}`);
  }
  const target = targetOf(kernel, config);
  const parts = {
    load: join(kernel.folder("tmp", "dms"), `${randomUUID()}.jsonl`),
    changes: join(kernel.folder("tmp", "dms"), `${randomUUID()}.jsonl`),
  };
  try {
    const counts = await split(kernel, path, target, String(config.inputs.replicationType), parts);
    const folder = `${target.folder}${schema}/${table}/`;
    const write = (part: string, file: string) =>
      toParquet(kernel, part, target, `${folder}${file}.parquet`, String(config.inputs.replicationConfigIdentifier));
    if (counts.load > 0) await write(parts.load, loadName(kernel, config.urn, `${schema}.${table}`));
    if (counts.changes > 0) await write(parts.changes, changesName(kernel.now()));
  } finally {
    for (const part of Object.values(parts)) rmSync(part, { force: true });
  }
  rmSync(path);
}

/** The rows of a change file, apart: as the lines that become Parquet. */
async function split(
  kernel: Kernel,
  path: string,
  { opInLoad, timestampColumn, changes }: Target,
  type: string,
  parts: { readonly load: string; readonly changes: string },
): Promise<{ load: number; changes: number }> {
  const out = { load: createWriteStream(parts.load), changes: createWriteStream(parts.changes) };
  const counts = { load: 0, changes: 0 };
  const loadedAt = new Date(kernel.now()).toISOString();
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (line.trim() === "") continue;
      const { op, row, at = loadedAt } = readChange(line, number);
      const part = op === "L" ? "load" : "changes";
      if (part === "load" ? type === "cdc" : type === "full-load" || !changes.has(op)) continue;
      const written = {
        ...(part === "changes" || opInLoad ? { Op: op === "L" ? "I" : op } : {}),
        ...(timestampColumn === undefined ? {} : { [timestampColumn]: at }),
        ...row,
      };
      counts[part] += 1;
      if (!out[part].write(`${JSON.stringify(written)}\n`)) await once(out[part], "drain");
    }
  } finally {
    await Promise.all(Object.values(out).map((stream) => new Promise((resolve) => stream.end(resolve))));
  }
  return counts;
}

async function toParquet(kernel: Kernel, part: string, target: Target, key: string, session: string): Promise<void> {
  const principal: Principal = { kind: "role", roleArn: target.role, session };
  const resource = `arn:aws:s3:::${target.bucket}/${key}`;
  kernel.authorize(principal, { action: "s3:PutObject", resource }, "PutObject");
  const file = join(kernel.folder("tmp", "dms"), `${randomUUID()}.parquet`);
  await LakeEngine.of(kernel).with("duckdb", (engine) =>
    engine.run(
      `COPY (SELECT * FROM read_json(${quoteText(part)}, format = 'newline_delimited', sample_size = -1)) TO ${quoteText(file)} (${parquetOptions("gzip")})`,
    ),
  );
  await putLocalFile(kernel, target.bucket, key, file);
}

/** `LOAD00000001`, counted for each table. */
function loadName(kernel: Kernel, urn: string, table: string): string {
  const loads = kernel.store.table<number>("dms.loads");
  const number = (loads.get([urn, table]) ?? 0) + 1;
  void kernel.store.write(() => loads.put([urn, table], number));
  return `LOAD${number.toString(16).toUpperCase().padStart(8, "0")}`;
}

let lastChange = 0;

/** `20261123-101112123`: the time in milliseconds, never the same twice. */
function changesName(now: number): string {
  lastChange = Math.max(now, lastChange + 1);
  const digits = new Date(lastChange).toISOString().replace(/\D/g, "");
  return `${digits.slice(0, 8)}-${digits.slice(8, 17)}`;
}
