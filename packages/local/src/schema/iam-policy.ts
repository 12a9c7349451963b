import { type Fault, unknownValue } from "../engine/types";
import { suggestion } from "./nearest";

/** What a document is attached to decides what its statements must say. */
export interface PolicyKind {
  /** Whether statements name whom they are for. */
  readonly principal: "required" | "refused";
  readonly resource: "required" | "refused" | "optional";
}

type Report = (path: string, reason: string) => void;

const documentMembers = ["Version", "Id", "Statement"];
const statementMembers = [
  ...["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"],
  ...["Principal", "NotPrincipal", "Condition"],
];
const principalTypes = ["AWS", "Service", "Federated", "CanonicalUser"];
const conditionBases = [
  ...[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
  ],
  ...[
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
  ],
  ...["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"],
  ...[
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
  ],
];

/** Faults in the shape of an IAM policy document, given as JSON or as an object. Unknown parts pass. */
export function checkPolicy(document: unknown, kind: PolicyKind, path: string): Fault[] {
  const faults: Fault[] = [];
  const report: Report = (where, reason) => faults.push({ path: where ? `${path} ${where}` : path, reason });
  let parsed = document;
  if (typeof document === "string") {
    try {
      parsed = JSON.parse(document);
    } catch (error) {
      report(
        "",
        `is not JSON: ${(error as Error).message}; build it with aws.iam.getPolicyDocument or pulumi.jsonStringify`,
      );
      return faults;
    }
  }
  if (parsed === unknownValue) return [];
  if (!isObject(parsed)) {
    report("", "a policy document is an object with Version and Statement");
    return faults;
  }
  unknownMembers(parsed, documentMembers, "", report);
  const { Version: version, Statement: statements } = parsed;
  if (version !== undefined && version !== unknownValue && version !== "2012-10-17" && version !== "2008-10-17") {
    report("Version", `is ${JSON.stringify(version)}; there are "2012-10-17" and the old "2008-10-17"`);
  }
  if (statements === undefined) report("Statement", "is missing");
  const list = Array.isArray(statements) ? statements : statements === undefined ? [] : [statements];
  list.forEach((statement: unknown, index) => {
    checkStatement(statement, kind, Array.isArray(statements) ? `Statement[${index}]` : "Statement", report);
  });
  const sids = list.flatMap((statement) =>
    isObject(statement) && typeof statement.Sid === "string" ? [statement.Sid] : [],
  );
  const twice = sids.find((sid, index) => sid !== "" && sids.indexOf(sid) !== index);
  if (twice) report("Statement", `two statements have the Sid "${twice}"; a Sid is unique in its document`);
  return faults;
}

function checkStatement(statement: unknown, kind: PolicyKind, path: string, report: Report): void {
  if (statement === unknownValue) return;
  if (!isObject(statement)) {
    report(path, "a statement is an object with Effect and Action");
    return;
  }
  unknownMembers(statement, statementMembers, path, report);
  const { Effect: effect } = statement;
  if (effect !== "Allow" && effect !== "Deny" && effect !== unknownValue) {
    report(
      `${path}.Effect`,
      effect === undefined
        ? 'is missing; give "Allow" or "Deny"'
        : `is ${JSON.stringify(effect)}; give "Allow" or "Deny"`,
    );
  }
  const action = exactlyOne(statement, "Action", "NotAction", true, path, report);
  if (action) eachText(statement[action], `${path}.${action}`, report, checkAction);
  const resource = exactlyOne(statement, "Resource", "NotResource", kind.resource === "required", path, report);
  if (resource && kind.resource === "refused")
    report(`${path}.${resource}`, "a trust policy names no resource: it is about the role itself");
  else if (resource) eachText(statement[resource], `${path}.${resource}`, report, checkResourceArn);
  const principal = exactlyOne(statement, "Principal", "NotPrincipal", kind.principal === "required", path, report);
  if (principal && kind.principal === "refused") {
    report(`${path}.${principal}`, "a policy of an identity names no principal: it is for whom it is attached to");
  } else if (principal) checkPrincipal(statement[principal], `${path}.${principal}`, report);
  if (statement.Condition !== undefined) checkConditions(statement.Condition, `${path}.Condition`, report);
}

