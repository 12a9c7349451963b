import { type Context, conditionsHold, fillVariables } from "./conditions";
import type { PolicyDocument, Statement } from "./document";
import { actionMatch, wildcardMatch } from "./match";

export interface Request {
  readonly action: string;
  readonly resource: string;
  readonly context: Context;
  /** Who asks, for policies on resources. */
  readonly caller: Caller;
}

export type Caller =
  | { readonly kind: "role"; readonly roleArn: string; readonly sessionArn: string; readonly accountId: string }
  | { readonly kind: "service"; readonly service: string };

/** What a set of policies says of a request; `account` is an allow that only delegates to the account's own policies. */
export interface Verdict {
  readonly deny: boolean;
  readonly allow: boolean;
  readonly account: boolean;
}

export function evaluate(
  documents: readonly PolicyDocument[],
  request: Request,
  kind: "identity" | "resource",
): Verdict {
  let allow = false;
  let account = false;
  for (const { Statement: statements } of documents) {
    for (const statement of statements) {
      const who = kind === "identity" ? "direct" : principalFit(statement, request.caller);
      if (who === "none" || !covers(statement, request, kind)) continue;
      if (!conditionsHold(statement.Condition, request.context)) continue;
      if (statement.Effect === "Deny") return { deny: true, allow: false, account: false };
      if (who === "direct") allow = true;
      else account = true;
    }
  }
  return { deny: false, allow, account };
}

function covers(statement: Statement, { action, resource, context }: Request, kind: "identity" | "resource"): boolean {
  const named = (statement.Action ?? statement.NotAction ?? []).some((pattern) => actionMatch(pattern, action));
  if (named === (statement.Action === undefined)) return false;
  const patterns = statement.Resource ?? statement.NotResource;
  // Some resource policies (trust, SNS and SQS in old notation) leave the resource out: it is the one they hang on.
  if (!patterns) return kind === "resource";
  const found = patterns.some((pattern) => {
    const filled = fillVariables(pattern, context);
    return filled !== undefined && wildcardMatch(filled, resource);
  });
  return found !== (statement.Resource === undefined);
}

/** Whether a resource policy's statement speaks of the caller: by name, through its account, or not at all. */
function principalFit(statement: Statement, caller: Caller): "direct" | "account" | "none" {
  if (statement.NotPrincipal !== undefined) {
    return fit(statement.NotPrincipal, caller, statement.Effect) === "none" ? "direct" : "none";
  }
  return statement.Principal === undefined ? "none" : fit(statement.Principal, caller, statement.Effect);
}

function fit(principal: Statement["Principal"], caller: Caller, effect: string): "direct" | "account" | "none" {
  if (principal === undefined) return "none";
  if (principal === "*") return "direct";
  if (caller.kind === "service") {
    const services = principal.Service ?? [];
    if (services.includes(caller.service)) return "direct";
    return (principal.AWS ?? []).includes("*") ? "direct" : "none";
  }
  for (const name of principal.AWS ?? []) {
    if (name === "*" || name === caller.roleArn || name === caller.sessionArn) return "direct";
    if (name === caller.accountId || name === `arn:aws:iam::${caller.accountId}:root`) {
      // A deny for the account is one for everybody in it.
      return effect === "Deny" ? "direct" : "account";
    }
  }
  return "none";
}
