import * as pulumi from "@pulumi/pulumi";
import { runStack, type StackRun } from "@tributary/testing";
import { lookedAt, policies, violations } from "../../core/test/well-architected";
import { Governance, type GovernanceArgs, governanceDefaults, governanceFaults, normalize, vpcRef } from "../src";
import { subnetBlocks } from "../src/resources/network";

const govern = (args: Partial<GovernanceArgs> = {}, options = {}) =>
  runStack(() => ({ foundation: new Governance("cdp", { environment: "dev", ...args }).foundation }), options);
const foundationOf = (run: StackRun) => run.outputs.foundation as Record<string, Record<string, unknown>>;

describe("Governance", () => {
  it("stands without a network, keeps the rules that apply, and bills nothing by the hour", async () => {
    const run = await govern();
    expect(violations(run.graph)).toEqual([]);
    expect(lookedAt(run.graph)).toEqual(
      expect.arrayContaining(["S1", "S2", "S4", "S5", "S8", "S11", "S12", "S16", "R9", "O1", "C1"]),
    );
    expect(run.graph.orphans()).toEqual([]);
    expect(run.graph.types().filter((type) => type.startsWith("aws:ec2"))).toEqual([]);
    expect(foundationOf(run)).toMatchObject({
      environment: "dev",
      logRetentionDays: governanceDefaults.logRetentionDays,
      tags: { Project: "test", Environment: "dev", Tenant: "default", CostCenter: "test" },
      keyArn: run.graph.byType("aws:kms/key:Key")[0]?.outputs.arn,
    });
    expect(foundationOf(run).network).toBeUndefined();
    expect(run.graph.find("aws:cloudwatch/dashboard:Dashboard", "cdp-platform").inputs.dashboardName).toBe(
      "test-test-cdp",
    );
  });

  it("lets only the services that need it use the key, for this account's resources", async () => {
    const run = await govern();
    const [key] = policies(run.graph).filter(({ owner }) => owner.type === "aws:kms/key:Key");
    const services =
      key?.statements.filter(({ Principal }) => (Principal as { Service?: unknown }).Service !== undefined) ?? [];
    expect(services.map(({ Sid }) => Sid)).toEqual(["CloudWatchLogs", "PublishToEncryptedTopicsAndQueues"]);
    for (const { Condition } of services) expect(JSON.stringify(Condition)).toContain("000000000000");
  });

  it("creates a small network without NAT: two zones, free endpoints, nothing in", async () => {
    const run = await govern({ network: { create: {} } });
    expect(violations(run.graph)).toEqual([]);
    expect(lookedAt(run.graph)).toEqual(expect.arrayContaining(["N1", "N4", "N5", "N6", "N8", "R6", "C6"]));
    const subnets = run.graph.byType("aws:ec2/subnet:Subnet").map(({ inputs }) => inputs);
    expect(subnets.map(({ cidrBlock }) => cidrBlock)).toEqual(["10.42.0.0/20", "10.42.16.0/20"]);
    expect(new Set(subnets.map(({ availabilityZone }) => availabilityZone)).size).toBe(2);
    expect(run.graph.find("aws:ec2/securityGroup:SecurityGroup", "cdp-functions").inputs.ingress).toEqual([]);
    expect(foundationOf(run).network).toMatchObject({
      reaches: ["dynamodb", "s3"],
      dynamodbEndpointId: run.graph.find("aws:ec2/vpcEndpoint:VpcEndpoint", "cdp-dynamodb").id,
    });
  });

  it("makes interface endpoints when they are asked for by name", async () => {
    const run = await govern({ network: { create: { interfaceEndpoints: ["sqs", "secretsmanager"] } } });
    expect(violations(run.graph, ["C6"])).toEqual([]);
    const endpoints = run.graph
      .byType("aws:ec2/vpcEndpoint:VpcEndpoint")
      .filter(({ inputs }) => inputs.vpcEndpointType === "Interface");
    expect(endpoints.map(({ inputs }) => [inputs.serviceName, inputs.privateDnsEnabled])).toEqual([
      ["com.amazonaws.us-east-1.sqs", true],
      ["com.amazonaws.us-east-1.secretsmanager", true],
    ]);
    expect(foundationOf(run).network?.reaches).toEqual(["dynamodb", "s3", "sqs", "secretsmanager"]);
  });

  it("adopts a network in the shape of awsx, with its route tables", async () => {
    const vpc = {
      vpcId: pulumi.output("vpc-1"),
      privateSubnetIds: pulumi.output([] as string[]),
      isolatedSubnetIds: pulumi.output(["subnet-1", "subnet-2"]),
      routeTables: pulumi.output([{ id: pulumi.output("rtb-1") }, { id: pulumi.output("rtb-2") }]),
    };
    const run = await govern({ network: { existing: vpcRef(vpc, { internet: true }) } });
    expect(run.graph.byType("aws:ec2/vpc:Vpc")).toEqual([]);
    for (const service of ["s3", "dynamodb"]) {
      expect(run.graph.find("aws:ec2/vpcEndpoint:VpcEndpoint", `cdp-${service}`).inputs).toMatchObject({
        vpcId: "vpc-1",
        routeTableIds: ["rtb-1", "rtb-2"],
        vpcEndpointType: "Gateway",
      });
    }
    expect(foundationOf(run).network).toMatchObject({ vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] });
    expect(foundationOf(run).network?.reaches).toContain("internet");
  });

  it("adopts endpoints and security groups too, and a key", async () => {
    const existing = {
      vpcId: "vpc-1",
      subnetIds: ["a", "b"],
      dynamodbEndpointId: "vpce-9",
      securityGroupIds: ["sg-9"],
    };
    const run = await govern({
      network: { existing },
      encryption: { existing: { arn: "arn:aws:kms:us-east-1:1:key/k" } },
    });
    expect(run.graph.types().filter((type) => type.startsWith("aws:ec2") || type.startsWith("aws:kms"))).toEqual([]);
    expect(foundationOf(run)).toMatchObject({
      keyArn: "arn:aws:kms:us-east-1:1:key/k",
      network: { dynamodbEndpointId: "vpce-9", securityGroupIds: ["sg-9"] },
    });
  });

  it("tells by e-mail, and watches the budget, where asked to", async () => {
    const run = await govern({
      alarms: { email: "on-call@example.com" },
      budget: { monthlyUsd: 200, email: "money@example.com" },
      tenant: "acme",
      costCenter: "marketing",
      tags: { Project: "cdp", Team: "data" },
    });
    expect(run.graph.find("aws:sns/topicSubscription:TopicSubscription", "cdp-alarms-email").inputs.endpoint).toBe(
      "on-call@example.com",
    );
    const { notifications, filterExpression } = run.graph.find("aws:budgets/budget:Budget", "cdp-monthly").inputs as {
      notifications: { notificationType: string; threshold: number }[];
      filterExpression: unknown;
    };
    expect(notifications.map(({ notificationType, threshold }) => [notificationType, threshold])).toEqual([
      ["ACTUAL", 80],
      ["ACTUAL", 100],
      ["FORECASTED", 100],
    ]);
    expect(violations(run.graph)).toEqual([]);
    expect(lookedAt(run.graph)).toContain("C2");
    expect(JSON.stringify(filterExpression)).toContain('{"key":"Tenant","values":["acme"]}');
    expect(foundationOf(run).tags).toEqual({
      Project: "cdp",
      Team: "data",
      Environment: "dev",
      Tenant: "acme",
      CostCenter: "marketing",
    });
  });

  it("changes a child by its transform, but not its protection", async () => {
    const run = await govern({ transform: { key: { description: "ours", enableKeyRotation: false } } });
    expect(run.graph.find("aws:kms/key:Key", "cdp-key").inputs).toMatchObject({
      description: "ours",
      enableKeyRotation: true,
    });
  });

  it("lists the same resources in a preview, and changes nothing the second time", async () => {
    const args = { network: { create: {} } } as const;
    const run = await govern(args);
    const preview = await govern(args, { mode: "preview" });
    expect(preview.graph.all.map(({ urn }) => urn).sort()).toEqual(run.graph.all.map(({ urn }) => urn).sort());
    expect((await run.again()).summary).toMatchObject({ create: 0, update: 0, delete: 0, replace: 0 });
  });
});

