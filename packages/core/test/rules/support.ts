import type { Graph } from "@tributary/testing";

/**
 * The Well-Architected rules that every component keeps, as questions to a graph: each gives what breaks it, by logical
 * name. A rule that finds nothing to look at cannot fail, so tests also state which rules looked at something.
 */
export interface Rule {
  readonly id: string;
  readonly says: string;
  /** Types of resource that it is about: without any of them it has nothing to say. */
  readonly of: readonly string[];
  readonly broken: (graph: Graph) => string[];
}

export type Received = Graph["all"][number];
export type Bag = Record<string, unknown>;

export const bag = (value: unknown): Bag => (typeof value === "object" && value !== null ? (value as Bag) : {});
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
/** The value at a dotted path; a number is an index. */
export const at = (resource: Received, path: string): unknown =>
  path.split(".").reduce<unknown>((so, part) => bag(so)[part], resource.inputs);

/** Resources of a type for which the test fails. */
export const each = (
  type: string,
  passes: (resource: Received, graph: Graph) => boolean,
): Pick<Rule, "of" | "broken"> => ({
  of: [type],
  broken: (graph) =>
    graph
      .byType(type)
      .filter((resource) => !passes(resource, graph))
      .map((resource) => `${resource.type} ${resource.name}`),
});

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action?: unknown;
  readonly Resource?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: Bag;
}
export interface Policy {
  readonly owner: Received;
  readonly statements: readonly Statement[];
}

const policyInputs = ["policy", "assumeRolePolicy"];

/** Every policy document in the graph. */
export function policies(graph: Graph): Policy[] {
  return graph.all.flatMap((owner) =>
    policyInputs.flatMap((input) => {
      const text = owner.inputs[input];
      if (typeof text !== "string" || !text.startsWith("{")) return [];
      return [{ owner, statements: (JSON.parse(text) as { Statement: Statement[] }).Statement }];
    }),
  );
}

export const eachStatement = (passes: (statement: Statement) => boolean): Pick<Rule, "of" | "broken"> => ({
  of: ["aws:iam/rolePolicy:RolePolicy"],
  broken: (graph) =>
    policies(graph).flatMap(({ owner, statements }) =>
      statements
        .filter((statement) => !passes(statement))
        .map((statement) => `${owner.type} ${owner.name}: ${statement.Sid ?? list(statement.Action).join(", ")}`),
    ),
});

export const bucket = "aws:s3/bucket:Bucket";
/** The configurations of one type that belong to a bucket. */
export const ofBucket = (graph: Graph, of: Received, type: string): Received[] =>
  graph
    .byType(`aws:s3/${type}`)
    .filter((each) => each.inputs.bucket === of.outputs.bucket || each.inputs.bucket === of.id);
/** A bucket that only receives access logs, which cannot be delivered under a customer's key. */
export const isLogBucket = (graph: Graph, of: Received): boolean =>
  graph.byType("aws:s3/bucketLogging:BucketLogging").some((each) => each.inputs.targetBucket === of.id) ||
  of.name.endsWith("access-logs");

export const denies = (graph: Graph, of: Received, operator: string, key: string): boolean =>
  ofBucket(graph, of, "bucketPolicy:BucketPolicy").some((policy) =>
    policies(graph)
      .filter(({ owner }) => owner === policy)
      .some(({ statements }) =>
        statements.some((statement) => statement.Effect === "Deny" && key in bag(statement.Condition?.[operator])),
      ),
  );

export const lambda = "aws:lambda/function:Function";
export const endpoint = "aws:ec2/vpcEndpoint:VpcEndpoint";

/** Whether the platform has a network: an endpoint for DynamoDB, or a function in one that was given. */
export const networked = (graph: Graph): boolean =>
  graph.byType(endpoint).some(({ inputs }) => String(inputs.serviceName).endsWith(".dynamodb")) ||
  graph.byType(lambda).some(({ inputs }) => inputs.vpcConfig !== undefined);

export const taggable = new Set([
  "aws-native:entityresolution:MatchingWorkflow",
  "aws-native:entityresolution:SchemaMapping",
  "aws:apigatewayv2/api:Api",
  "aws:apigatewayv2/stage:Stage",
  "aws:athena/workgroup:Workgroup",
  "aws:budgets/budget:Budget",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:cloudwatch/metricAlarm:MetricAlarm",
  "aws:dynamodb/table:Table",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/vpc:Vpc",
  endpoint,
  "aws:glue/catalogDatabase:CatalogDatabase",
  "aws:glue/job:Job",
  "aws:iam/role:Role",
  "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
  "aws:kinesis/stream:Stream",
  "aws:kms/key:Key",
  "aws:lambda/eventSourceMapping:EventSourceMapping",
  lambda,
  bucket,
  "aws:msk/cluster:Cluster",
  "aws:msk/serverlessCluster:ServerlessCluster",
  "aws:quicksight/dataSet:DataSet",
  "aws:quicksight/dataSource:DataSource",
  "aws:redshift/integration:Integration",
  "aws:redshiftserverless/namespace:Namespace",
  "aws:redshiftserverless/workgroup:Workgroup",
  "aws:secretsmanager/secret:Secret",
  "aws:sfn/stateMachine:StateMachine",
  "aws:sns/topic:Topic",
  "aws:sqs/queue:Queue",
]);

export const data = [bucket, "aws:dynamodb/table:Table", "aws:kinesis/stream:Stream", "aws:kms/key:Key"];
