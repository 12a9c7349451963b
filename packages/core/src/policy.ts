import * as pulumi from "@pulumi/pulumi";

/** One statement of a policy document; written out with AWS's capitalised names. */
export interface Statement {
  readonly sid?: string;
  /** @default "Allow" */
  readonly effect?: "Allow" | "Deny";
  /** Exact actions: an `Allow` with a `*` in one is refused. */
  readonly actions: readonly string[];
  /** ARNs. Left out only in trust policies. `*` in an `Allow` is refused unless AWS forces it (`forcedWildcards`). */
  readonly resources?: readonly pulumi.Input<string>[];
  /** Only in resource and trust policies: `"*"`, or principals by kind. */
  readonly principals?: "*" | Readonly<Record<string, pulumi.Input<string> | readonly pulumi.Input<string>[]>>;
  readonly conditions?: Readonly<
    Record<string, Readonly<Record<string, pulumi.Input<string> | readonly pulumi.Input<string>[]>>>
  >;
}

const createNetworkInterface =
  "the interface does not exist yet, and Lambda checks the Describe and Delete actions at creation of the function";

/** Actions for which AWS offers no resource to name, with the reason. Everything else names its resources. */
export const forcedWildcards: Readonly<Record<string, string>> = Object.freeze({
  "xray:PutTraceSegments": "X-Ray has no resource for segments",
  "xray:PutTelemetryRecords": "X-Ray has no resource for telemetry",
  "xray:GetSamplingRules": "X-Ray has no resource for the sampling call",
  "xray:GetSamplingTargets": "X-Ray has no resource for the sampling call",
  "ec2:CreateNetworkInterface": createNetworkInterface,
  "ec2:DescribeNetworkInterfaces": "Describe actions of EC2 have no resource",
  "ec2:DescribeVpcs": "Describe actions of EC2 have no resource",
  "ec2:DescribeSecurityGroups": "Describe actions of EC2 have no resource",
  "ec2:DescribeSubnets": "Describe actions of EC2 have no resource",
  "ec2:DeleteNetworkInterface": createNetworkInterface,
  "ec2:AssignPrivateIpAddresses": createNetworkInterface,
  "ec2:UnassignPrivateIpAddresses": createNetworkInterface,
  "logs:CreateLogDelivery": "log deliveries have no resource; Step Functions checks these at creation",
  "logs:GetLogDelivery": "log deliveries have no resource",
  "logs:UpdateLogDelivery": "log deliveries have no resource",
  "logs:DeleteLogDelivery": "log deliveries have no resource",
  "logs:ListLogDeliveries": "log deliveries have no resource",
  "logs:PutResourcePolicy": "resource policies of CloudWatch Logs are per account",
  "logs:DescribeResourcePolicies": "resource policies of CloudWatch Logs are per account",
  "logs:DescribeLogGroups": "a listing of the account",
  "redshift-data:DescribeStatement": "statements have no resource; the Data API gives each to its owner alone",
  "redshift-data:GetStatementResult": "statements have no resource; the Data API gives each to its owner alone",
  "redshift-data:CancelStatement": "statements have no resource; the Data API gives each to its owner alone",
  "cloudwatch:PutMetricData": "metrics have no resource; a condition on the namespace narrows it",
});

/**
 * A policy document as JSON text. Throws at once, naming the statement, where an `Allow` is wider than AWS forces it to
 * be. In a key policy `resources: ["*"]` means the key itself, so it is let through when there are principals.
 */
export function policyDocument(statements: readonly Statement[]): pulumi.Output<string> {
  for (const statement of statements) refuseWide(statement);
  return pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements.map(written) });
}

function refuseWide(statement: Statement): void {
  if (statement.effect === "Deny") return;
  const label = statement.sid ?? statement.actions.join(", ");
  const wideAction = statement.actions.find((action) => action.includes("*"));
  if (wideAction !== undefined) {
    throw new Error(`Policy statement "${label}" allows "${wideAction}"; name each action that is needed.`);
  }
  const keyPolicy =
    statement.principals !== undefined && statement.actions.every((action) => action.startsWith("kms:"));
  if (keyPolicy || !(statement.resources ?? []).some((resource) => resource === "*")) return;
  const free = statement.actions.filter((action) => !(action in forcedWildcards));
  if (free.length > 0) {
    throw new Error(`Policy statement "${label}" allows ${free.join(", ")} on "*"; name the resources by ARN.`);
  }
}

function written(statement: Statement): Record<string, unknown> {
  return {
    ...(statement.sid === undefined ? {} : { Sid: statement.sid }),
    Effect: statement.effect ?? "Allow",
    ...(statement.principals === undefined ? {} : { Principal: statement.principals }),
    Action: statement.actions,
    ...(statement.resources === undefined ? {} : { Resource: statement.resources }),
    ...(statement.conditions === undefined ? {} : { Condition: statement.conditions }),
  };
}

/** Trust policy of a role that one AWS service assumes, for this account's resources only. */
export function serviceTrust(service: pulumi.Input<string>, accountId: pulumi.Input<string>): pulumi.Output<string> {
  return policyDocument([
    {
      actions: ["sts:AssumeRole"],
      principals: { Service: service },
      conditions: { StringEquals: { "aws:SourceAccount": accountId } },
    },
  ]);
}

/** Denies every call of the service that does not come over TLS. */
export function denyPlainTransport(service: string, resources: readonly pulumi.Input<string>[]): Statement {
  return {
    sid: "DenyPlainTransport",
    effect: "Deny",
    actions: [`${service}:*`],
    principals: "*",
    resources,
    conditions: { Bool: { "aws:SecureTransport": "false" } },
  };
}

/** Denies every call of S3 over TLS older than 1.2. */
export function denyOldTls(resources: readonly pulumi.Input<string>[]): Statement {
  return {
    sid: "DenyOldTls",
    effect: "Deny",
    actions: ["s3:*"],
    principals: "*",
    resources,
    conditions: { NumericLessThan: { "s3:TlsVersion": "1.2" } },
  };
}