describe("arguments at fault", () => {
  it("are told all at once, with path and remedy", () => {
    const args = {
      environment: "Prod!",
      network: { existing: { vpcId: "vpc-1", subnetIds: ["a"], interfaceEndpoints: ["sqss", "kafka"] } },
      alarms: { email: "nobody" },
      budget: { monthlyUsd: 0 },
      tags: { CostCenter: "x", Module: "y", "aws:x": "z", Owner: "" },
      logRetentionDays: 100,
      encryption: { create: { deletionWindowDays: 3 } },
      onDelete: "burn",
    } as unknown as GovernanceArgs;
    const faults = Object.fromEntries(governanceFaults(args).map(({ path, reason }) => [path, reason]));
    expect(Object.keys(faults).sort()).toEqual(
      [
        "alarms.email",
        "budget.email",
        "budget.monthlyUsd",
        "encryption.create.deletionWindowDays",
        "environment",
        "logRetentionDays",
        "network.existing.interfaceEndpoints[0]",
        "network.existing.interfaceEndpoints[1]",
        "network.existing.routeTableIds",
        "network.existing.subnetIds",
        "onDelete",
        "tags.CostCenter",
        "tags.Module",
        "tags.Owner",
        "tags.aws:x",
      ].sort(),
    );
    expect(faults["network.existing.interfaceEndpoints[0]"]).toContain('did you mean "sqs"?');
    expect(faults["network.existing.interfaceEndpoints[1]"]).toContain("one of kinesis, sqs, secretsmanager");
    expect(faults.logRetentionDays).toBe("100 is not a retention that CloudWatch offers; the next longer one is 120");
    expect(faults["tags.CostCenter"]).toBe("is set by the platform: use the argument costCenter");
    expect(() => normalize("cdp", args, "p")).toThrow(
      /^Governance "cdp" has 15 invalid arguments:\n {2}environment: "Prod!" must/,
    );
  });

  it.each([
    ["10.0.0.0/8", false],
    ["10.0.0.0/16", true],
    ["192.168.4.0/24", true],
    ["300.0.0.0/16", false],
    ["10.0.0.0", false],
  ])("take the block %s: %s", (cidrBlock, fine) => {
    expect(governanceFaults({ environment: "dev", network: { create: { cidrBlock } } })).toHaveLength(fine ? 0 : 1);
  });

  it("cut subnets that do not overlap", () => {
    expect(subnetBlocks("10.42.0.0/16", 3)).toEqual(["10.42.0.0/20", "10.42.16.0/20", "10.42.32.0/20"]);
    expect(subnetBlocks("192.168.4.0/24", 2)).toEqual(["192.168.4.0/28", "192.168.4.16/28"]);
  });
});
