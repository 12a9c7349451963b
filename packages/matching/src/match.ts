import type { MatchRules } from "@tributary/model";
import { clusterConstrained, type LimitColumns, type VetoColumn } from "./cluster/components";
import { Links } from "./cluster/links";
import { UnionFind } from "./cluster/union-find";
import { evaluate } from "./evaluate";
import { MatchingError } from "./faults";
import { checkIds, loadSource, missingColumn, type Source } from "./input/load";
import { storeAssignment, writeOutput } from "./output";
import { storeProfiles } from "./profiles";
import type { MatchReport } from "./report/report";
import { profileSizes, suspiciousProfiles } from "./report/suspicious";
import type { MatchInput, MatchResult, SuppressedValue } from "./result";
import { type HashColumn, readHashes } from "./rules/hashes";
import type { Suppressed } from "./rules/junk";
import { normalised } from "./rules/normal";
import { planRules } from "./rules/plan";
import { runExactRules } from "./rules/run";
import { type ComparedValue, comparedValues, valuesByKey } from "./rules/values";
import { literal, Session } from "./session";

/**
 * Finds the records of each person: reads the input, brings values to one form, links records by the rules and, where
 * asked for, by Fellegi–Sunter scores, and clusters them under the constraints. The result does not depend on the order of
 * rows. What the run writes on the way lies in a folder of its own, which is gone at its end.
 *
 * @throws MatchingError where a file, a column or a rule is at fault; the message says how to mend it.
 */
export async function match(input: MatchInput): Promise<MatchResult> {
  const began = performance.now();
  const session = await Session.open(input);
  try {
    return await run(session, input, began);
  } finally {
    session.close();
  }
}

async function run(session: Session, input: MatchInput, began: number): Promise<MatchResult> {
  const { rules } = input;
  const progress = input.onProgress ?? (() => {});
  progress("read");
  const idColumn = input.idColumn ?? rules.attributes.find(({ type }) => type === "UNIQUE_ID")?.column;
  const source = await loadSource(session, input.files, idColumn);
  const truth = input.truthColumn === undefined ? undefined : source.column(input.truthColumn);
  if (input.truthColumn !== undefined && truth === undefined) {
    throw missingColumn(input.truthColumn, source.columns, "the truth");
  }
  await checkIds(session, source);
  const values = comparedValues(rules, source);
  const planned = planRules(rules, valuesByKey(values));

  progress("normalise");
  const columns = await readHashes(
    session,
    values.map((value) => normalised(value, rules)),
    source.records,
    (done) => progress("normalise", done),
  );
  const sets = new UnionFind(source.records);
  const ruleRun = runExactRules(planned, values, columns, source.records, sets, rules, (name) =>
    progress(`rule ${name}`),
  );
  const links = new Links();

  progress("cluster");
  const declared = await declaredPairs(session, source, rules);
  for (const [a, b] of declared.mustLink) sets.unite(a, b);
  const { root, cut } = await clusterConstrained({
    session,
    records: source.records,
    id: source.id,
    sets,
    groups: ruleRun.groups,
    links,
    rules: planned.length,
    limits: limitColumns(rules, values, columns),
    vetoes: vetoColumns(rules, values, columns),
    ...declared,
    maxSize: rules.constraints.maxSize,
  });

  progress("write");
  await storeAssignment(session, root);
  const { profiles, largest } = await storeProfiles(session, source);
  if (input.out !== undefined) await writeOutput(session, source, input.out);
  const suppressed = await describeSuppressed(session, ruleRun.suppressed, values, rules);
  const seconds = (performance.now() - began) / 1000;
  const evaluation = truth === undefined ? {} : { evaluation: await evaluate(session, truth) };
  const report = input.report ? { report: await makeReport(session, source, values, rules) } : {};
  return {
    summary: {
      records: source.records,
      profiles,
      largest,
      links: Object.fromEntries(ruleRun.links),
      seconds,
      ...evaluation,
    },
    suppressed,
    cut: Object.fromEntries(cut),
    ...report,
  };
}

