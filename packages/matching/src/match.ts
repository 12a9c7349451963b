import { availableParallelism } from "node:os";
import { defaultIdentityRules, type MatchRules } from "@tributary/model";
import { clusterConstrained } from "./cluster/components";
import { Links } from "./cluster/links";
import { UnionFind } from "./cluster/union-find";
import { declaredPairs, limitColumns, limitsByRow, vetoColumns, vetoesByRow } from "./declared";
import { recordLinks, writeEdges } from "./edges";
import { evaluate } from "./evaluate";
import { MatchingError } from "./faults";
import { type IdentifierLink, readIdentifiers, resolveIdentifiers } from "./identifiers";
import { checkIds, loadSource, missingColumn, type Source } from "./input/load";
import { storeAssignment, writeOutput } from "./output";
import type { Scored } from "./probabilistic/score";
import { storeProfiles } from "./profiles";
import { explainedPairs } from "./report/pairs";
import type { MatchReport } from "./report/report";
import { profileSizes, suspiciousProfiles } from "./report/suspicious";
import type { MatchInput, MatchResult } from "./result";
import { groupAsAws } from "./rules/aws-modes";
import type { ValueColumn } from "./rules/columns";
import { type HashedValue, readHashes } from "./rules/hashes";
import { isPersonal } from "./rules/junk";
import { normalForms } from "./rules/normal";
import { encodeAll, fewestShared } from "./rules/parallel";
import { type PlannedRule, planRules } from "./rules/plan";
import { RuleRunner } from "./rules/run";
import { Threads } from "./rules/threads";
import { type ComparedValue, comparedValues, valuesByKey } from "./rules/values";
import { addScores } from "./scores";
import { Session } from "./session";
import { describeSuppressed } from "./suppressed";

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
  const threads = new Threads();
  try {
    return await run(session, input, threads, began);
  } finally {
    await threads.end();
    session.close();
  }
}

