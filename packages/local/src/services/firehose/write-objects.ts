import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Kernel, Principal } from "../../kernel";
import { duckdbType, LakeEngine, parquetOptions, quoteName, quoteText } from "../duckdb";
import type { CatalogTable } from "../glue";
import { putLocalFile } from "../s3";
import type { Batch } from "./batch";
import type { DeliveryConfig } from "./config";
import { evaluatePrefix, type PrefixContext } from "./prefix";
import type { SpillFile } from "./spill-file";

/** Writes a batch's objects: one per partition and one per kind of failure. Each appears whole or not at all. */
export async function writeObjects(
  kernel: Kernel,
  stream: { readonly name: string; readonly config: DeliveryConfig; readonly table: CatalogTable | undefined },
  batch: Batch,
): Promise<void> {
  const { config, name, table } = stream;
  batch.finish();
  const context: PrefixContext = { at: batch.at, timeZone: config.timeZone, seed: batch.id };
  const stamp = new Date(batch.at).toISOString().slice(0, 19).replace(/[T:]/g, "-");
  const put = async (prefix: string, index: number, extension: string, make: (path: string) => Promise<string>) => {
    const suffix = index === 0 ? "" : `-${index}`;
    const key = `${prefix}${name}-1-${stamp}-${batch.id}${suffix}${extension}`;
    const principal: Principal = { kind: "role", roleArn: config.roleArn, session: name };
    const resource = `arn:aws:s3:::${config.bucket}/${key}`;
    kernel.authorize(principal, { action: "s3:PutObject", resource }, "PutObject");
    const path = await make(join(kernel.folder("tmp", "firehose"), randomUUID()));
    await putLocalFile(kernel, config.bucket, key, path);
  };
  const extension = config.fileExtension ?? (table ? ".parquet" : config.gzip ? ".gz" : "");
  for (const [index, { keys, file }] of [...batch.partitions.values()].entries()) {
    const prefix = evaluatePrefix(config.prefix, { ...context, partitionKeys: keys });
    await put(prefix, index, extension, (path) =>
      table ? toParquet(kernel, table, config, file, path) : config.gzip ? toGzip(file, path) : asIs(file),
    );
  }
  for (const [errorType, file] of batch.errors) {
    const prefix = evaluatePrefix(config.errorPrefix || config.prefix, { ...context, errorType });
    await put(prefix, 0, "", () => asIs(file));
  }
}

const asIs = async (file: SpillFile): Promise<string> => file.path;

async function toGzip(file: SpillFile, path: string): Promise<string> {
  await pipeline(createReadStream(file.path), createGzip(), createWriteStream(path));
  return path;
}

async function toParquet(
  kernel: Kernel,
  table: CatalogTable,
  config: DeliveryConfig,
  file: SpillFile,
  path: string,
): Promise<string> {
  const types = table.columns.map(({ name, type }) => `${quoteText(name)}: ${quoteText(duckdbType(type))}`);
  const names = table.columns.map(({ name }) => quoteName(name)).join(", ");
  const source = `read_json(${quoteText(file.path)}, format = 'newline_delimited', columns = {${types.join(", ")}}, maximum_object_size = 67108864)`;
  const rows = await LakeEngine.of(kernel).with("duckdb", (session) =>
    session.run(
      `COPY (SELECT ${names} FROM ${source}) TO ${quoteText(path)} (${parquetOptions(config.conversion?.compression)})`,
    ),
  );
  if (rows !== file.records)
    throw new Error(`${file.records} records became ${rows} rows of ${table.database}.${table.name}`);
  return path;
}
