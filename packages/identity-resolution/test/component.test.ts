import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FoundationRef } from "@tributary/core";
import { runStack, type StackRun } from "@tributary/testing";
import { violations } from "../../core/test/well-architected";
import { defaultIdentityRules, IdentityResolution, type IdentityResolutionArgs } from "../src";

const root = join(__dirname, "../../..");
const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const foundation: FoundationRef = {
  keyArn: key,
  alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p", Tenant: "t", CostCenter: "c" },
  accessLogs: { bucketName: "logs" },
  network: {
    vpcId: "vpc-1",
    subnetIds: ["subnet-1"],
    securityGroupIds: ["sg-1"],
    dynamodbEndpointId: "vpce-1",
  },
};
const given: IdentityResolutionArgs = {
  foundation,
  events: {
    label: "events",
    name: "events",
    arn: "arn:aws:dynamodb:us-east-1:000000000000:table/events",
    keyArn: key,
    streamArn: "arn:aws:dynamodb:us-east-1:000000000000:table/events/stream/2026-01-01T00:00:00.000",
  },
};

beforeAll(() => {
  const built = spawnSync(process.execPath, [join(root, "scripts/bundle-handlers.mjs")], { encoding: "utf8" });
  const bundle = join(root, "packages/identity-resolution/dist/handlers/resolver/index.mjs");
  if (!statSync(bundle, { throwIfNoEntry: false })) throw new Error(`no bundle resolver: ${built.stderr}`);
}, 60_000);

test("every fault of the arguments at once, with its path and what to do", async () => {
  const wrong = {
    foundation,
    events: { ...given.events, streamArn: undefined },
    rules: {
      identifiers: [
        { type: "User", selectors: ["userId"], limit: 1, priority: 1 },
        { type: "email", selectors: ["traits..email"], limit: 0, priority: 2, blocked: { patterns: ["("] } },
      ],
    },
    resolver: { batchSize: 0, windowSeconds: 301, parallelization: 1.5 },
  } as unknown as IdentityResolutionArgs;
  const message = await runStack(() => {
    new IdentityResolution("cdp", wrong);
  }).then(
    () => "no fault",
    (error: Error) => error.message,
  );
  for (const line of [
    "events.streamArn: is missing; give ingestion.events",
    "rules.identifiers[0].type: must be lower-case letters",
    "rules.identifiers[1].selectors[0]: must be a dotted path",
    "rules.identifiers[1].limit",
    "rules.identifiers[1].blocked.patterns[0]: is no regular expression",
    "resolver.batchSize: is 0; give a whole number from 1 to 10000",
    "resolver.windowSeconds: is 301",
    "resolver.parallelization: is 1.5",
  ]) {
    expect(message).toContain(line);
  }
});

describe("the graph", () => {
  let run: StackRun;
  beforeAll(async () => {
    run = await runStack(() => {
      const { contract, profiles } = new IdentityResolution("cdp", {
        ...given,
        rules: { identifiers: [...defaultIdentityRules.identifiers] },
      });
      return { contract, streamArn: profiles.profiles.streamArn, rules: profiles.rules };
    });
  }, 60_000);

  test("keeps every rule of the well-architected table", () => {
    expect(violations(run.graph)).toEqual([]);
    expect(run.graph.orphans()).toEqual([]);
  });

  test("two tables, one function in the network that reads the events' stream", () => {
    const tables = run.graph
      .byType("aws:dynamodb/table:Table")
      .map(({ name, inputs }) => [name, inputs.hashKey, inputs.streamViewType]);
    expect(tables).toEqual([
      ["cdp-graph", "key", undefined],
      ["cdp-profiles", "profileId", "NEW_AND_OLD_IMAGES"],
    ]);
    const resolver = run.graph.find("aws:lambda/function:Function", "cdp-resolver");
    expect(resolver.inputs.vpcConfig).toBeDefined();
    const [mapping] = run.graph.byType("aws:lambda/eventSourceMapping:EventSourceMapping");
    expect(mapping?.inputs).toMatchObject({
      eventSourceArn: given.events.streamArn,
      functionResponseTypes: ["ReportBatchItemFailures"],
      filterCriteria: { filters: [{ pattern: JSON.stringify({ eventName: ["INSERT", "MODIFY"] }) }] },
    });
  });

  test("the resolver reads and writes the graph, only writes profiles, and touches no event", () => {
    const statements = run.graph
      .byType("aws:iam/rolePolicy:RolePolicy")
      .flatMap(
        ({ inputs }) => JSON.parse(String(inputs.policy)).Statement as { Action: string[]; Resource: string[] }[],
      );
    const onTable = (name: string) =>
      statements
        .filter(({ Resource }) => Resource.some((arn) => arn.includes(`table/${name}`) && !arn.includes("/stream/")))
        .flatMap(({ Action }) => Action);
    expect(onTable("cdp-graph")).toEqual(expect.arrayContaining(["dynamodb:BatchGetItem", "dynamodb:PutItem"]));
    expect(onTable("cdp-profiles").filter((action) => /Get|Query|Scan/.test(action))).toEqual([]);
    expect(onTable("cdp-profiles")).toContain("dynamodb:PutItem");
    expect(onTable("events")).toEqual([]);
  });

  test("the contract and the ref carry what readers need", () => {
    expect(run.outputs).toMatchObject({
      contract: {
        graphTableName: expect.stringContaining("cdp-graph"),
        profilesTableName: expect.stringContaining("cdp-profiles"),
        stewardFunctionName: expect.stringContaining("cdp-steward"),
      },
      streamArn: expect.stringContaining("/stream/"),
      rules: { version: 1, maxComponentSize: 500 },
    });
  });
});

test("the resolver's bundle is small", () => {
  const stamp = join(root, "packages/identity-resolution/dist/handlers/.stamps/resolver.json");
  const { zippedBytes } = JSON.parse(readFileSync(stamp, "utf8")) as { zippedBytes: number };
  // The phone numbers' metadata are 20 KiB of this.
  expect(zippedBytes).toBeLessThan(120 * 1024);
});
