import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import { runStack, type StackRun } from "@tributary/testing";
import { z } from "zod";
import {
  applyTransform,
  type FoundationRef,
  grantTableRead,
  HttpApi,
  handlerBundle,
  nearest,
  policyDocument,
  SecureBucket,
  SecureQueue,
  SecureStream,
  SecureTable,
  slug,
  TributaryComponent,
  validate,
  zodFaults,
} from "../src";
import { foundation, functionOf, key } from "./support";
import { lookedAt, policies, violations } from "./well-architected";

const network = {
  vpcId: "vpc-1",
  subnetIds: ["subnet-1", "subnet-2"],
  securityGroupIds: ["sg-1"],
  dynamodbEndpointId: "vpce-1",
};

/** Everything core makes, joined as a component would. */
class Whole extends TributaryComponent {
  constructor(name: string, base: FoundationRef) {
    super("Whole", name);
    const child = this.child();
    const common = { foundation: base, dataClass: "personal" } as const;
    const bucket = new SecureBucket(
      `${name}-bucket`,
      { ...common, lifecycle: { expirePrefixes: { "tmp/": 1 } } },
      child,
    );
    const table = new SecureTable(
      `${name}-table`,
      {
        ...common,
        hashKey: { name: "id" },
        rangeKey: { name: "at", type: "N" },
        stream: "NEW_IMAGE",
        ttlAttribute: "expiresAt",
        indexes: [{ name: "by-owner", hashKey: { name: "owner" } }],
        capacity: { provisioned: { read: { min: 1, max: 10 }, write: { min: 2, max: 20 } } },
      },
      child,
    );
    const stream = new SecureStream(`${name}-stream`, common, child);
    const queue = new SecureQueue(`${name}-queue`, { foundation: base, consumerTimeoutSeconds: 30 }, child);
    const reader = functionOf(
      `${name}-reader`,
      {
        foundation: base,
        calls: ["dynamodb", "s3"],
        environment: { TABLE: table.name },
        config: { table: table.name },
      },
      child,
    );
    table.grantReadWrite(reader);
    bucket.grantRead(reader, "in/");
    reader.consumeStream("events", stream.ref, {
      batchSize: 500,
      onFailure: bucket.ref,
      filter: [{ data: { a: [1] } }],
    });
    reader.consumeTable("items", table.ref, { batchSize: 100, onFailure: queue.ref });
    const sender = functionOf(
      `${name}-sender`,
      { foundation: base, calls: ["kinesis", "sqs"], reservedConcurrency: 5 },
      child,
    );
    stream.grantWrite(sender);
    queue.grantSend(sender);
    sender.consumeQueue("jobs", queue.ref, { batchSize: 10, maximumConcurrency: 2 });
    const api = new HttpApi(`${name}-api`, { foundation: base, cors: { allowOrigins: ["*"] } }, child);
    const authorizer = api.authorizer("token", sender);
    api.route("GET /v1/people/{id}", reader, { authorizer });
    api.route("POST /v1/batch", reader);
    this.registerOutputs({ url: api.url });
  }
}

const whole = (base: FoundationRef = foundation) => runStack(() => void new Whole("w", base));
const dynamodbEndpoint = (run: StackRun) => run.graph.byType("aws:dynamodb/resourcePolicy:ResourcePolicy");
const actionsOf = (run: StackRun, name: string): string[] =>
  policies(run.graph)
    .filter(({ owner }) => owner.name === name && owner.type === "aws:iam/rolePolicy:RolePolicy")
    .flatMap(({ statements }) => statements.flatMap(({ Action }) => Action as string[]));

