import { rules } from "./rules";
import { tokensOf } from "./tokens";

/** What a transform says that Spark and the local runtime would not take alike. */
export interface TransformFinding {
  /** The rule's name, as in docs/lake/transforms.md. */
  readonly rule: string;
  /** An error is refused or means another thing on one of the engines; a warning is not known to mean the same. */
  readonly level: "error" | "warning";
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** The words that it is about. */
  readonly found: string;
  /** What to write instead. */
  readonly remedy: string;
}

/**
 * Checks a transform for the SQL that Spark 3.5 (Glue) and DuckDB (the local runtime) have in common.
 *
 * @param sql One SELECT, as in a `.sql` file.
 * @returns Every finding, in the text's order; none where the transform keeps to the subset. Never throws.
 */
export function lintTransform(sql: string): TransformFinding[] {
  const tokens = tokensOf(sql);
  const findings = rules.flatMap((rule) =>
    rule.find(tokens).map(({ token, found, remedy }) => {
      const at = token?.at ?? 0;
      const before = sql.slice(0, at).split("\n");
      const finding: TransformFinding = {
        rule: rule.name,
        level: rule.level ?? "error",
        line: before.length,
        column: (before.at(-1) ?? "").length + 1,
        found: found ?? token?.text ?? "",
        remedy: remedy ?? rule.remedy,
      };
      return { at, finding };
    }),
  );
  const errors = new Set(findings.filter(({ finding }) => finding.level === "error").map(({ at }) => at));
  return findings
    .filter(({ at, finding }) => finding.level === "error" || !errors.has(at))
    .sort((a, b) => a.at - b.at)
    .map(({ finding }) => finding);
}

/** A finding on one line: `visits.sql:3:8 subscript: \`[\` …`. */
export const findingText = (file: string, { line, column, rule, found, remedy }: TransformFinding): string =>
  `${file}:${line}:${column} ${rule}: \`${found}\`: ${remedy}`;
