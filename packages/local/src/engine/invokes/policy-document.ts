import { createHash } from "node:crypto";
import { z } from "zod";

// The rules are those of the provider's data source: one value stands alone, several are sorted downwards,
// `&{…}` becomes `${…}`, statements of the same sid replace each other
// (hashicorp/terraform-provider-aws, internal/service/iam/policy_document_data_source.go).

const principal = z.object({ type: z.string(), identifiers: z.array(z.string()) });
const condition = z.object({ test: z.string(), variable: z.string(), values: z.array(z.string()) });
const statementArgs = z.object({
  sid: z.string().nullish(),
  effect: z.enum(["Allow", "Deny"]).nullish(),
  actions: z.array(z.string()).nullish(),
  notActions: z.array(z.string()).nullish(),
  resources: z.array(z.string()).nullish(),
  notResources: z.array(z.string()).nullish(),
  principals: z.array(principal).nullish(),
  notPrincipals: z.array(principal).nullish(),
  conditions: z.array(condition).nullish(),
});
const documentArgs = z.object({
  policyId: z.string().nullish(),
  version: z.enum(["2008-10-17", "2012-10-17"]).nullish(),
  statements: z.array(statementArgs).nullish(),
  sourcePolicyDocuments: z.array(z.string()).nullish(),
  overridePolicyDocuments: z.array(z.string()).nullish(),
});

type OneOrMany = string | string[];
interface Statement {
  Sid?: string;
  Effect?: string;
  [member: string]: unknown;
}
interface Document {
  Version?: string;
  Id?: string;
  Statement?: Statement | Statement[];
}

/** `aws.iam.getPolicyDocument`: the document as JSON, and minified. */
export function policyDocument(args: Record<string, unknown>): Record<string, unknown> {
  const parsed = documentArgs.safeParse(args);
  if (!parsed.success) throw new Error(`getPolicyDocument: ${z.prettifyError(parsed.error)}`);
  const given = parsed.data;
  const version = given.version ?? "2012-10-17";
  const statements: Statement[] = [];
  const sources = (given.sourcePolicyDocuments ?? []).flatMap((text) => statementsOf(text, "sourcePolicyDocuments"));
  addDistinct(statements, sources, "sourcePolicyDocuments");
  const own = (given.statements ?? []).map((statement, index) => render(statement, version, index));
  const named = own.flatMap(({ Sid }) => (Sid ? [Sid] : []));
  const twice = named.find((sid, index) => named.indexOf(sid) !== index);
  if (twice)
    throw new Error(`getPolicyDocument: duplicate sid "${twice}" in statements; sids must be unique or absent`);
  for (const statement of own) replaceBySid(statements, statement);
  for (const text of given.overridePolicyDocuments ?? []) {
    for (const statement of statementsOf(text, "overridePolicyDocuments")) replaceBySid(statements, statement);
  }
  const document: Document = {
    Version: version,
    ...(given.policyId ? { Id: given.policyId } : {}),
    Statement: statements,
  };
  const json = JSON.stringify(document, null, 2);
  return {
    ...args,
    version,
    id: createHash("sha256").update(json).digest("hex").slice(0, 10),
    json,
    minifiedJson: JSON.stringify(document),
  };
}

function render(statement: z.infer<typeof statementArgs>, version: string, index: number): Statement {
  const lists = {
    Action: statement.actions,
    NotAction: statement.notActions,
    Resource: statement.resources,
    NotResource: statement.notResources,
  };
  const result: Statement = { ...(statement.sid ? { Sid: statement.sid } : {}), Effect: statement.effect ?? "Allow" };
  for (const [member, values] of Object.entries(lists)) {
    if (values && values.length > 0) result[member] = variables(oneOrMany(values), version, index);
  }
  if (statement.principals?.length) result.Principal = principals(statement.principals, version, index);
  if (statement.notPrincipals?.length) result.NotPrincipal = principals(statement.notPrincipals, version, index);
  if (statement.conditions?.length) result.Condition = conditions(statement.conditions, version, index);
  return result;
}

function oneOrMany(values: readonly string[]): OneOrMany {
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : [...values].sort().reverse();
}

function variables(value: OneOrMany, version: string, index: number): OneOrMany {
  const replace = (text: string): string => {
    if (!text.includes("&{")) return text;
    if (version === "2008-10-17") {
      throw new Error(
        `getPolicyDocument: statements[${index}] uses a variable, which version 2008-10-17 does not know`,
      );
    }
    return text.replaceAll("&{", "${");
  };
  return typeof value === "string" ? replace(value) : value.map(replace);
}

function principals(list: readonly z.infer<typeof principal>[], version: string, index: number): unknown {
  const [only] = list;
  if (list.length === 1 && only?.type === "*" && only.identifiers.length === 1 && only.identifiers[0] === "*")
    return "*";
  const byType: Record<string, OneOrMany> = {};
  for (const { type, identifiers } of list) {
    const added = variables(oneOrMany(identifiers), version, index);
    const before = byType[type];
    byType[type] = before === undefined ? added : [before, added].flat();
  }
  return byType;
}

function conditions(list: readonly z.infer<typeof condition>[], version: string, index: number): unknown {
  const tests: Record<string, Record<string, OneOrMany>> = {};
  for (const { test, variable, values } of list) {
    const variablesOfTest = tests[test] ?? {};
    tests[test] = variablesOfTest;
    const added = variables(oneOrMany(values), version, index);
    const before = variablesOfTest[variable];
    variablesOfTest[variable] = before === undefined ? added : [before, added].flat();
  }
  return tests;
}

function statementsOf(text: string, from: string): Statement[] {
  if (text.trim() === "") return [];
  let document: Document;
  try {
    document = JSON.parse(text) as Document;
  } catch (error) {
    throw new Error(`getPolicyDocument: one of the ${from} is not JSON: ${(error as Error).message}`);
  }
  return [document.Statement ?? []].flat();
}

function addDistinct(target: Statement[], added: readonly Statement[], from: string): void {
  for (const statement of added) {
    if (statement.Sid && target.some(({ Sid }) => Sid === statement.Sid)) {
      throw new Error(`getPolicyDocument: duplicate sid "${statement.Sid}" in ${from}; sids must be unique or absent`);
    }
    target.push(statement);
  }
}

function replaceBySid(target: Statement[], statement: Statement): void {
  const index = statement.Sid ? target.findIndex(({ Sid }) => Sid === statement.Sid) : -1;
  if (index < 0) target.push(statement);
  else target[index] = statement;
}