describe("default-secure children", () => {
  let run: StackRun;
  beforeAll(async () => {
    run = await whole();
  });

  it("keep every Well-Architected rule that applies", () => {
    expect(violations(run.graph)).toEqual([]);
    expect(lookedAt(run.graph).sort()).toEqual(
      [
        ...["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S13", "S15", "S16", "S17", "S18"],
        ...["I1", "I2", "I3", "I4", "I5", "I7", "I8", "I9", "N2", "N3", "R1", "R2", "R3", "R5", "R9"],
        ...["O2", "O3", "O5", "O6", "O7", "P3", "C1", "C4"],
      ].sort(),
    );
  });

  it("says so when a rule is broken", async () => {
    const bad = await runStack(() => {
      new s3.Bucket("open", { forceDestroy: true });
    });
    const ids = violations(bad.graph).map((violation) => violation.split(" ")[0]);
    expect(ids).toEqual(expect.arrayContaining(["S1", "S2", "S4", "S5", "S6", "S7", "S8", "S10", "R9", "C1"]));
  });

  it("hangs everything on its component, with the module as a tag", () => {
    expect(run.graph.orphans()).toEqual([]);
    expect(run.graph.resourcesUnder("w").length).toBe(run.graph.all.length - 1);
    expect(run.graph.find("aws:kinesis/stream:Stream", "w-stream").inputs.tags).toEqual({
      ...foundation.tags,
      Environment: "test",
      Module: "whole",
      DataClass: "personal",
    });
  });

  it("grants exactly what the verb says", () => {
    expect(actionsOf(run, "w-sender-put-w-stream")).toEqual([
      "kinesis:PutRecord",
      "kinesis:PutRecords",
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:GenerateDataKey",
    ]);
    expect(actionsOf(run, "w-reader-read-w-bucket-in")).toEqual([
      "s3:GetObject",
      "s3:ListBucket",
      "kms:Decrypt",
      "kms:DescribeKey",
    ]);
    const [read] = policies(run.graph).filter(({ owner }) => owner.name === "w-reader-read-w-bucket-in");
    const bucketArn = run.graph.find("aws:s3/bucket:Bucket", "w-bucket").outputs.arn;
    expect(read?.statements[0]?.Resource).toEqual([`${bucketArn}/in/*`]);
    expect(actionsOf(run, "w-sender-consume-jobs")).toContain("sqs:DeleteMessage");
  });

  it("keeps a queue's messages hidden six times as long as its consumer may take", () => {
    expect(run.graph.find("aws:sqs/queue:Queue", "w-queue").inputs.visibilityTimeoutSeconds).toBe(180);
  });

  it("scales provisioned tables and their indexes", () => {
    expect(run.graph.byType("aws:appautoscaling/target:Target").map(({ inputs }) => inputs.scalableDimension)).toEqual(
      expect.arrayContaining(["dynamodb:table:ReadCapacityUnits", "dynamodb:index:WriteCapacityUnits"]),
    );
    expect(run.graph.find("aws:dynamodb/table:Table", "w-table").options.ignoreChanges).toEqual([
      "readCapacity",
      "writeCapacity",
    ]);
  });

  it("lets an API call a function by its routes only", () => {
    const sources = run.graph.byType("aws:lambda/permission:Permission").map(({ inputs }) => String(inputs.sourceArn));
    expect(sources.some((source) => source.endsWith("/*/GET/v1/people/*"))).toBe(true);
    expect(sources.some((source) => source.endsWith("/*/POST/v1/batch"))).toBe(true);
    const routes = run.graph.byType("aws:apigatewayv2/route:Route");
    expect(Object.fromEntries(routes.map(({ inputs }) => [inputs.routeKey, inputs.authorizationType]))).toEqual({
      "GET /v1/people/{id}": "CUSTOM",
      "POST /v1/batch": "NONE",
    });
  });

  it("lists the same resources in a preview", async () => {
    const preview = await runStack(() => void new Whole("w", foundation), { mode: "preview" });
    expect(preview.graph.all.map(({ urn }) => urn).sort()).toEqual(run.graph.all.map(({ urn }) => urn).sort());
  });

  it("puts functions that call DynamoDB into the network, the others not, and closes the tables to the outside", async () => {
    const inside = await whole({
      ...foundation,
      network,
      permissionsBoundaryArn: "arn:aws:iam::000000000000:policy/b",
    });
    expect(inside.graph.find("aws:lambda/function:Function", "w-reader").inputs.vpcConfig).toEqual({
      subnetIds: network.subnetIds,
      securityGroupIds: network.securityGroupIds,
    });
    expect(inside.graph.find("aws:lambda/function:Function", "w-sender").inputs.vpcConfig).toBeUndefined();
    expect(dynamodbEndpoint(inside)).toHaveLength(1);
    expect(dynamodbEndpoint(run)).toHaveLength(0);
    expect(violations(inside.graph)).toEqual([]);
    const roles = inside.graph.byType("aws:iam/role:Role");
    expect(roles.filter(({ inputs }) => inputs.permissionsBoundary === undefined)).toEqual([]);
  });
});

