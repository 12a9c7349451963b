import { UnionFind } from "../cluster/union-find";

/**
 * Groups records as Entity Resolution does, rule by rule. `aws-waterfall`: what a rule has matched takes no part in later
 * ones. `aws-transitive`: records that a later rule ties to matched ones join the group of the earliest rule; groups once
 * made are never merged. The reference is `matchRecords` of the model.
 *
 * @param link - makes the links of a rule among the records that `takes` lets take part
 * @param rank - places of records in the order of their ids, which decides between groups of one rule
 * @returns per record: the first record (by row) of its group, and the rule that matched it
 */
export async function groupAsAws(
  mode: "aws-waterfall" | "aws-transitive",
  rules: number,
  rank: Int32Array,
  link: (rule: number, sets: UnionFind, takes: ((row: number) => boolean) | undefined) => Promise<void>,
): Promise<{ root: Int32Array; rule: Int32Array }> {
  const records = rank.length;
  const group = new Int32Array(records).fill(-1);
  const level = new Int32Array(records).fill(rules);
  let groups = 0;
  for (let rule = 0; rule < rules; rule++) {
    const sets = new UnionFind(records);
    await link(rule, sets, mode === "aws-waterfall" ? (row) => group[row] === -1 : undefined);
    groups = judge(sets, rule, rank, group, level, groups);
  }
  return { root: rootsOf(group, groups), rule: level };
}

/** Gives the groups of one rule their numbers; all are judged by what earlier rules gave. */
function judge(
  sets: UnionFind,
  rule: number,
  rank: Int32Array,
  group: Int32Array,
  level: Int32Array,
  groups: number,
): number {
  const records = rank.length;
  const size = new Int32Array(records);
  const least = new Int32Array(records).fill(records);
  /** Per root: the earliest level among its members, and of that level the least group. */
  const earliest = new Int32Array(records).fill(rule);
  const inherited = new Int32Array(records).fill(-1);
  for (let row = 0; row < records; row++) {
    const root = sets.find(row);
    size[root] = (size[root] as number) + 1;
    least[root] = Math.min(least[root] as number, rank[row] as number);
    const given = group[row] as number;
    if (given < 0) continue;
    const its = level[row] as number;
    const known = earliest[root] as number;
    if (inherited[root] === -1 || its < known || (its === known && given < (inherited[root] as number))) {
      earliest[root] = its;
      inherited[root] = given;
    }
  }
  const fresh: number[] = [];
  for (let row = 0; row < records; row++) {
    if (sets.find(row) === row && (size[row] as number) > 1 && inherited[row] === -1) fresh.push(row);
  }
  fresh.sort((a, b) => (least[a] as number) - (least[b] as number));
  let next = groups;
  for (const root of fresh) inherited[root] = next++;
  for (let row = 0; row < records; row++) {
    const root = sets.find(row);
    if (group[row] !== -1 || (size[root] as number) < 2) continue;
    group[row] = inherited[root] as number;
    level[row] = rule;
  }
  return next;
}

function rootsOf(group: Int32Array, groups: number): Int32Array {
  const first = new Int32Array(groups).fill(-1);
  const root = new Int32Array(group.length);
  for (let row = 0; row < group.length; row++) {
    const at = group[row] as number;
    if (at >= 0 && first[at] === -1) first[at] = row;
    root[row] = at < 0 ? row : (first[at] as number);
  }
  return root;
}