function exactlyOne(
  statement: Record<string, unknown>,
  member: string,
  negated: string,
  required: boolean,
  path: string,
  report: Report,
): string | undefined {
  const has = statement[member] !== undefined;
  const hasNegated = statement[negated] !== undefined;
  if (has && hasNegated) report(path, `has both ${member} and ${negated}; keep one`);
  else if (!has && !hasNegated && required) report(`${path}.${member}`, `is missing (or ${negated})`);
  return has ? member : hasNegated ? negated : undefined;
}

function eachText(value: unknown, path: string, report: Report, check: (text: string) => string | undefined): void {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) report(path, "is an empty list");
  list.forEach((text: unknown, index) => {
    if (text === unknownValue) return;
    const where = Array.isArray(value) ? `${path}[${index}]` : path;
    const fault = typeof text === "string" ? check(text) : `must be a string, not ${JSON.stringify(text)}`;
    if (fault) report(where, fault);
  });
}

function checkAction(action: string): string | undefined {
  if (action === "*" || /^[a-z0-9-]+:[A-Za-z0-9*?]+$/i.test(action)) return undefined;
  return `"${action}" is no action; actions are "service:Operation" ("kinesis:PutRecords") or "*"`;
}

/** An ARN has six parts; wildcards and policy variables may stand in them. API Gateway also takes `execute-api:/…`. */
function checkResourceArn(resource: string): string | undefined {
  if (resource === "*" || resource.startsWith("execute-api:/")) return undefined;
  const [prefix, partition = "", service = "", , account = "", ...rest] = resource
    .replace(/\$\{[^}]*\}/g, "*")
    .split(":");
  const isArn = prefix === "arn" && /^(aws[a-z-]*|\*)$/.test(partition) && service !== "" && rest.join(":") !== "";
  if (!isArn)
    return `"${resource}" is no ARN; ARNs are "arn:aws:service:region:account:resource", with * where any will do`;
  if (!/^(\d{12}|aws|cloudfront|)$/.test(account.replace(/[*?]+/g, "")) && !/[*?]/.test(account)) {
    return `"${resource}" has the account "${account}"; an account id has 12 digits`;
  }
  return undefined;
}

function checkPrincipal(principal: unknown, path: string, report: Report): void {
  if (principal === "*" || principal === unknownValue) return;
  if (!isObject(principal)) {
    report(
      path,
      `is ${JSON.stringify(principal)}; give "*" or an object such as { "Service": "lambda.amazonaws.com" }`,
    );
    return;
  }
  for (const [type, names] of Object.entries(principal)) {
    if (!principalTypes.includes(type))
      report(`${path}.${type}`, `is no kind of principal${suggestion(type, principalTypes)}`);
    else eachText(names, `${path}.${type}`, report, (name) => checkPrincipalName(type, name));
  }
}

function checkPrincipalName(type: string, name: string): string | undefined {
  if (name === "*") return undefined;
  if (type === "Service" && !/^[a-z0-9.-]+\.[a-z0-9.-]+$/.test(name)) {
    return `"${name}" is no service principal; they look like "lambda.amazonaws.com"`;
  }
  if (type === "AWS" && !/^(\d{12}|arn:[^:]*:[^:]+:.*|A[A-Z0-9]{15,})$/.test(name)) {
    return `"${name}" is no principal; give an account id, the ARN of a role or user, or "*"`;
  }
  return undefined;
}

function checkConditions(condition: unknown, path: string, report: Report): void {
  if (condition === unknownValue) return;
  if (!isObject(condition)) {
    report(path, "is an object: { operator: { key: value } }");
    return;
  }
  for (const [operator, keys] of Object.entries(condition)) {
    const base = operator.replace(/^(ForAllValues|ForAnyValue):/, "").replace(/(?<!^)IfExists$/, "");
    if (!conditionBases.includes(base))
      report(`${path}.${operator}`, `is no condition operator${suggestion(operator, conditionBases)}`);
    if (keys === unknownValue) continue;
    if (!isObject(keys)) report(`${path}.${operator}`, "is an object: { key: value }");
    else {
      for (const key of Object.keys(keys)) {
        if (!key.includes(":"))
          report(`${path}.${operator}.${key}`, 'is no condition key; keys are "service:Key" ("aws:SourceArn")');
      }
    }
  }
}

function unknownMembers(value: Record<string, unknown>, known: readonly string[], path: string, report: Report): void {
  for (const name of Object.keys(value)) {
    if (!known.includes(name))
      report(path ? `${path}.${name}` : name, `there is no such member${suggestion(name, known)}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
