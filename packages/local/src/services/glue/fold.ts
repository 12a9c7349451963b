import { filesOf, quoteName, scanFiles } from "../duckdb";
import { type CatalogTable, relationOf } from "./catalog";
import type { PartitionName } from "./fingerprints";
import { type Source, selectOf, show } from "./sources";
import { conform } from "./stage";
import type { StepContext } from "./step-context";

/**
 * The rows of a table that goes on from its own: what its SELECT gives over these and some partitions of its source. Where
 * the table says by which columns it groups, the SELECT gets only rows whose values there came anew, and the others stay as
 * they are: they would come to the same rows again.
 */
export async function foldRows(
  context: StepContext,
  source: Source,
  partitions: readonly PartitionName[],
): Promise<string> {
  const { run, session, query, target } = context;
  const { groupBy = [] } = run.step;
  const own = ownRows(context);
  const columns = names(target.columns);
  if (groupBy.length === 0) {
    const both = (rows: string) => `SELECT ${columns} FROM (${own}) UNION ALL BY NAME SELECT * FROM (${rows})`;
    await show(session, source, partitions, both);
    return await conform(session, query, target);
  }
  const [fresh, open] = ["fresh", "open"].map((name) => `${session.database}.main.${name}`);
  const same = alike(groupBy);
  await session.run(`CREATE OR REPLACE TABLE ${fresh} AS ${selectOf(source, partitions)}`);
  await session.run(
    `CREATE OR REPLACE TABLE ${open} AS SELECT ${columns} FROM (${own}) o SEMI JOIN ${fresh} f ON ${same} UNION ALL BY NAME SELECT * FROM ${fresh}`,
  );
  await show(session, source, [], () => `SELECT * FROM ${open}`);
  const folded = await conform(session, query, target);
  return `${folded} UNION ALL SELECT ${all(target)} FROM (${own}) o ANTI JOIN ${fresh} f ON ${same}`;
}

/**
 * The rows of a table each of which hangs on the source's rows of its key alone, where its source has new partitions and
 * is else as it was: what its SELECT gives over all rows of the keys in these, and the table's own rows of other keys.
 */
export async function rowsByKey(
  context: StepContext,
  source: Source,
  partitions: readonly PartitionName[],
): Promise<string> {
  const { run, session, query, target } = context;
  const { groupBy = [] } = run.step;
  const fresh = `${session.database}.main.fresh`;
  const same = alike(groupBy);
  const keys = groupBy.map(quoteName).join(", ");
  await session.run(
    `CREATE OR REPLACE TABLE ${fresh} AS SELECT DISTINCT ${keys} FROM (${selectOf(source, partitions)})`,
  );
  // A view, so that only columns are read that the SELECT reads.
  await show(
    session,
    source,
    source.partitions.keys(),
    (rows) => `SELECT * FROM (${rows}) o SEMI JOIN ${fresh} f ON ${same}`,
  );
  const made = await conform(session, query, target);
  return `${made} UNION ALL SELECT ${all(target)} FROM (${ownRows(context)}) o ANTI JOIN ${fresh} f ON ${same}`;
}

/** A table's own rows, from its files: not through a view of itself. */
function ownRows({ run, target }: StepContext): string {
  const relation = relationOf(target);
  return scanFiles(relation, filesOf(run.kernel, relation)).sql;
}

const names = (columns: readonly { readonly name: string }[]) => columns.map(({ name }) => quoteName(name)).join(", ");

const all = ({ columns, partitionKeys }: CatalogTable): string => names([...columns, ...partitionKeys]);

/** Whether rows `o` and `f` have the same values in these columns. Null is a value as any other. */
const alike = (columns: readonly string[]): string =>
  columns.map((name) => `o.${quoteName(name)} IS NOT DISTINCT FROM f.${quoteName(name)}`).join(" AND ");
