import { compareText, type Identifier, nodeKey } from "@tributary/model";

/** A row of a matching job's output. */
export interface MatchedRecord {
  readonly matchId: string;
  /** Name of the rule that matched it; empty where none did, or where machine learning did. */
  readonly rule: string;
  /** Of a machine learning match, 0 to 1. */
  readonly confidence?: number;
  /** Whom the record is about. */
  readonly node: Identifier;
}

/** A link of the graph, as the importer of matches reads it. */
export interface MatchEdge {
  readonly a: Identifier;
  readonly b: Identifier;
  readonly rule: string;
  /** Match weight: log2 of the odds that machine learning gives it. */
  readonly score?: number;
  /** When the job began, ISO 8601. */
  readonly at: string;
  /** What the links' job is called, run after run. */
  readonly job: string;
}

export interface GroupTotals {
  readonly records: number;
  /** Groups of two people or more. */
  readonly groups: number;
  readonly edges: number;
  /** Groups that were left out as they have more records than a person can. */
  readonly tooLarge: number;
}

/** What is known of a group after the first reading. */
interface Group {
  /** The smallest of its nodes: the middle of its star, whatever order the rows have. */
  hub: Identifier;
  hubKey: string;
  records: number;
  several: boolean;
}

/** Name of a link's rule: says that Entity Resolution made it, and by which rule. */
export const ruleName = ({ rule, confidence }: Pick<MatchedRecord, "rule" | "confidence">): string =>
  `aws-er:${rule !== "" ? rule : confidence === undefined ? "unnamed" : "machine-learning"}`;

/** Nobody is quite sure: a confidence of 1 is odds of a million to one. */
const surest = 1 - 1e-6;

/** A confidence in the unit of all scores: log2 of the odds. */
export function weightOf(confidence: number): number {
  const p = Math.min(surest, Math.max(1 - surest, confidence));
  return Math.log2(p / (1 - p));
}

/**
 * The groups of a matching job as links: a star from the smallest node of each group. Reads the rows twice, as a group's
 * rows may be in any files: memory is a few hundred bytes a group, not the rows. Match ids name a group within this job
 * only; none of them gets any further.
 */
export async function* edgesOf(
  rows: () => AsyncIterable<MatchedRecord>,
  { at, job, maxSize }: { readonly at: string; readonly job: string; readonly maxSize: number },
): AsyncGenerator<MatchEdge, GroupTotals> {
  const groups = new Map<string, Group>();
  let records = 0;
  for await (const { matchId, node } of rows()) {
    records += 1;
    const key = nodeKey(node);
    const group = groups.get(matchId);
    if (group === undefined) {
      groups.set(matchId, { hub: node, hubKey: key, records: 1, several: false });
      continue;
    }
    group.records += 1;
    if (key === group.hubKey) continue;
    group.several = true;
    if (compareText(key, group.hubKey) < 0) Object.assign(group, { hub: node, hubKey: key });
  }
  let [linked, tooLarge, edges] = [0, 0, 0];
  for (const [matchId, group] of groups) {
    if (!group.several) groups.delete(matchId);
    else if (group.records > maxSize) {
      tooLarge += 1;
      groups.delete(matchId);
    } else linked += 1;
  }
  for await (const row of rows()) {
    const group = groups.get(row.matchId);
    if (group === undefined || nodeKey(row.node) === group.hubKey) continue;
    edges += 1;
    const score = row.confidence === undefined ? {} : { score: weightOf(row.confidence) };
    yield { a: group.hub, b: row.node, rule: ruleName(row), ...score, at, job };
  }
  return { records, groups: linked, edges, tooLarge };
}
