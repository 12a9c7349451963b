import { createHash } from "node:crypto";
import {
  awsNormalise,
  blockStatistics,
  compareText,
  lint,
  type MatchingSemantics,
  matchingSchema,
  matchRecords,
  type Normalise,
  recordReader,
} from "@tributary/model";
import type { Kernel, Principal } from "../../kernel";
import { keepsIndex, semanticsOf, type Workflow } from "./definitions";
import { type InputRow, type InputTable, mostRecords, readInput } from "./input-records";
import { type IndexedRecord, indexOf, recordKey } from "./match-index";
import { type OutputRow, writeOutput } from "./output";
import { registryOf } from "./registry";

export interface JobMetrics {
  readonly inputRecords: number;
  readonly totalRecordsProcessed: number;
  readonly recordsNotProcessed: number;
  readonly deleteRecordsProcessed?: number;
  readonly matchIDs: number;
}

/** AWS's two accounts of normalisation contradict each other; the sample library's keeps house numbers, so it is taken. */
export const normalise: Normalise = (value, type, options) =>
  awsNormalise(value, type, { ...options, source: "aws-sample" });
/** Without ApplyNormalization values are compared as they stand. */
export const asItStands: Normalise = (value) => value;

/** A column of this name says, in incremental runs, which records go. Source: user guide, prepare-input-data. */
const deleteColumn = "delete";

interface Read {
  readonly table: InputTable;
  readonly row: InputRow;
  readonly record: Omit<IndexedRecord, "matchId" | "rule">;
}

/** Reads, matches and writes. The job's role is who reads and writes. @returns metrics as the API gives them */
export async function runMatchingJob(
  kernel: Kernel,
  principal: Principal,
  workflow: Workflow,
  jobId: string,
): Promise<JobMetrics> {
  const semantics = semanticsOf(workflow);
  if (!semantics) throw new Error(`workflow ${workflow.workflowName} has no rules`);
  const tables: InputTable[] = [];
  let left = mostRecords;
  for (const source of workflow.inputSourceConfig) {
    const schema = registryOf(kernel).requireSchema(source.schemaArn);
    const table = await readInput(kernel, principal, source, schema, left);
    left -= table.rows.length + table.rejected.length;
    tables.push(table);
  }
  const read: Read[] = [];
  for (const table of tables) await readRecords(table, read);
  warnOfRules(kernel, workflow, semantics, tables, read);
  const incremental = workflow.incrementalRunConfig !== undefined;
  const run = incremental ? changed(kernel, workflow.workflowName, read) : { records: read, kept: [], deleted: 0 };
  const matched = assign(
    [...run.kept, ...run.records.map(({ record }) => record)],
    semantics,
    jobId,
    new Map(run.kept.map((record) => [recordKey(record.sourceArn, record.uniqueId), record.matchId])),
  );
  const byKey = new Map(matched.map((record) => [recordKey(record.sourceArn, record.uniqueId), record]));
  const rows = run.records.map(({ table, row }): OutputRow => {
    const { matchId = "", rule = "" } = byKey.get(recordKey(table.sourceArn, row.uniqueId)) ?? {};
    return { table, row, matchId, rule };
  });
  const rejected = tables.flatMap((table) => table.rejected.map(({ row, why }) => ({ table, row, why })));
  await writeOutput(kernel, principal, workflow, { jobId, rows, rejected });
  if (keepsIndex(workflow)) await indexOf(kernel).replace(workflow.workflowName, jobId, matched);
  return {
    inputRecords: rows.length + rejected.length + run.deleted,
    totalRecordsProcessed: rows.length + run.deleted,
    recordsNotProcessed: rejected.length,
    ...(incremental && { deleteRecordsProcessed: run.deleted }),
    matchIDs: new Set(rows.map(({ matchId }) => matchId)).size,
  };
}

/** Rows that are read before others get their turn. */
const rowsAtOnce = 2_000;

async function readRecords(table: InputTable, into: Read[]): Promise<void> {
  const { sourceArn, fields, applyNormalization } = table;
  const read = recordReader(fields, applyNormalization ? normalise : asItStands);
  for (const [index, row] of table.rows.entries()) {
    if (index % rowsAtOnce === 0) await new Promise(setImmediate);
    const { keys } = read(row.uniqueId, (column) => row.cells[column] ?? "");
    const hash = createHash("sha256").update(JSON.stringify(row.cells)).digest("base64");
    into.push({ table, row, record: { sourceArn, uniqueId: row.uniqueId, keys, hash } });
  }
}

