import { type ParsedSelect, quoteText, type Session } from "../duckdb";
import { type BoundTable, bindTables } from "./bind-tables";
import type { CatalogTable } from "./catalog";
import type { PartitionName } from "./fingerprints";
import type { StepRun } from "./materialise";
import { type Source, tableIn } from "./sources";
import type { StagedRows } from "./stage";

/** What a step's rows are made from and where they go, in a session in which its SELECT's tables are bound. */
export interface StepContext {
  readonly run: StepRun;
  readonly session: Session;
  /** Sessions whose statements are cut short where the run is to end. */
  readonly working: Set<Session>;
  readonly query: ParsedSelect;
  readonly target: CatalogTable;
  readonly sources: readonly Source[];
  readonly temporary: string;
}

/** Rows, and the partitions that they are all of; undefined where they are all of the table. */
export interface Made {
  readonly staged: StagedRows;
  readonly partitions?: readonly PartitionName[];
}

/** Makes what a step's SELECT may name known to a session: the run's instant, and tables, which are empty but for its own. */
export async function bindStep(
  run: StepRun,
  session: Session,
  { tables }: ParsedSelect,
  target: CatalogTable,
): Promise<BoundTable[]> {
  await session.run(
    `CREATE VIEW ${session.database}.main.run AS SELECT CAST(${quoteText(run.options.asOf.replace("Z", ""))} AS TIMESTAMP) AS as_of`,
  );
  const reads = { principal: run.principal, operation: "StartJobRun", except: ["run"], empty: true };
  const bound = await bindTables(run.kernel, session, tables, reads);
  // A log goes on from its own rows: they are read and staged before its files are replaced.
  const mine = bound.find(({ table: { database, name } }) => database === target.database && name === target.name);
  if (mine) await session.run(`CREATE OR REPLACE VIEW ${tableIn(session, target)} AS ${mine.scan.sql}`);
  return bound;
}
