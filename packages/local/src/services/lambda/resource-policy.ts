import { z } from "zod";
import { AwsError, type Principal, type Resource } from "../../kernel";
import { functionNameOf } from "./function-config";

const inputs = z.object({
  action: z.string(),
  function: z.string(),
  principal: z.string(),
  sourceArn: z.string().optional(),
  sourceAccount: z.string().optional(),
  qualifier: z.string().optional(),
});

/** One statement of a function's resource policy (`aws.lambda.Permission`). */
export interface Statement {
  readonly functionName: string;
  readonly action: string;
  readonly principal: string;
  readonly sourceArn: RegExp | undefined;
  readonly sourceAccount: string | undefined;
}

export function parsePermission(resource: Resource): Statement {
  const value = inputs.parse(resource.inputs);
  return {
    functionName: functionNameOf(value.function),
    action: value.action,
    principal: value.principal,
    sourceArn: value.sourceArn === undefined ? undefined : arnLike(value.sourceArn),
    sourceAccount: value.sourceAccount,
  };
}

/** IAM's `ArnLike`: `*` is any text, `?` any character. */
function arnLike(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "s");
}

/** The resource policies of all functions. Only service principals need one: roles are judged by their own policies. */
export class ResourcePolicies {
  private readonly statements = new Map<string, Statement>();

  set(urn: string, statement: Statement): void {
    this.statements.set(urn, statement);
  }

  delete(urn: string): void {
    this.statements.delete(urn);
  }

  /** @throws AwsError `AccessDeniedException` where no statement lets the service invoke the function for this source. */
  check(
    functionName: string,
    functionArn: string,
    principal: Extract<Principal, { kind: "service" }>,
    accountId: string,
  ): void {
    for (const statement of this.statements.values()) {
      if (statement.functionName !== functionName) continue;
      if (!["lambda:InvokeFunction", "lambda:*", "*"].includes(statement.action)) continue;
      if (statement.principal !== principal.service && statement.principal !== "*") continue;
      if (statement.sourceArn && !statement.sourceArn.test(principal.sourceArn)) continue;
      if (statement.sourceAccount && statement.sourceAccount !== accountId) continue;
      return;
    }
    throw new AwsError(
      "AccessDeniedException",
      `${principal.service} is not authorized to perform: lambda:InvokeFunction on resource: ${functionArn} because no ` +
        `resource-based policy allows the lambda:InvokeFunction action (source ${principal.sourceArn}; add an aws.lambda.Permission)`,
      { status: 403 },
    );
  }
}
