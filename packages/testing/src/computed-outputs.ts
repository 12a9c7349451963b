import { createHash } from "node:crypto";
import type { ProviderRequest } from "@tributary/local/engine";

interface Place {
  readonly region: string;
  readonly accountId: string;
}

interface Subject {
  readonly type: string;
  /** Physical name. */
  readonly name: string;
  readonly arn: string;
  readonly inputs: Record<string, unknown>;
  readonly place: Place;
  /** Hex of the URN's hash, for drawn ids. */
  readonly hex: string;
}

type Rule = (subject: Subject) => { id?: string; arn?: string; [output: string]: unknown };

const regional = ({ place }: Subject, service: string, resource: string): string =>
  `arn:aws:${service}:${place.region}:${place.accountId}:${resource}`;
const iam = ({ place }: Subject, resource: string): string => `arn:aws:iam::${place.accountId}:${resource}`;

/** Types whose id or ARN does not follow the common form, or that have outputs which components read. */
const rules: Readonly<Record<string, Rule>> = {
  "aws:s3/bucket:Bucket": ({ name, place }) => ({
    arn: `arn:aws:s3:::${name}`,
    bucket: name,
    bucketDomainName: `${name}.s3.amazonaws.com`,
    bucketRegionalDomainName: `${name}.s3.${place.region}.amazonaws.com`,
  }),
  "aws:sqs/queue:Queue": (subject) => {
    const url = `https://sqs.${subject.place.region}.amazonaws.com/${subject.place.accountId}/${subject.name}`;
    return { id: url, url, arn: regional(subject, "sqs", subject.name) };
  },
  "aws:sns/topic:Topic": (subject) => ({
    id: regional(subject, "sns", subject.name),
    arn: regional(subject, "sns", subject.name),
  }),
  "aws:dms/endpoint:Endpoint": (subject) => ({ endpointArn: regional(subject, "dms", `endpoint:${subject.hex}`) }),
  "aws:dms/s3Endpoint:S3Endpoint": (subject) => ({ endpointArn: regional(subject, "dms", `endpoint:${subject.hex}`) }),
  "aws:kinesis/stream:Stream": (subject) => ({ arn: regional(subject, "kinesis", `stream/${subject.name}`) }),
  "aws:dynamodb/table:Table": (subject) => ({
    arn: regional(subject, "dynamodb", `table/${subject.name}`),
    ...(subject.inputs.streamEnabled
      ? { streamArn: regional(subject, "dynamodb", `table/${subject.name}/stream/2026-01-01T00:00:00.000`) }
      : {}),
  }),
  "aws:kms/key:Key": (subject) => {
    const id = uuid(subject.hex);
    return { id, keyId: id, arn: regional(subject, "kms", `key/${id}`) };
  },
  "aws:lambda/function:Function": (subject) => {
    const arn = regional(subject, "lambda", `function:${subject.name}`);
    return { arn, qualifiedArn: `${arn}:1`, version: "1", invokeArn: invokeArn(subject, arn) };
  },
  "aws:cloudwatch/logGroup:LogGroup": (subject) => ({ arn: regional(subject, "logs", `log-group:${subject.name}`) }),
  "aws:cloudwatch/metricAlarm:MetricAlarm": (subject) => ({
    arn: regional(subject, "cloudwatch", `alarm:${subject.name}`),
  }),
  "aws:iam/role:Role": (subject) => ({
    arn: iam(subject, `role/${subject.name}`),
    uniqueId: `AROA${subject.hex.slice(0, 17).toUpperCase()}`,
  }),
  "aws:iam/policy:Policy": (subject) => ({
    id: iam(subject, `policy/${subject.name}`),
    arn: iam(subject, `policy/${subject.name}`),
  }),
  "aws:apigatewayv2/api:Api": (subject) => {
    const id = subject.hex.slice(0, 10);
    return {
      id,
      arn: `arn:aws:apigateway:${subject.place.region}::/apis/${id}`,
      apiEndpoint: `https://${id}.execute-api.${subject.place.region}.amazonaws.com`,
      executionArn: regional(subject, "execute-api", id),
    };
  },
  "aws:sfn/stateMachine:StateMachine": (subject) => {
    const arn = regional(subject, "states", `stateMachine:${subject.name}`);
    return { id: arn, arn };
  },
  "aws:secretsmanager/secret:Secret": (subject) => {
    const arn = regional(subject, "secretsmanager", `secret:${subject.name}-${subject.hex.slice(0, 6)}`);
    return { id: arn, arn };
  },
  "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": (subject) => {
    const arn = regional(subject, "firehose", `deliverystream/${subject.name}`);
    return { id: arn, arn };
  },
  "aws:msk/cluster:Cluster": mskCluster,
  "aws:msk/serverlessCluster:ServerlessCluster": mskCluster,
  "aws:ec2/vpc:Vpc": (subject) =>
    drawn(subject, "vpc", {
      mainRouteTableId: `rtb-${subject.hex.slice(17, 34)}`,
      defaultSecurityGroupId: `sg-${subject.hex.slice(17, 34)}`,
    }),
  "aws:ec2/subnet:Subnet": (subject) => drawn(subject, "subnet", {}),
  "aws:ec2/securityGroup:SecurityGroup": (subject) => drawn(subject, "security-group", {}, "sg"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": (subject) =>
    drawn(subject, "vpc-endpoint", { prefixListId: `pl-${subject.hex.slice(17, 34)}` }, "vpce"),
  "aws:ec2/routeTable:RouteTable": (subject) => drawn(subject, "route-table", {}, "rtb"),
  "aws:redshiftserverless/namespace:Namespace": (subject) => {
    const name = String(subject.inputs.namespaceName);
    return {
      id: name,
      arn: regional(subject, "redshift-serverless", `namespace/${uuid(subject.hex)}`),
      ...(subject.inputs.manageAdminPassword === true
        ? { adminPasswordSecretArn: regional(subject, "secretsmanager", `secret:redshift!${name}-admin`) }
        : {}),
    };
  },
  "aws:redshiftserverless/workgroup:Workgroup": (subject) => ({
    id: String(subject.inputs.workgroupName),
    arn: regional(subject, "redshift-serverless", `workgroup/${uuid(subject.hex)}`),
  }),
  "aws-native:entityresolution:SchemaMapping": (subject) => {
    const name = String(subject.inputs.schemaName);
    return { id: name, schemaName: name, schemaArn: regional(subject, "entityresolution", `schemamapping/${name}`) };
  },
  "aws-native:entityresolution:MatchingWorkflow": (subject) => {
    const workflowName = String(subject.inputs.workflowName);
    const workflowArn = regional(subject, "entityresolution", `matchingworkflow/${workflowName}`);
    return { id: workflowName, workflowName, workflowArn };
  },
};

const nameInputs = ["name", "bucket", "functionName", "identifier", "domainName", "dashboardName"];

/** Id and computed outputs of any aws resource, in AWS's forms, from its URN's hash. */
export function computedOutputs(
  { type, name, urn, inputs }: ProviderRequest,
  suffix: string,
  place: Place,
): { id: string; outputs: Record<string, unknown> } {
  const given = nameInputs.map((input) => inputs[input]).find((value) => typeof value === "string");
  const prefix = typeof inputs.namePrefix === "string" ? inputs.namePrefix : undefined;
  const physical = typeof given === "string" ? given : prefix ? `${prefix}${suffix}` : `${name}-${suffix}`;
  const [, module = ""] = type.split(":");
  const [service = "", kind = ""] = module.split("/");
  const hex = createHash("sha256").update(`id of ${urn}`).digest("hex");
  const subject: Subject = { type, name: physical, inputs, place, hex, arn: "" };
  const common = { name: physical, arn: regional(subject, service, `${kind.toLowerCase()}/${physical}`) };
  const { id = physical, ...special } = rules[type]?.(subject) ?? {};
  return { id, outputs: { ...common, ...special } };
}

function mskCluster(subject: Subject): { id: string; arn: string; [output: string]: unknown } {
  const given = subject.inputs.clusterName;
  const name = typeof given === "string" ? given : subject.name;
  const arn = regional(subject, "kafka", `cluster/${name}/${uuid(subject.hex)}-1`);
  return { id: arn, arn, clusterName: name, bootstrapBrokersSaslIam: `boot-1.${name}.amazonaws.com:9098` };
}

function drawn(
  subject: Subject,
  kind: string,
  further: Record<string, unknown>,
  prefix = kind,
): Record<string, unknown> & { id: string } {
  const id = `${prefix}-${subject.hex.slice(0, 17)}`;
  return { id, arn: regional(subject, "ec2", `${kind}/${id}`), ...further };
}

function invokeArn({ place }: Subject, arn: string): string {
  return `arn:aws:apigateway:${place.region}:lambda:path/2015-03-31/functions/${arn}/invocations`;
}

function uuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
