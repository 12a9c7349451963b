import { duckdbType, type LakeFile, quoteName, quoteText, type Session, scanFiles } from "../duckdb";
import { type CatalogTable, relationOf } from "./catalog";
import { noValue, type PartitionName, partitionValues } from "./fingerprints";
import type { KeyIndex } from "./key-index";
import { type Source, selectOf } from "./sources";

/** What is there of a table whose keys belong to the first partition that has them. */
export interface FirstTable {
  readonly target: CatalogTable;
  readonly partitions: ReadonlyMap<PartitionName, readonly LakeFile[]>;
  readonly key: readonly string[];
  readonly index: KeyIndex;
  /** Columns of the source that, beside key and partition, decide in which partition a key has its row; left out: all. */
  readonly by?: readonly string[] | undefined;
}

const columns = (names: readonly string[], alias: string): string =>
  names.map((name) => `${alias}.${quoteName(name)}`).join(", ");
const same = (names: readonly string[], a: string, b: string): string =>
  names.map((name) => `${a}.${quoteName(name)} = ${b}.${quoteName(name)}`).join(" AND ");

/**
 * Keeps each key in the first partition that has it, while partitions are made each by itself: `hold` says which keys
 * partitions have that stay as they are, `settle` which of those that are made has a key that several have, and
 * `leaveOut` keeps the keys of others away from one.
 */
export class FirstPartition {
  /** Keys, each with the partition that it belongs to. */
  private readonly owned: string;
  private readonly crossing: string;
  private readonly parts: readonly string[];
  private any = false;

  constructor(
    private readonly session: Session,
    private readonly source: Source,
    private readonly table: FirstTable,
  ) {
    this.owned = `${session.database}.main.owned_keys`;
    this.crossing = `${session.database}.main.crossing_keys`;
    this.parts = table.target.partitionKeys.map(({ name }) => name);
  }

  /**
   * Finds what the rest of the table holds of the keys of these partitions. Returns the partitions that must be made
   * again: these, and later ones whose rows turn out to have come before; undefined where everything must be, as keys
   * have gone from the source, so that any later partition may have them now.
   */
  async hold(changed: readonly PartitionName[]): Promise<readonly PartitionName[] | undefined> {
    let partitions = [...changed].sort();
    if (await this.vanished(partitions)) return this.all();
    for (;;) {
      await this.findHeld(partitions);
      const later = this.any ? await this.displaced(partitions) : [];
      if (later === undefined) return this.all();
      if (later.length === 0) return partitions;
      partitions = [...partitions, ...later].sort();
    }
  }

  /**
   * Decides to which of the partitions that are made each key belongs that several of them may have: the one in which
   * the step's SELECT over all of them has it. `show` lets the source's name mean the rows that it is given.
   */
  async settle(
    partitions: readonly PartitionName[],
    select: string,
    show: (rows: string) => Promise<void>,
  ): Promise<void> {
    if (partitions.length < 2 || !(await this.findCrossing(partitions))) return;
    const { key } = this.table;
    // Read once: a SELECT may ask for its source many times.
    const rows = `${this.session.database}.main.crossing_rows`;
    await this.session.run(
      `CREATE OR REPLACE TABLE ${rows} AS SELECT ${this.deciding("s")} FROM (${selectOf(this.source, partitions)}) s WHERE hash(${columns(key, "s")}) IN (SELECT h FROM ${this.crossing})`,
    );
    await show(`SELECT * FROM ${rows}`);
    const into = this.any ? `INSERT INTO ${this.owned}` : `CREATE OR REPLACE TABLE ${this.owned} AS`;
    await this.session.run(`${into} SELECT ${columns([...key, ...this.parts], "t")} FROM (${select}) t`);
    await show(selectOf(this.source, []));
    await this.session.run(`DROP TABLE ${rows}`);
    this.any = true;
  }