describe("arguments at fault", () => {
  const refused = (program: () => void, options = {}) => expect(runStack(program, options)).rejects;

  it("refuses a function in the network that calls what cannot be reached from there", async () => {
    const inNetwork = { foundation: { ...foundation, network }, calls: ["dynamodb", "sqs", "internet"] } as const;
    await refused(() => void functionOf("f", inNetwork)).toThrow(
      /Function "f" has 2 invalid arguments:\n {2}calls: .*sqs is not reachable.*network\.interfaceEndpoints.*\n {2}calls: .*NAT gateway/,
    );
    const reaching = { ...network, reaches: ["dynamodb", "s3", "sqs", "internet"] } as const;
    const run = await runStack(
      () => void functionOf("f", { ...inNetwork, foundation: { ...foundation, network: reaching } }),
    );
    expect(run.graph.byType("aws:lambda/function:Function")).toHaveLength(1);
  });

  it("refuses a grant for a service that the function does not call, and a second of the same", async () => {
    const table = { name: "t", arn: "arn:aws:dynamodb:us-east-1:000000000000:table/t", keyArn: key };
    await refused(() => void grantTableRead(functionOf("f"), table)).toThrow(
      /"f" is granted dynamodb but its `calls` are \[\]/,
    );
    await refused(() => {
      const twice = functionOf("f", { calls: ["dynamodb"] });
      grantTableRead(twice, table);
      grantTableRead(twice, table);
    }).toThrow(/"f" is granted "read-dynamodb" twice/);
  });

  it("refuses a consumer that is too slow for its queue, and a table without a stream", async () => {
    await refused(() => {
      const queue = new SecureQueue("q", { foundation, consumerTimeoutSeconds: 10 });
      functionOf("f").consumeQueue("q", queue.ref, { batchSize: 1 });
    }).toThrow(/30 s, but messages of "q" come back after 60 s.*consumerTimeoutSeconds: 30/);
    await refused(() => {
      const dead = { url: "u", arn: "arn:aws:sqs:us-east-1:000000000000:d", keyArn: key };
      functionOf("f").consumeTable("t", { name: "t", arn: "a", keyArn: key }, { batchSize: 1, onFailure: dead });
    }).toThrow(/cannot consume "t": the table's ref has no streamArn/);
  });

  it("destroys data only with the stack's consent, and says how to give it", async () => {
    const program = () => void new SecureBucket("b", { foundation, dataClass: "internal", onDelete: "destroy" });
    await refused(program, { stack: "prod" }).toThrow(/pulumi config set tributary:allowDataDestroy true --stack prod/);
    const run = await runStack(program, { config: { "tributary:allowDataDestroy": "true" } });
    const bucket = run.graph.find("aws:s3/bucket:Bucket", "b");
    expect([bucket.options.protect, bucket.options.retainOnDelete, bucket.inputs.forceDestroy]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("refuses wide statements by name", () => {
    const wide = (statement: Parameters<typeof policyDocument>[0][number]) => () => policyDocument([statement]);
    expect(wide({ actions: ["s3:*"], resources: ["arn:x"] })).toThrow('allows "s3:*"; name each action');
    expect(wide({ sid: "All", actions: ["s3:GetObject", "xray:PutTraceSegments"], resources: ["*"] })).toThrow(
      'Policy statement "All" allows s3:GetObject on "*"',
    );
    expect(wide({ actions: ["xray:PutTraceSegments"], resources: ["*"] })).not.toThrow();
    expect(wide({ effect: "Deny", actions: ["s3:*"], resources: ["*"], principals: "*" })).not.toThrow();
  });

  it("tells every fault at once, with paths", () => {
    const schema = z.object({ name: z.string(), list: z.array(z.object({ size: z.number() })) });
    const faults = zodFaults(schema, { list: [{ size: 1 }, { size: "x" }] }, "rules");
    expect(faults.map(({ path: where }) => where)).toEqual(["rules.name", "rules.list[1].size"]);
    expect(zodFaults(schema, { name: "n", list: [] })).toEqual([]);
    expect(() => validate("Thing", [])).not.toThrow();
    expect(() => validate("Thing", faults)).toThrow(/^Thing has 2 invalid arguments:\n {2}rules\.name: /);
    try {
      validate("Thing", faults);
    } catch (error) {
      expect(pulumi.InputPropertiesError.isInstance(error)).toBe(true);
    }
  });

  it("finds the nearest name, and none where all are far", () => {
    expect(nearest("kinesys", ["sqs", "kinesis"])).toBe("kinesis");
    expect(nearest("zebra", ["sqs", "kinesis"])).toBeUndefined();
    expect(slug(" Web App!")).toBe("web-app");
    expect(applyTransform({ a: 1, b: 2 }, { b: 3 })).toEqual({ a: 1, b: 3 });
    expect(applyTransform({ a: 1 }, ({ a }) => ({ a: a + 1 }))).toEqual({ a: 2 });
    expect(() => handlerBundle(__dirname, "no-such")).toThrow(
      /no-such is missing\. Build it: node scripts\/bundle-handlers\.mjs/,
    );
  });
});