async function run(session: Session, input: MatchInput, threads: Threads, began: number): Promise<MatchResult> {
  const { rules } = input;
  const progress = input.onProgress ?? (() => {});
  progress("read");
  const idColumn = input.idColumn ?? rules.attributes.find(({ type }) => type === "UNIQUE_ID")?.column;
  // Scores and reports read the input many times over, rules alone once, and once more to write.
  const inPlace = !isProbabilistic(rules) && !input.report;
  const source = await loadSource(session, input.files, idColumn, { inPlace, out: input.out });
  const truth = input.truthColumn === undefined ? undefined : source.column(input.truthColumn);
  if (input.truthColumn !== undefined && truth === undefined) {
    throw missingColumn(input.truthColumn, source.columns, "the truth");
  }
  const values = comparedValues(rules, source);
  const byKey = valuesByKey(values);
  const planned = planRules(rules, byKey);
  const needed = neededValues(rules, values, planned);
  if (source.records >= fewestShared && needed.size > 0) threads.start(input.threads ?? availableParallelism());

  progress("normalise");
  const forms = await normalForms(session, values, rules, source, needed);
  const wanted = values.map(({ raw }, index): HashedValue | undefined => {
    const form = forms[index] as string;
    return needed.has(index) ? { raw, form, ofRaw: rules.normalisation === "tributary" } : undefined;
  });
  // Where values are read as hashes, the id's among them tell quickest whether it is unique.
  const hashed = source.idColumn !== undefined && needed.size > 0;
  const id = hashed ? { raw: source.id, form: source.id, ofRaw: true } : undefined;
  const read = (done: number) => progress("normalise", done);
  const hashes = readHashes(session, [...wanted, id], source.records, read).catch((error: unknown) => {
    throw source.unreadable(error);
  });
  const columns = [...(await encodeAll(await hashes, byKey.values(), threads))];
  const ids = columns.pop()?.dictionary;
  if (ids?.kinds !== source.records) await checkIds(session, source);
  const guarded = rules.mode === "closure" && input.suppress !== false;
  const { comparison } = rules;
  const { records } = source;
  const runner = new RuleRunner({ session, planned, values, forms, columns, records, comparison, guarded });
  const without = new Set([source.idColumn, input.truthColumn].flatMap((name) => name ?? []));
  const identity = input.identity ?? defaultIdentityRules;
  const named = values.some((value) => value.identifier !== undefined);
  const tree = named || input.edges ? new Links() : undefined;
  const parts: Run = {
    session,
    source,
    rules,
    values,
    forms,
    columns,
    planned,
    runner,
    without,
    progress,
    tree,
    threads,
  };
  const clustered = rules.mode === "closure" ? await closure(parts) : await asAws(rules.mode, parts);

  const ruleName = (tier: number): string =>
    planned[tier]?.name ?? (tier === planned.length ? probabilisticRule : "must-link");
  let { root } = clustered;
  let profileIds: ReadonlyMap<number, string> = new Map();
  let edges: readonly IdentifierLink[] | undefined;
  if (tree && named) {
    progress("identifiers");
    const identifiers = await readIdentifiers(session, values, identity, records);
    ({ root, profileIds, links: edges } = resolveIdentifiers(identifiers, tree, records, identity, ruleName));
  } else if (tree) edges = await recordLinks(session, source, tree);

  progress("write");
  if (input.edges && edges) writeEdges(input.edges, edges, ruleName);
  await storeAssignment(session, root);
  const { profiles, largest } = await storeProfiles(session, source, profileIds);
  if (input.out !== undefined) await writeOutput(session, source, input.out);
  const suppressed = await describeSuppressed(session, runner.suppressed, values, forms);
  const seconds = (performance.now() - began) / 1000;
  const evaluation = truth === undefined ? {} : { evaluation: await evaluate(session, truth) };
  const report = input.report ? { report: await makeReport(session, source, values, rules, clustered.scored) } : {};
  return {
    summary: {
      records: source.records,
      profiles,
      largest,
      links: Object.fromEntries(runner.links),
      seconds,
      ...evaluation,
    },
    suppressed,
    blocks: Object.fromEntries([...runner.statistics].map(([rule, given]) => [rule, [given]])),
    cut: Object.fromEntries(clustered.cut),
    ...report,
  };
}

async function makeReport(
  session: Session,
  source: Source,
  values: readonly ComparedValue[],
  rules: MatchRules,
  scored: Scored | undefined,
): Promise<MatchReport> {
  return {
    sizes: await profileSizes(session),
    suspicious: await suspiciousProfiles(session, source, values, rules),
    pairs: scored ? await explainedPairs(session, source, values, scored) : [],
  };
}

/** Values that rules or constraints compare, and those that tell people apart where rules are guarded. */
function neededValues(
  rules: MatchRules,
  values: readonly ComparedValue[],
  planned: readonly PlannedRule[],
): ReadonlySet<number> {
  const needed = new Set(
    planned.flatMap(({ alternatives }) =>
      alternatives.flatMap(({ pools }) => pools.flatMap(({ choices }) => choices.map(({ value }) => value))),
    ),
  );
  for (const [index, { name, type, matchKey }] of values.entries()) {
    const declared =
      rules.constraints.limits.some((limit) => limit.matchKey === matchKey) ||
      rules.constraints.veto.some((veto) => veto.attribute === name);
    if (declared || (planned.length > 0 && isPersonal(type))) needed.add(index);
  }
  return needed;
}

interface Run {
  readonly session: Session;
  readonly source: Source;
  readonly rules: MatchRules;
  readonly values: readonly ComparedValue[];
  readonly forms: readonly string[];
  readonly columns: readonly ValueColumn[];
  readonly planned: readonly PlannedRule[];
  readonly runner: RuleRunner;
  /** Columns that say nothing of a person: the id, the truth. */
  readonly without: ReadonlySet<string>;
  readonly progress: (stage: string, done?: number) => void;
  /** Where the links that hold clusters together go; undefined where nobody asks for them. */
  readonly tree: Links | undefined;
  readonly threads: Threads;
}