  /** What a SELECT gives for a partition, without the keys that belong to another. */
  leaveOut(select: string, partition: PartitionName): string {
    if (!this.any) return select;
    const values = partitionValues(partition, this.parts);
    const mine = this.parts.map((name, index) => {
      const value = values[index] ?? noValue;
      return value === noValue
        ? `${quoteName(name)} IS NULL`
        : `coalesce(${quoteName(name)} = ${quoteText(value)}, false)`;
    });
    const others = `SELECT * FROM ${this.owned} WHERE NOT (${mine.join(" AND ")})`;
    return `SELECT t.* FROM (${select}) t ANTI JOIN (${others}) o ON ${same(this.table.key, "t", "o")}`;
  }

  /** The source's columns; NULL those that decide nothing, so that they are not read. */
  private deciding(alias: string): string {
    const { by, key } = this.table;
    const read = new Set(by && [...key, ...by]);
    const left = by === undefined ? [] : this.source.relation.columns.filter(({ name }) => !read.has(name));
    const nulls = left.map(({ name, type }) => `NULL::${duckdbType(type)} AS ${quoteName(name)}`);
    return nulls.length === 0 ? `${alias}.*` : `${alias}.* REPLACE (${nulls.join(", ")})`;
  }

  private all(): undefined {
    this.any = false;
  }

  private files(partitions: readonly PartitionName[], inside: boolean): LakeFile[] {
    return [...this.table.partitions].flatMap(([name, some]) => (partitions.includes(name) === inside ? some : []));
  }

  private select(files: readonly LakeFile[]): string {
    return scanFiles(relationOf(this.table.target), files).sql;
  }

  private async vanished(partitions: readonly PartitionName[]): Promise<boolean> {
    if (!partitions.some((name) => this.table.partitions.has(name))) return false;
    const now = selectOf(this.source, partitions);
    const gone = await this.session.connection.runAndReadAll(
      `SELECT 1 FROM (${this.select(this.files(partitions, true))}) t ANTI JOIN (${now}) s ON ${same(this.table.key, "t", "s")} LIMIT 1`,
    );
    return gone.currentRowCount > 0;
  }

  private async findHeld(partitions: readonly PartitionName[]): Promise<void> {
    const { key, index } = this.table;
    const now = selectOf(this.source, partitions);
    const some = this.select(await index.filesWith(this.files(partitions, false), now));
    await this.session.run(
      `CREATE OR REPLACE TABLE ${this.owned} AS SELECT ${columns([...key, ...this.parts], "t")} FROM (${some}) t SEMI JOIN (${now}) s ON ${same(key, "t", "s")}`,
    );
    this.any = await this.some(this.owned);
  }

  /** Partitions outside of these that hold a key which one of these, before it, has; undefined where one has no known name. */
  private async displaced(partitions: readonly PartitionName[]): Promise<PartitionName[] | undefined> {
    const later = `(${columns(this.parts, "s")}) < (${columns(this.parts, "h")})`;
    const found = await this.session.connection.runAndReadAll(
      `SELECT DISTINCT ${columns(this.parts, "h")} FROM ${this.owned} h JOIN (${selectOf(this.source, partitions)}) s ON ${same(this.table.key, "h", "s")} WHERE ${later}`,
    );
    const names = new Map(
      [...this.table.partitions.keys()].map((name) => [JSON.stringify(partitionValues(name, this.parts)), name]),
    );
    const known = found.getRowsJson().map((values) => names.get(JSON.stringify(values.map(String))));
    return known.every((name) => name !== undefined) ? known : undefined;
  }

  /** Finds keys that several of these partitions may have, by a hash: most have none, and few rows need a look then. */
  private async findCrossing(partitions: readonly PartitionName[]): Promise<boolean> {
    const day = `(${columns(this.parts, "s")})`;
    await this.session.run(
      `CREATE OR REPLACE TABLE ${this.crossing} AS SELECT hash(${columns(this.table.key, "s")}) AS h FROM (${selectOf(this.source, partitions)}) s GROUP BY 1 HAVING min(${day}) <> max(${day})`,
    );
    return await this.some(this.crossing);
  }

  private async some(table: string): Promise<boolean> {
    return (await this.session.connection.runAndReadAll(`SELECT 1 FROM ${table} LIMIT 1`)).currentRowCount > 0;
  }
}
