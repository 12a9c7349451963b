import { athenaFaults, athenaFaultText, tokensOf } from "@tributary/model";
import { AwsError, NotSupportedLocally } from "../../kernel";

const declared = "Tables and views are declared in the program (`tables`, `views` of DataLake).";
const written = "Tables are written by the pipeline; see docs/lake/transforms.md.";

/** Statements of Athena's that are no query, by their first word, and what to do instead. */
const remedies: Readonly<Record<string, string>> = {
  create: declared,
  alter: declared,
  drop: declared,
  msck: "Partitions are found by their folders, here as by partition projection.",
  repair: declared,
  insert: written,
  update: written,
  delete: written,
  merge: written,
  optimize: "That is of Iceberg tables.",
  vacuum: "That is of Iceberg tables.",
  unload: "Save a query's rows with `tributary sql --format csv`.",
  copy: "Save a query's rows with `tributary sql --format csv`.",
  prepare: "Write the values into the query.",
  execute: "Write the values into the query.",
  deallocate: "Write the values into the query.",
  explain: "Plans differ between engines; run the query.",
  analyze: "Statistics are Athena's own.",
  use: "Name the database with each table: curated.orders.",
  set: "Settings are the workgroup's.",
};

/** What no program could mean for Athena. */
const foreign = /^(attach|detach|install|load|pragma|call|checkpoint|export|import|from|pivot|unpivot|summarize)$/;

/** What Athena has and this engine has not, by pattern, and what to do instead. */
const lacking: readonly (readonly [RegExp, string, string])[] = [
  [/\bmatch_recognize\s*\(/i, "MATCH_RECOGNIZE", "Use lag() and lead() over a window."],
  [/\bfor\s+(timestamp|version|system_time|system_version)\s+as\s+of\b/i, "time travel", "That is of Iceberg tables."],
  [/"\$(path|partition|file_size|file_modified_time|bucket)"/i, "hidden columns of files", "Look at the bucket."],
  [/\btable\s*\(\s*[a-z_.]*query\s*\(/i, "federated pass-through queries", "Run this against AWS."],
  [/\bvalues\s+[^\s(]/i, "VALUES without brackets", "Write values (1), (2)."],
  [/\bas\s+(array|map)\s*\(/i, "casts to array(…) and map(…)", "Take the elements out one by one."],
  [/(?<![\w.])x''/i, "binary literals", "Write from_hex('41')."],
  [/(?<![\w.])u&''/i, "unicode literals", "Write the character, or chr(65)."],
  [
    /\bjson_(value|query|exists|object|array|table)\s*\(/i,
    "JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT, JSON_ARRAY and JSON_TABLE",
    "Use json_extract_scalar(json, path) and json_extract(json, path).",
  ],
  [/\busing\s+(external\s+)?function\b/i, "user-defined functions", "Run this against AWS."],
];

/**
 * Refuses, by name and with what to do instead, what is no single query that both Athena and this engine take.
 * @throws NotSupportedLocally for what Athena has and this engine has not
 * @throws AwsError `InvalidRequestException` for what Athena would refuse as well
 */
export function checkStatement(sql: string): void {
  const tokens = tokensOf(sql);
  const first = tokens[0]?.text ?? "";
  if (tokens.length === 0) throw invalid("SYNTAX_ERROR: there is no statement");
  const next = tokens.findIndex(
    ({ kind, text }, index) => kind === "sign" && text === ";" && index < tokens.length - 1,
  );
  if (next >= 0) {
    throw invalid(`SYNTAX_ERROR: one statement at a time; a second begins with ${tokens[next + 1]?.text}`);
  }
  const remedy = remedies[first];
  if (remedy !== undefined) throw new NotSupportedLocally(`Athena ${first.toUpperCase()} statement`, remedy);
  if (foreign.test(first)) throw invalid(`SYNTAX_ERROR: Athena has no statement that begins with ${first}`);
  const plain = sql.replace(/'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, "''");
  for (const [pattern, what, instead] of lacking) {
    if (pattern.test(plain)) throw new NotSupportedLocally(`Athena: ${what}`, instead);
  }
  if (/^(show|desc|describe)$/.test(first)) return;
  const faults = athenaFaults(sql);
  if (faults.length === 0) return;
  const code = faults.every(({ kind }) => kind === "function") ? "FUNCTION_NOT_FOUND" : "SYNTAX_ERROR";
  throw invalid(`${code}: ${faults.map(athenaFaultText).join("; ")}`);
}

const invalid = (message: string) => new AwsError("InvalidRequestException", message);
