import { createHash } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { version } from "@duckdb/node-api";
import type { Kernel } from "../../kernel";
import { duckdbType, type LakeFile, quoteName, quoteText, type Session, scanFiles } from "../duckdb";
import { type CatalogTable, relationOf } from "./catalog";
import { messageOf } from "./disk-full";

/**
 * Hashes of the keys in a table's files, a small file of the data folder for each. It tells which files may hold some keys,
 * where the keys themselves are four times as much to read, on every night that brings a new day. What is missing of it is
 * made from the table's files; files are known by their ETag, so it cannot be out of date.
 */
export class KeyIndex {
  private readonly folder: string;
  private readonly around: string;

  constructor(
    kernel: Kernel,
    private readonly session: Session,
    private readonly target: CatalogTable,
    private readonly key: readonly string[],
  ) {
    // Another engine may hash otherwise, and so do other types.
    const hashed = JSON.stringify([version(), key.map((name) => [name, this.typeOf(name)])]);
    const name = createHash("sha256").update(hashed).digest("hex").slice(0, 16);
    this.around = kernel.folder("keys", `${target.database}.${target.name}`);
    this.folder = kernel.folder("keys", `${target.database}.${target.name}`, name);
  }

  /** Those of some files that may hold a key which rows of a SELECT have: all that do, and hardly any other. */
  async filesWith(files: readonly LakeFile[], rows: string): Promise<readonly LakeFile[]> {
    if (files.length === 0) return [];
    await this.make(files);
    try {
      return await this.ask(files, rows);
    } catch (error) {
      // What a power cut left of a file: all are made again.
      if (!messageOf(error).includes(this.folder)) throw error;
      for (const file of files) rmSync(this.placeOf(file), { force: true });
      await this.make(files);
      return await this.ask(files, rows);
    }
  }

  /** Makes what is missing for a table's files, and removes what is left of files that it had. */
  async keep(files: readonly LakeFile[]): Promise<void> {
    await this.make(files);
    const wanted = new Set(files.map((file) => basename(this.placeOf(file))));
    for (const name of readdirSync(this.folder)) if (!wanted.has(name)) rmSync(join(this.folder, name));
    for (const name of readdirSync(this.around)) {
      if (name !== basename(this.folder)) rmSync(join(this.around, name), { recursive: true });
    }
  }

  private async ask(files: readonly LakeFile[], rows: string): Promise<readonly LakeFile[]> {
    const list = files.map((file) => quoteText(this.placeOf(file))).join(", ");
    const found = await this.session.connection.runAndReadAll(
      `SELECT DISTINCT k.filename FROM read_parquet([${list}], filename = true) k SEMI JOIN (SELECT ${this.hash("s")} AS h FROM (${rows}) s) s ON k.h = s.h`,
    );
    const named = new Set(found.getRowsJson().map(([name]) => basename(String(name))));
    return files.filter((file) => named.has(basename(this.placeOf(file))));
  }

  private async make(files: readonly LakeFile[]): Promise<void> {
    for (const file of files) {
      const place = this.placeOf(file);
      if (existsSync(place)) continue;
      const half = `${place}.half`;
      const rows = scanFiles(relationOf(this.target), [file]).sql;
      await this.session.run(
        `COPY (SELECT ${this.hash("t")} AS h FROM (${rows}) t) TO ${quoteText(half)} (FORMAT parquet, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1)`,
      );
      renameSync(half, place);
    }
  }

  private hash(alias: string): string {
    // A value that is none of the type is none of the table's.
    const values = this.key.map((name) => `TRY_CAST(${alias}.${quoteName(name)} AS ${this.typeOf(name)})`);
    return `hash(${values.join(", ")})`;
  }

  private typeOf(name: string): string {
    const { columns, partitionKeys } = this.target;
    const column = [...columns, ...partitionKeys].find((each) => each.name === name);
    if (column === undefined) throw new Error(`${this.target.database}.${this.target.name} has no column ${name}`);
    return duckdbType(column.type);
  }

  private placeOf({ etag, size }: LakeFile): string {
    return join(this.folder, `${etag.replace(/[^\w-]/g, "_")}-${size}.parquet`);
  }
}
