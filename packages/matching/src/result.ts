import type { IdentityRules, LintStatistics, MatchRules } from "@tributary/model";
import type { EdgesOutput } from "./edges";
import type { MatchReport } from "./report/report";

/** What is matched, and by what. */
export interface MatchInput {
  /** CSV (gzip too), JSON lines or Parquet; globs allowed. Several files are one table, by column name. */
  readonly files: readonly string[];
  readonly rules: MatchRules;
  /** Limits, shared and blocked values of the identifiers that attributes name. Default: `defaultIdentityRules`. */
  readonly identity?: IdentityRules;
  /** Column with a record's id, unique. Default: the attribute of type UNIQUE_ID, else the row's number. */
  readonly idColumn?: string;
  /** Column that says who a record really is. Used for scoring only, never for matching. */
  readonly truthColumn?: string;
  /** Parquet, CSV or JSON lines by its ending: record_id, profile_id, and the input's columns. */
  readonly out?: string;
  /** Gather what a person wants to see of the run. Default false. */
  readonly report?: boolean;
  /** Writes the links that hold profiles together for the identity graph: JSON lines, `MatchEdge`. */
  readonly edges?: EdgesOutput;
  /** Leave out values and keys that too many share, or that people share by chance. Default true; never done in AWS's modes. */
  readonly suppress?: boolean;
  /** DuckDB's memory limit, such as "2GB"; more spills to `workFolder`. */
  readonly memory?: string;
  readonly threads?: number;
  readonly workFolder?: string;
  readonly onProgress?: (stage: string, done?: number) => void;
}

/** One reason to hold two records for one person's. */
export interface MatchLink {
  readonly a: string;
  readonly b: string;
  /** Name of the rule; `probabilistic` for the Fellegi–Sunter stage. */
  readonly rule: string;
  /** Match weight, log2; only of the probabilistic stage. */
  readonly score?: number;
}

/** Pairwise precision, recall and F1 of the profiles. */
export interface Evaluation {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly truePairs: number;
  readonly foundPairs: number;
  readonly correctPairs: number;
}

/** What `tributary resolve --json` prints. */
export interface MatchSummary {
  readonly records: number;
  readonly profiles: number;
  /** Records of the largest profile. */
  readonly largest: number;
  /** Links that each rule made, by name, before constraints. */
  readonly links: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Only with a truth column. */
  readonly evaluation?: Evaluation;
}

/** A value, or a rule's key, that belongs to nobody: too many people have it, or they share it by chance. */
export interface SuppressedValue {
  /** The match key, or the rule. */
  readonly of: string;
  /** The value in its normal form; only of a match key. */
  readonly value?: string;
  readonly records: number;
  readonly reason: string;
}

export interface MatchResult {
  readonly summary: MatchSummary;
  /** What was left out of matching, most records first; at most 1,000. */
  readonly suppressed: readonly SuppressedValue[];
  /** The blocks that each rule made of the records: `lint(rules, blocks)` names rules that are too weak for this data. */
  readonly blocks: LintStatistics;
  /** Links that a constraint did not let hold, by reason. */
  readonly cut: Readonly<Record<string, number>>;
  /** Where it was asked for. */
  readonly report?: MatchReport;
}
