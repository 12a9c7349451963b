import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { RunFailed } from "../../src/engine";
import { World } from "./support";

/** The functions that programs ask, and the documents inside of resources: what a program gets, what it is refused. */
describe("a program", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.close());

  it("learns where it is, in previews too", async () => {
    const program = () => ({
      account: aws.getCallerIdentityOutput({}).accountId,
      region: aws.getRegionOutput({}).region,
      partition: aws.getPartitionOutput({}).partition,
      suffix: aws.getPartitionOutput({}).dnsSuffix,
      zones: aws.getAvailabilityZonesOutput({ state: "available", excludeNames: ["us-east-1b"] }).names,
      principal: aws.getServicePrincipalOutput({ serviceName: "lambda" }).name,
    });
    const expected = {
      account: "000000000000",
      region: "us-east-1",
      partition: "aws",
      suffix: "amazonaws.com",
      zones: expect.arrayContaining(["us-east-1a", "us-east-1c"]),
      principal: "lambda.amazonaws.com",
    };
    for (const mode of ["preview", "up"] as const) {
      const { outputs } = await world.run(program, mode);
      expect(outputs).toEqual(expected);
      expect(outputs.zones).not.toContain("us-east-1b");
    }
  });

  it("gets policy documents as the provider writes them", async () => {
    const base = JSON.stringify({
      Statement: [{ Sid: "Read", Effect: "Allow", Action: "s3:GetObject", Resource: "*" }],
    });
    const { outputs } = await world.run(() => ({
      json: aws.iam.getPolicyDocumentOutput({
        sourcePolicyDocuments: [base],
        statements: [
          {
            sid: "Read",
            effect: "Deny",
            actions: ["s3:GetObject", "s3:PutObject"],
            resources: ["arn:aws:s3:::b/&{aws:userid}"],
          },
          {
            actions: ["sts:AssumeRole"],
            principals: [{ type: "Service", identifiers: ["lambda.amazonaws.com"] }],
            conditions: [
              { test: "StringEquals", variable: "aws:SourceAccount", values: ["1"] },
              { test: "StringEquals", variable: "aws:SourceAccount", values: ["2"] },
            ],
          },
        ],
      }).json,
    }));
    expect(JSON.parse(String(outputs.json))).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "Read",
          Effect: "Deny",
          Action: ["s3:PutObject", "s3:GetObject"],
          Resource: `arn:aws:s3:::b/\${aws:userid}`,
        },
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { Service: "lambda.amazonaws.com" },
          Condition: { StringEquals: { "aws:SourceAccount": ["1", "2"] } },
        },
      ],
    });
  });

  const wrong: [string, () => unknown, RegExp][] = [
    [
      "a state machine without its first state",
      () =>
        new aws.sfn.StateMachine("r", {
          roleArn: "arn:aws:iam::000000000000:role/r",
          definition: JSON.stringify({ StartAt: "Clean", States: { Clan: { Type: "Pass", End: true } } }),
        }),
      /^definition: .*'StartAt'.* target: Clean$/m,
    ],
    [
      "a state of no known type",
      () =>
        new aws.sfn.StateMachine("r", {
          roleArn: "arn:aws:iam::000000000000:role/r",
          definition: JSON.stringify({ StartAt: "A", States: { A: { Type: "Taks", End: true } } }),
        }),
      /^definition .*A.*: .+$/m,
    ],
    [
      "a policy with a misspelt member",
      () =>
        new aws.iam.RolePolicy("r", {
          role: "r",
          policy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Actions: "s3:GetObject" }] }),
        }),
      /^policy Statement\[0\]\.Actions: .*did you mean "Action"\?$/m,
    ],
    [
      // The SDK tells what is left out; what turns out to be nothing is the engine's to tell.
      "a property that turns out to be nothing",
      () => {
        const nothing = pulumi.output(undefined) as unknown as pulumi.Output<string>;
        new aws.lambda.EventSourceMapping("r", { functionName: nothing, batchSize: 1 });
      },
      /^functionName: .*(missing|required)/m,
    ],
  ];
  it.each(wrong)("is refused %s, by URN, path and reason", async (_, make, fault) => {
    const refused = await world.run(make).catch((error: unknown) => error);
    if (!(refused instanceof RunFailed)) throw refused;
    expect(new Set(refused.faults.map(({ urn }) => urn.split("::").at(-1)))).toEqual(new Set(["r"]));
    expect(refused.faults.map(({ path, reason }) => `${path}: ${reason}`).join("\n")).toMatch(fault);
    expect(world.provider.said()).toEqual([]);
  });
});
