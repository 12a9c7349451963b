import { tokensOf } from "@tributary/model";
import { AwsError, NotSupportedLocally } from "../../kernel";

/** A statement as this engine runs it. */
export type Prepared =
  | {
      readonly kind: "external-schema";
      readonly schema: string;
      readonly database: string;
      readonly role: string | undefined;
      readonly ifNotExists: boolean;
    }
  | { readonly kind: "query" | "change"; readonly sql: string };

const externalSchema =
  /^create\s+external\s+schema\s+(if\s+not\s+exists\s+)?([a-z_]\w*)\s+from\s+data\s+catalog\s+database\s+'([^']+)'\s+iam_role\s+(default|'[^']+')(?:\s+region\s+'[^']+')?\s*$/i;

const changes =
  /^(create\s+(schema|table)|drop\s+(schema|table)|alter\s+table|insert\s+into|delete\s+from|update|truncate)\b/i;

/** Reads files or other databases of the machine: no SQL of Redshift's. */
const foreign = /\b(read_\w+|\w+_scan|glob|attach|install|load|pragma|duckdb_\w+|sniff_csv)\s*\(/i;

/** What Redshift has and this engine has not, by pattern, and what to do instead. */
const lacking: readonly (readonly [RegExp, string, string])[] = [
  [
    /^(copy|unload)\b/i,
    "COPY and UNLOAD",
    "Read the lake by its external schema: insert into … select … from lake_curated.orders.",
  ],
  [
    /^(create|drop|alter)\s+(or\s+replace\s+)?(materialized\s+)?view\b/i,
    "views in Redshift",
    "Declare them as Athena's: `views` of DataLake.",
  ],
  [
    /^(grant|revoke|create\s+(user|role|group)|alter\s+(user|role|group)|drop\s+(user|role|group))\b/i,
    "users and their rights",
    "Here whoever may call the API may do everything; try rights out on AWS.",
  ],
  [
    /^(create|alter|drop|call)\s+(procedure|function|library|model|external\s+(table|function))\b|^call\b/i,
    "procedures, functions, models and external tables",
    "Run this against AWS.",
  ],
  [
    /^(vacuum|analyze|explain|show|set|declare|fetch|prepare|execute|merge|lock|cancel|begin|commit|rollback|end|start)\b/i,
    "this statement",
    "A batch is one transaction already.",
  ],
  [
    /\b(super|geometry|geography|hllsketch)\b(?!\s*\.)/i,
    "the types SUPER, GEOMETRY and HLLSKETCH",
    "Keep JSON as varchar.",
  ],
];

/**
 * A statement of Redshift's as one of DuckDB's, or what it is else.
 * @throws NotSupportedLocally for what Redshift has and this engine has not
 */
export function prepare(text: string): Prepared {
  const sql = text.replace(/[;\s]+$/, "").trim();
  const tokens = tokensOf(sql);
  if (tokens.length === 0) throw new AwsError("ValidationException", "there is no statement");
  if (tokens.some((token) => token.kind === "sign" && token.text === ";"))
    throw new AwsError("ValidationException", "one statement at a time: give several as Sqls of BatchExecuteStatement");
  const [, ifNotExists, schema = "", database = "", role = ""] = externalSchema.exec(sql) ?? [];
  if (schema !== "") {
    const roleArn = role.toLowerCase() === "default" ? undefined : role.slice(1, -1);
    return {
      kind: "external-schema",
      schema: schema.toLowerCase(),
      database,
      role: roleArn,
      ifNotExists: ifNotExists !== undefined,
    };
  }
  if (/^create\s+external\s+schema/i.test(sql))
    throw new NotSupportedLocally("an external schema that is not FROM DATA CATALOG DATABASE '…' IAM_ROLE '…'");
  const plain = sql.replace(/'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, "''");
  for (const [pattern, what, instead] of lacking) {
    if (pattern.test(plain)) throw new NotSupportedLocally(`Redshift: ${what}`, instead);
  }
  if (foreign.test(plain)) throw new AwsError("ValidationException", "ERROR: function does not exist");
  if (/^(select|with|values)\b/i.test(sql)) return { kind: "query", sql };
  if (changes.test(sql)) return { kind: "change", sql: /^create\s+table/i.test(sql) ? tableOnly(sql) : sql };
  throw new NotSupportedLocally(`Redshift: a statement that begins with ${tokens[0]?.text}`);
}

/** A CREATE TABLE without what says how it lies on disks, and without keys: Redshift takes them for hints, DuckDB for law. */
function tableOnly(sql: string): string {
  return sql
    .replace(/,\s*(primary|foreign|unique)\s+key\s*\([^)]*\)(\s*references\s+\S+\s*(\([^)]*\))?)?/gi, "")
    .replace(/\s(primary\s+key|unique|distkey|sortkey|encode\s+\w+)(?=\s*[,)\n])/gi, "")
    .replace(
      /\)\s*((backup\s+(yes|no)|diststyle\s+\w+|distkey\s*\([^)]*\)|(compound\s+|interleaved\s+)?sortkey\s*(\([^)]*\)|auto))\s*)+$/i,
      ")",
    );
}

/** Names `<schema>.<table>` of the given schemas in a statement, outside of quotes. */
export function tablesOfSchemas(sql: string, schemas: ReadonlySet<string>): { schema: string; table: string }[] {
  const tokens = tokensOf(sql);
  const found = new Map<string, { schema: string; table: string }>();
  tokens.forEach((token, index) => {
    const schema = token.kind === "word" ? token.text : "";
    const [dot, table] = [tokens[index + 1], tokens[index + 2]];
    if (!schemas.has(schema) || dot?.text !== "." || table?.kind !== "word") return;
    found.set(`${schema}.${table.text}`, { schema, table: table.text });
  });
  return [...found.values()];
}