/** Says which rules are dangerous, by what they make of these records. On AWS nobody does. */
function warnOfRules(
  kernel: Kernel,
  { workflowName }: Workflow,
  semantics: MatchingSemantics,
  tables: readonly InputTable[],
  read: readonly Read[],
): void {
  const columns = new Map(tables.flatMap(({ fields }) => fields.map((field) => [field.column, field])));
  const rules = matchingSchema.safeParse({ ...semantics, attributes: [...columns.values()] });
  if (!rules.success) return;
  const records = read.map(({ record, row }) => ({ id: row.uniqueId, keys: record.keys }));
  for (const { rule, why, remedy } of lint(rules.data, blockStatistics(records, semantics))) {
    kernel.log.warn(`entityresolution: ${workflowName}, rule "${rule}": ${why}. To mend it: ${remedy}`);
  }
}

/** What an incremental run processes: rows that are new or changed, and those that are to go; and who stays. */
function changed(kernel: Kernel, workflowName: string, read: readonly Read[]) {
  const index = new Map<string, IndexedRecord>();
  for (const record of indexOf(kernel).all(workflowName)) {
    index.set(recordKey(record.sourceArn, record.uniqueId), record);
  }
  const records: Read[] = [];
  let deleted = 0;
  for (const given of read) {
    const key = recordKey(given.table.sourceArn, given.row.uniqueId);
    const column = given.table.fields.find(
      (field) => field.column.toLowerCase() === deleteColumn && field.matchKey === undefined,
    )?.column;
    if (column !== undefined && given.row.cells[column]?.trim().toLowerCase() === "true") {
      if (index.delete(key)) deleted++;
    } else if (index.get(key)?.hash !== given.record.hash) records.push(given);
  }
  // A changed record keeps its match id as a candidate of its group.
  for (const { table, row, record } of records) {
    const key = recordKey(table.sourceArn, row.uniqueId);
    const before = index.get(key);
    if (before) index.set(key, { ...before, keys: record.keys, hash: record.hash });
  }
  const kept = [...index.values()];
  const keptKeys = new Set(index.keys());
  const fresh = records.filter(({ table, row }) => !keptKeys.has(recordKey(table.sourceArn, row.uniqueId)));
  if (kept.length + fresh.length > mostRecords) {
    throw new Error(`${kept.length + fresh.length} records: here a job matches at most ${mostRecords} in memory`);
  }
  return { records, kept, deleted };
}

/**
 * Groups records and gives each group its match id: the smallest that a member had, where no other group has it, or a new
 * one. AWS documents neither whether match ids outlive a full run (here they do not) nor what becomes of the ids of groups
 * that grow together.
 */
export function assign(
  given: readonly Omit<IndexedRecord, "matchId" | "rule">[],
  semantics: MatchingSemantics,
  seed: string,
  before: ReadonlyMap<string, string>,
): IndexedRecord[] {
  // In the order of their keys: a run over the same records gives the same groups, whatever it remembered of them.
  const keyed = given.map((record) => [recordKey(record.sourceArn, record.uniqueId), record] as const);
  const records = new Map(keyed.toSorted(([a], [b]) => compareText(a, b)));
  const matched = new Map(
    matchRecords(
      [...records].map(([id, { keys }]) => ({ id, keys })),
      semantics,
    ).map(({ id, group, rule }) => [id, { group, rule }]),
  );
  const members = new Map<string, string[]>();
  for (const id of records.keys()) {
    const group = matched.get(id)?.group;
    const name = group === undefined ? `alone ${id}` : `group ${group}`;
    const ids = members.get(name);
    if (ids) ids.push(id);
    else members.set(name, [id]);
  }
  const taken = new Set<string>();
  const matchIds = new Map<string, string>();
  for (const ids of members.values()) {
    const [old] = ids
      .flatMap((id) => before.get(id) ?? [])
      .filter((id) => !taken.has(id))
      .sort();
    const matchId = old ?? newMatchId(seed, ids[0] ?? "");
    taken.add(matchId);
    for (const id of ids) matchIds.set(id, matchId);
  }
  return [...records].map(([id, record]) => ({
    ...record,
    matchId: matchIds.get(id) ?? "",
    rule: matched.get(id)?.rule ?? "",
  }));
}

/** 32 hexadecimal digits; AWS does not document the form. */
export const newMatchId = (seed: string, of: string): string =>
  createHash("sha256").update(`${seed}\u0000${of}`).digest("hex").slice(0, 32);