async function makeReport(
  session: Session,
  source: Source,
  values: readonly ComparedValue[],
  rules: MatchRules,
): Promise<MatchReport> {
  return {
    sizes: await profileSizes(session),
    suspicious: await suspiciousProfiles(session, source, values, rules),
    pairs: [],
  };
}

function limitColumns(
  rules: MatchRules,
  values: readonly ComparedValue[],
  columns: readonly HashColumn[],
): LimitColumns[] {
  return rules.constraints.limits.map(({ matchKey, limit }) => {
    const own = columns.filter((_, index) => values[index]?.matchKey === matchKey);
    if (own.length === 0) {
      throw new MatchingError(`constraints.limits: no attribute has the match key ${JSON.stringify(matchKey)}.`);
    }
    return { name: matchKey, limit, columns: own };
  });
}

function vetoColumns(
  rules: MatchRules,
  values: readonly ComparedValue[],
  columns: readonly HashColumn[],
): VetoColumn[] {
  return rules.constraints.veto.map(({ attribute, above }) => {
    const index = values.findIndex(({ name }) => name === attribute);
    const value = values[index];
    const column = columns[index];
    if (!value || !column) {
      throw new MatchingError(
        `constraints.veto: there is no attribute ${JSON.stringify(attribute)}; there are: ${values.map(({ name }) => name).join(", ")}.`,
      );
    }
    return { name: attribute, type: value.type, above, column, value: normalised(value, rules) };
  });
}

/** The pairs of ids that the constraints declare, as records; pairs with an id that the input lacks say nothing. */
async function declaredPairs(
  session: Session,
  source: Source,
  rules: MatchRules,
): Promise<{ mustLink: [number, number][]; apart: Map<number, number[]> }> {
  const { mustLink, cannotLink } = rules.constraints;
  const ids = [...new Set([...mustLink, ...cannotLink].flat())];
  const rowOf = new Map<string, number>();
  for (let from = 0; from < ids.length; from += 1_000) {
    const list = ids
      .slice(from, from + 1_000)
      .map(literal)
      .join(", ");
    const found = await session.rows<{ id: string; r: bigint }>(
      `select ${source.id} as id, rowid as r from source where ${source.id} in (${list})`,
    );
    for (const { id, r } of found) rowOf.set(id, Number(r));
  }
  const rowsOf = (pairs: readonly (readonly [string, string])[]): [number, number][] =>
    pairs.flatMap(([a, b]): [number, number][] => {
      const [x, y] = [rowOf.get(a), rowOf.get(b)];
      return x === undefined || y === undefined ? [] : [[x, y]];
    });
  const apart = new Map<number, number[]>();
  const add = (a: number, b: number): void => {
    const known = apart.get(a);
    if (known) known.push(b);
    else apart.set(a, [b]);
  };
  for (const [a, b] of rowsOf(cannotLink)) {
    add(a, b);
    add(b, a);
  }
  return { mustLink: rowsOf(mustLink), apart };
}

const mostDescribed = 1_000;

/** Suppressed values as text, the most frequent first; a rule's key by the values that it is made of. */
async function describeSuppressed(
  session: Session,
  suppressed: readonly Suppressed[],
  values: readonly ComparedValue[],
  rules: MatchRules,
): Promise<SuppressedValue[]> {
  const most = [...suppressed].sort((a, b) => b.records - a.records).slice(0, mostDescribed);
  const described: SuppressedValue[] = [];
  for (const { of, row, value, records, reason } of most) {
    const compared = value === undefined ? undefined : values[value];
    if (!compared) {
      described.push({ of, records, reason });
      continue;
    }
    const [found] = await session.rows<{ v: string }>(
      `select ${normalised(compared, rules)} as v from source where rowid = ${row}`,
    );
    described.push({ of, value: found?.v ?? "", records, reason });
  }
  return described;
}