interface Clustered {
  readonly root: Int32Array;
  readonly cut: ReadonlyMap<string, number>;
  readonly scored?: Scored;
}

/** What the probabilistic stage is called among rules. */
const probabilisticRule = "probabilistic";
/** The tier of must-links, behind those of all rules. */
const mustTier = 255;

/** Whether the probabilistic stage runs: where it is asked for, and where there is nothing else. */
export const isProbabilistic = (rules: MatchRules): boolean =>
  rules.probabilistic === undefined ? rules.rules.length === 0 : rules.probabilistic !== false;

/** Whoever is linked is one, over however many, as far as the constraints let. */
async function closure(run: Run): Promise<Clustered> {
  const { session, source, rules, values, forms, columns, planned, runner, progress, tree } = run;
  const sets = new UnionFind(source.records);
  const links = new Links();
  await runner.linkAll(sets, links, run.threads, (name) => progress(`rule ${name}`));
  // Nobody waits for them to be gone.
  void run.threads.end();
  progress("cluster");
  const declared = await declaredPairs(session, source, rules);
  for (const [a, b] of declared.mustLink) sets.unite(a, b);
  const limits = limitColumns(rules, values, columns);
  const vetoes = vetoColumns(rules, values, columns, forms);
  const certain = await clusterConstrained({
    session,
    records: source.records,
    id: source.id,
    sets,
    groups: runner.groups,
    links,
    rules: planned.length,
    limits,
    vetoes,
    ...declared,
    maxSize: rules.constraints.maxSize,
    ...(tree ? { onKept: ({ a, b, tier, weight }) => tree.push(a, b, tier < 0 ? mustTier : tier, weight) } : {}),
  });
  if (!isProbabilistic(rules)) return certain;
  const scored = await addScores({
    session,
    source,
    rules,
    without: run.without,
    root: certain.root,
    limits: limitsByRow(limits),
    vetoes: await vetoesByRow(session, vetoes, source.records),
    apart: declared.apart,
    onProgress: progress,
    tier: planned.length,
    ...(tree ? { tree } : {}),
  });
  runner.links.set(probabilisticRule, scored.links);
  const cut = new Map(certain.cut);
  for (const [reason, count] of scored.cut) cut.set(reason, (cut.get(reason) ?? 0) + count);
  return { root: scored.root, cut, scored: scored.scored };
}

async function asAws(mode: "aws-waterfall" | "aws-transitive", run: Run): Promise<Clustered> {
  const { session, source, rules, planned, runner, progress, tree } = run;
  const { limits, veto, mustLink, cannotLink } = rules.constraints;
  if (limits.length + veto.length + mustLink.length + cannotLink.length > 0) {
    throw new MatchingError(
      `constraints: Entity Resolution knows none, so mode ${mode} cannot keep to them. Take them out, or use mode closure.`,
    );
  }
  if (isProbabilistic(rules)) {
    throw new MatchingError(
      `probabilistic: mode ${mode} is that of rules alone. Leave the probabilistic stage out, or use mode closure.`,
    );
  }
  const rank = new Int32Array(source.records);
  await session.stream(
    `select rowid::INTEGER, (row_number() over (order by ${source.id}))::INTEGER from source`,
    (chunk) => {
      const [rows, places] = [0, 1].map((at) => (chunk.getColumnVector(at) as unknown as { items: Int32Array }).items);
      for (let index = 0; index < chunk.rowCount; index++)
        rank[rows?.[index] as number] = (places?.[index] as number) - 1;
    },
  );
  const { root, rule: matchedBy } = await groupAsAws(mode, planned.length, rank, async (rule, sets, takes) => {
    progress(`rule ${planned[rule]?.name}`);
    await runner.link(rule, sets, undefined, takes);
  });
  if (tree)
    for (const [row, first] of root.entries()) if (row !== first) tree.push(first, row, matchedBy[row] as number);
  return { root, cut: new Map() };
}
