import { type LakeFile, quoteName, quoteText, type Session, scanFiles } from "../duckdb";
import { type CatalogTable, relationOf } from "./catalog";
import type { PartitionName } from "./fingerprints";
import { type Source, selectOf } from "./sources";

/** What is there of a table whose keys belong to the first partition that has them. */
export interface FirstTable {
  readonly target: CatalogTable;
  readonly partitions: ReadonlyMap<PartitionName, readonly LakeFile[]>;
  readonly key: readonly string[];
}

const names = (key: readonly string[], alias: string): string =>
  key.map((name) => `${alias}.${quoteName(name)}`).join(", ");
const same = (key: readonly string[], a: string, b: string): string =>
  key.map((name) => `${a}.${quoteName(name)} = ${b}.${quoteName(name)}`).join(" AND ");

/**
 * Keeps each key in the first partition that has it, while partitions are made one after the other: `hold` says which
 * keys partitions have that stay as they are, `leaveOut` keeps those away from the next one, `take` adds what it got.
 */
export class FirstPartition {
  private readonly held: string;
  private readonly crossing: string;
  private anyHeld = false;
  private anyCrossing = false;

  constructor(
    private readonly session: Session,
    private readonly source: Source,
    private readonly table: FirstTable,
  ) {
    this.held = `${session.database}.main.held_keys`;
    this.crossing = `${session.database}.main.crossing_keys`;
  }

  /**
   * Finds what the rest of the table holds of the keys of these partitions. Returns the partitions that must be made
   * again: these, and later ones whose rows turn out to have come before; undefined where keys have gone from the
   * source, so that any later partition may have them now.
   */
  async hold(changed: readonly PartitionName[]): Promise<readonly PartitionName[] | undefined> {
    let partitions = [...changed].sort();
    if (await this.vanished(partitions)) return undefined;
    for (;;) {
      await this.findHeld(partitions);
      const later = this.anyHeld ? await this.displaced(partitions) : [];
      if (later.length === 0) break;
      partitions = [...partitions, ...later].sort();
    }
    await this.findCrossing(partitions);
    return partitions;
  }

  /** Begins where all partitions are made. */
  async begin(): Promise<void> {
    const partitions = [...this.source.partitions.keys()];
    await this.session.run(
      `CREATE OR REPLACE TABLE ${this.held} AS SELECT ${names(this.table.key, "s")}, '' AS partition_name FROM (${selectOf(this.source, [])}) s`,
    );
    this.anyHeld = false;
    await this.findCrossing(partitions);
  }

  /** A SELECT of a source's partition without the keys that another partition has. */
  leaveOut(rows: string): string {
    if (!this.anyHeld) return rows;
    return `SELECT s.* FROM (${rows}) s ANTI JOIN ${this.held} h ON ${same(this.table.key, "s", "h")}`;
  }

  /** Keeps the keys of a partition that was made, as far as partitions after it have them too. */
  async take(partition: PartitionName, file: string): Promise<void> {
    if (!this.anyCrossing) return;
    const { key } = this.table;
    const rows = `read_parquet(${quoteText(file)}, hive_partitioning = false)`;
    const among = `hash(${names(key, "p")}) IN (SELECT h FROM ${this.crossing})`;
    const taken = await this.session.run(
      `INSERT INTO ${this.held} SELECT ${names(key, "p")}, ${quoteText(partition)} FROM ${rows} p WHERE ${among}`,
    );
    this.anyHeld ||= taken > 0;
  }

  private select(partitions: readonly PartitionName[], inside: boolean): string {
    const files = [...this.table.partitions].flatMap(([name, some]) =>
      partitions.includes(name) === inside ? some : [],
    );
    return scanFiles(relationOf(this.table.target), files).sql;
  }

  private async vanished(partitions: readonly PartitionName[]): Promise<boolean> {
    if (!partitions.some((name) => this.table.partitions.has(name))) return false;
    const now = selectOf(this.source, partitions);
    const gone = await this.session.connection.runAndReadAll(
      `SELECT 1 FROM (${this.select(partitions, true)}) t ANTI JOIN (${now}) s ON ${same(this.table.key, "t", "s")} LIMIT 1`,
    );
    return gone.currentRowCount > 0;
  }

  private async findHeld(partitions: readonly PartitionName[]): Promise<void> {
    const { key, target } = this.table;
    const folder = target.partitionKeys.map(({ name }) => `'${name}=' || t.${quoteName(name)}`).join(" || '/' || ");
    const rest = `SELECT ${names(key, "t")}, ${folder} AS partition_name FROM (${this.select(partitions, false)}) t`;
    const rows = `(${selectOf(this.source, partitions)}) s`;
    await this.session.run(
      `CREATE OR REPLACE TABLE ${this.held} AS ${rest} SEMI JOIN ${rows} ON ${same(key, "t", "s")}`,
    );
    const [[count] = []] = await this.rows(`SELECT count(*) FROM ${this.held}`);
    this.anyHeld = Number(count) > 0;
  }

  /** Partitions outside of these that hold a key which one of these, before it, has. */
  private async displaced(partitions: readonly PartitionName[]): Promise<PartitionName[]> {
    const { key, target } = this.table;
    const folder = target.partitionKeys.map(({ name }) => `'${name}=' || s.${quoteName(name)}`).join(" || '/' || ");
    const found = await this.rows(
      `SELECT DISTINCT h.partition_name FROM ${this.held} h JOIN (${selectOf(this.source, partitions)}) s ON ${same(key, "h", "s")} WHERE ${folder} < h.partition_name`,
    );
    return found.map(([name]) => String(name));
  }

  /** Keys that several of these partitions may have, by a hash of them: most have none, and few rows need a look then. */
  private async findCrossing(partitions: readonly PartitionName[]): Promise<void> {
    if (partitions.length < 2) return;
    const { key, target } = this.table;
    const day = `(${target.partitionKeys.map(({ name }) => `s.${quoteName(name)}`).join(", ")})`;
    await this.session.run(
      `CREATE OR REPLACE TABLE ${this.crossing} AS SELECT hash(${names(key, "s")}) AS h FROM (${selectOf(this.source, partitions)}) s GROUP BY 1 HAVING min(${day}) <> max(${day})`,
    );
    const [[count] = []] = await this.rows(`SELECT count(*) FROM ${this.crossing}`);
    this.anyCrossing = Number(count) > 0;
  }

  private async rows(sql: string): Promise<unknown[][]> {
    return (await this.session.connection.runAndReadAll(sql)).getRows();
  }
}
