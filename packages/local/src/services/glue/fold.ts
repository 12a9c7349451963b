import { filesOf, quoteName, scanFiles } from "../duckdb";
import { relationOf } from "./catalog";
import type { PartitionName } from "./fingerprints";
import { type Source, selectOf, show } from "./sources";
import { conform } from "./stage";
import type { StepContext } from "./step-context";

/**
 * The rows of a table that goes on from its own: what its SELECT gives over these and some partitions of its source. Where
 * the table says by which columns it folds, the SELECT gets only rows whose values there came anew, and the others stay as
 * they are: they would come to the same rows again.
 */
export async function foldRows(
  { run, session, query, target }: StepContext,
  source: Source,
  partitions: readonly PartitionName[],
): Promise<string> {
  // The table's own rows come from its files, not through a view of itself.
  const relation = relationOf(target);
  const own = scanFiles(relation, filesOf(run.kernel, relation)).sql;
  const names = (columns: readonly { readonly name: string }[]) =>
    columns.map(({ name }) => quoteName(name)).join(", ");
  const columns = names(relation.columns);
  const { foldBy = [] } = run.step;
  if (foldBy.length === 0) {
    const both = (rows: string) => `SELECT ${columns} FROM (${own}) UNION ALL BY NAME SELECT * FROM (${rows})`;
    await show(session, source, partitions, both);
    return await conform(session, query, target);
  }
  const [fresh, open] = ["fresh", "open"].map((name) => `${session.database}.main.${name}`);
  // Null is a value as any other.
  const same = foldBy.map((name) => `o.${quoteName(name)} IS NOT DISTINCT FROM f.${quoteName(name)}`).join(" AND ");
  await session.run(`CREATE OR REPLACE TABLE ${fresh} AS ${selectOf(source, partitions)}`);
  await session.run(
    `CREATE OR REPLACE TABLE ${open} AS SELECT ${columns} FROM (${own}) o SEMI JOIN ${fresh} f ON ${same} UNION ALL BY NAME SELECT * FROM ${fresh}`,
  );
  await show(session, source, [], () => `SELECT * FROM ${open}`);
  const folded = await conform(session, query, target);
  const all = names([...target.columns, ...target.partitionKeys]);
  return `${folded} UNION ALL SELECT ${all} FROM (${own}) o ANTI JOIN ${fresh} f ON ${same}`;
}
