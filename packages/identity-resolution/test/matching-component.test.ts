import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { BucketRef, FoundationRef, GlueTableRef } from "@tributary/core";
import { platformContract } from "@tributary/model";
import { runStack, type StackRun } from "@tributary/testing";
import { lookedAt, policies, violations } from "../../core/test/well-architected";
import {
  defaultIdentityRules,
  IdentityResolution,
  type IdentityResolutionArgs,
  type MatchingArgs,
  type MatchRulesInput,
} from "../src";
import type { EntityResolutionModule } from "../src/matching/native";

const root = join(__dirname, "../../..");
const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const foundation: FoundationRef = {
  keyArn: key,
  alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p", Tenant: "t", CostCenter: "c" },
  accessLogs: { bucketName: "logs" },
  network: { vpcId: "vpc-1", subnetIds: ["subnet-1"], securityGroupIds: ["sg-1"], dynamodbEndpointId: "vpce-1" },
};
const events = {
  label: "events",
  name: "events",
  arn: "arn:aws:dynamodb:us-east-1:000000000000:table/events",
  keyArn: key,
  streamArn: "arn:aws:dynamodb:us-east-1:000000000000:table/events/stream/2026-01-01T00:00:00.000",
};
const bucket = (name: string): BucketRef => ({
  label: name,
  name,
  arn: `arn:aws:s3:::${name}`,
  keyArn: `${key}-${name}`,
});
const input: GlueTableRef = {
  database: "clean",
  table: "people_to_match",
  bucket: bucket("clean"),
  prefix: "people_to_match/",
  columns: ["record_id", "identifier_type", "identifier_value", "full_name", "email", "postal_code"],
};
const rules: MatchRulesInput = {
  attributes: [
    { column: "record_id", type: "UNIQUE_ID" },
    { column: "full_name", type: "NAME", matchKey: "name" },
    { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
    { column: "postal_code", type: "ADDRESS_POSTALCODE", matchKey: "postcode" },
  ],
  mode: "aws-waterfall",
  rules: [
    { name: "same email", condition: "Exact(email)" },
    { name: "similar name", condition: "Exact(postcode) AND Levenshtein(name, 2)" },
  ],
};
const matching: MatchingArgs = { provider: "entity-resolution", rules, input, output: bucket("workspace") };
const make = (more: Partial<MatchingArgs> = {}, args: Partial<IdentityResolutionArgs> = {}) => {
  const { contract } = new IdentityResolution("cdp", {
    foundation,
    events,
    matching: { ...matching, ...more },
    ...args,
  });
  return { contract };
};
const run = (more: Partial<MatchingArgs> = {}, options = {}) => runStack(() => make(more), options);
const messageOf = (work: Promise<unknown>) =>
  work.then(
    () => "no fault",
    (error: Error) => error.message,
  );

beforeAll(() => {
  const built = spawnSync(process.execPath, [join(root, "scripts/bundle-handlers.mjs")], { encoding: "utf8" });
  for (const name of ["match-lock", "match-groups", "match-importer"]) {
    const bundle = join(root, `packages/identity-resolution/dist/handlers/${name}/index.mjs`);
    if (!statSync(bundle, { throwIfNoEntry: false })) throw new Error(`no bundle ${name}: ${built.stderr}`);
  }
}, 60_000);

// Compiles only as long as our types fit the package's own.
test("the optional package has the classes that we use", () => {
  const native: EntityResolutionModule = require("@pulumi/aws-native/entityresolution");
  expect(Object.keys(native)).toEqual(expect.arrayContaining(["SchemaMapping", "MatchingWorkflow"]));
});

describe("the graph of matching", () => {
  let made: StackRun;
  beforeAll(async () => {
    made = await run({ schedule: { expression: "cron(0 5 * * ? *)" } });
  }, 60_000);

  test("keeps every rule of the well-architected table", () => {
    expect(violations(made.graph)).toEqual([]);
    expect(lookedAt(made.graph)).toEqual(expect.arrayContaining(["S21", "R3", "R4", "C1", "I1", "I2", "N3"]));
    expect(made.graph.orphans()).toEqual([]);
  });

  test("a schema mapping, and a workflow that reads the table and writes below one prefix", () => {
    const schema = made.graph.find("aws-native:entityresolution:SchemaMapping", "cdp-match");
    expect(schema.inputs.mappedInputFields).toEqual([
      { fieldName: "record_id", type: "UNIQUE_ID" },
      { fieldName: "full_name", type: "NAME", matchKey: "name" },
      { fieldName: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
      { fieldName: "postal_code", type: "ADDRESS_POSTALCODE", matchKey: "postcode" },
      { fieldName: "identifier_type", type: "STRING" },
      { fieldName: "identifier_value", type: "STRING" },
    ]);
    const workflow = made.graph.find("aws-native:entityresolution:MatchingWorkflow", "cdp-match");
    expect(workflow.inputs).toMatchObject({
      inputSourceConfig: [
        {
          inputSourceArn: "arn:aws:glue:us-east-1:000000000000:table/clean/people_to_match",
          schemaArn: schema.outputs.schemaArn,
          applyNormalization: true,
        },
      ],
      // No more of a person leaves than what hangs a group on the graph.
      outputSourceConfig: [
        {
          output: [{ name: "record_id" }, { name: "identifier_type" }, { name: "identifier_value" }],
          outputS3Path: "s3://workspace/matching/output/",
          kmsArn: `${key}-workspace`,
        },
      ],
      resolutionTechniques: {
        resolutionType: "RULE_MATCHING",
        ruleConditionProperties: { rules: [{ ruleName: "same email", condition: "Exact(email)" }, expect.anything()] },
      },
      workflowName: "test-test-cdp-match-advanced",
    });
    expect(workflow.inputs.incrementalRunConfig).toBeUndefined();
  });

  test("Entity Resolution may read the table's files, write its output, and nothing else", () => {
    const statements = policies(made.graph)
      .filter(({ owner }) => owner.name === "cdp-match-job-match")
      .flatMap(({ statements: all }) => all);
    const actions = (name: string) => statements.filter(({ Sid }) => Sid === name).flatMap(({ Resource }) => Resource);
    expect(actions("ReadInput")).toEqual(["arn:aws:s3:::clean/people_to_match/*"]);
    expect(actions("WriteOutput")).toEqual(["arn:aws:s3:::workspace/matching/output/*"]);
    expect(actions("Catalog")).toEqual([
      "arn:aws:glue:us-east-1:000000000000:catalog",
      "arn:aws:glue:us-east-1:000000000000:database/clean",
      "arn:aws:glue:us-east-1:000000000000:table/clean/people_to_match",
    ]);
    expect(
      statements.flatMap(({ Action }) => Action).filter((action) => /Delete|dynamodb/.test(String(action))),
    ).toEqual([]);
  });

  test("the state machine may run this workflow and these functions, and look at its own executions", () => {
    const machine = made.graph.find("aws:sfn/stateMachine:StateMachine", "cdp-match");
    const workflow = made.graph.find("aws-native:entityresolution:MatchingWorkflow", "cdp-match");
    const all = policies(made.graph).filter(({ owner }) => /^cdp-match-(run|look-at-holder)$/.test(owner.name));
    const statements = all.flatMap(({ statements: each }) => each);
    const on = (action: string) =>
      statements.filter(({ Action }) => [Action].flat().includes(action)).flatMap(({ Resource }) => Resource);
    expect(on("entityresolution:StartMatchingJob")).toEqual([workflow.outputs.workflowArn]);
    expect(on("states:DescribeExecution")).toEqual([
      `${String(machine.outputs.arn).replace(":stateMachine:", ":execution:")}:*`,
    ]);
    expect(on("lambda:InvokeFunction")).toHaveLength(3);
    expect(all.map(({ owner }) => owner.inputs.role)).toEqual([machine, machine].map(() => expect.any(String)));
  });

  test("each state leads to a state that is there, and every failure gives the lock back", () => {
    const { definition } = made.graph.find("aws:sfn/stateMachine:StateMachine", "cdp-match").inputs;
    const { States } = JSON.parse(String(definition)) as { States: Record<string, Record<string, unknown>> };
    const targets = [...String(definition).matchAll(/"(?:Next|Default|StartAt)":"(\w+)"/g)].map(([, name]) =>
      String(name),
    );
    const map = States.Import as { ItemProcessor: { States: object } } | undefined;
    const inner = map?.ItemProcessor.States ?? {};
    expect(targets.filter((name) => !(name in States) && !(name in inner))).toEqual([]);
    expect(Object.keys(States).filter((name) => !targets.includes(name))).toEqual([]);
    for (const name of ["Start", "Look", "Groups", "Import", "Withdraw"]) {
      expect(States[name]?.Catch).toEqual([
        { ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "GiveBackFailed" },
      ]);
    }
  });

  test("a start that Scheduler delivers twice is one run", () => {
    const { target } = made.graph.find("aws:scheduler/schedule:Schedule", "cdp-match-schedule").inputs as {
      target: { input: string };
    };
    expect(JSON.parse(target.input)).toEqual({ run: "<aws.scheduler.scheduled-time>" });
  });

  test("the contract has both state machines", () => {
    const contract = platformContract.shape.identities.parse(made.outputs.contract);
    expect(Object.keys(contract.pipelines ?? {}).sort()).toEqual(["forget-matches", "match"]);
  });
});

test("without matching nothing of it is made", async () => {
  const { graph } = await runStack(() => {
    new IdentityResolution("cdp", { foundation, events });
  });
  expect(graph.all.filter(({ name }) => name.includes("match"))).toEqual([]);
});

test("a preview with unknown inputs lists the same resources", async () => {
  const unknown = (mode: string) =>
    runStack(
      () => {
        const table = new pulumi.ComponentResource("test:index:Lake", "lake");
        const later = (value: string) => table.urn.apply(() => value);
        const ref = { label: "x", name: later("x"), arn: later("arn:aws:s3:::x"), keyArn: later(key) };
        return make({ input: { ...input, database: later("clean"), bucket: ref }, output: ref });
      },
      { mode } as object,
    );
  const urns = ({ graph }: StackRun) => graph.all.map(({ urn }) => urn).sort();
  expect(urns(await unknown("preview"))).toEqual(urns(await unknown("up")));
});

test("other columns are another mapping, another type of rules another workflow: made before the old one goes", async () => {
  const first = await run();
  const names = ({ graph }: StackRun) => [
    graph.find("aws-native:entityresolution:SchemaMapping", "cdp-match").inputs.schemaName,
    graph.find("aws-native:entityresolution:MatchingWorkflow", "cdp-match").inputs.workflowName,
  ];
  const [schema, workflow] = names(first);
  const otherRule = await run({ rules: { ...rules, rules: [{ name: "r", condition: "Exact(email)" }] } });
  expect(names(otherRule)).toEqual([schema, workflow]);
  const other = await run({
    rules: { ...rules, attributes: rules.attributes.slice(0, 3), rules: [{ name: "r", matchKeys: ["email"] }] },
  });
  expect(names(other)).toEqual([expect.not.stringContaining(String(schema)), "test-test-cdp-match-simple"]);
});

test("incremental runs, and Customer Profiles", async () => {
  const domain = "arn:aws:profile:us-east-1:000000000000:domains/d";
  const customerProfiles = { domainArn: domain, objectTypeArn: `${domain}/object-types/people` };
  const both = await run({ incremental: true, customerProfiles });
  expect(violations(both.graph)).toEqual([]);
  expect(
    both.graph.find("aws-native:entityresolution:MatchingWorkflow", "cdp-match").inputs.incrementalRunConfig,
  ).toEqual({
    incrementalRunType: "IMMEDIATE",
  });
  const profiles = both.graph.find(
    "aws-native:entityresolution:MatchingWorkflow",
    "cdp-match-customer-profiles",
  ).inputs;
  expect(profiles.outputSourceConfig).toMatchObject([{ customerProfilesIntegrationConfig: customerProfiles }]);
  const { definition } = both.graph.find("aws:sfn/stateMachine:StateMachine", "cdp-match").inputs;
  const { States } = JSON.parse(String(definition)) as { States: Record<string, object> };
  // What an incremental run does not say again is no less true.
  expect(Object.keys(States)).not.toContain("Withdraw");
  expect(Object.keys(States)).toEqual(expect.arrayContaining(["StartProfiles", "EndedProfiles"]));
});

describe("arguments at fault", () => {
  test("are told all at once, with path and remedy", async () => {
    const wrong = {
      provider: "splink",
      rules: {
        attributes: [
          { column: "record_id", type: "UNIQUE_ID" },
          { column: "e_mail", type: "EMAIL_ADDRESS", matchKey: "email" },
        ],
        rules: [{ name: "r", condition: "Levenshtein(email, 2)" }],
        probabilistic: true,
      },
      input: { ...input, prefix: "people" },
      ml: "yes",
      schedule: { expression: "daily" },
      timeoutMinutes: 0,
      customerProfiles: { domainArn: "" },
      threshold: 1,
    } as unknown as MatchingArgs;
    const message = await messageOf(runStack(() => make(wrong)));
    for (const line of [
      "matching.threshold: is no argument",
      'matching.provider: "splink" must be "entity-resolution"',
      "matching.rules.rules[0].condition: a fuzzy function stands without an exact one",
      "matching.rules.probabilistic: Entity Resolution has no probabilistic stage",
      'matching.rules.attributes[1].column: the input has no column "e_mail"; did you mean "email"?',
      "matching.input.prefix",
      'matching.ml: "yes" must be true or false',
      "matching.schedule.expression",
      "matching.timeoutMinutes: is 0",
      "matching.customerProfiles.domainArn",
      "matching.customerProfiles.objectTypeArn: is missing",
    ]) {
      expect(message).toContain(line);
    }
  });

  test("a lake without the table says which argument makes it", async () => {
    expect(await messageOf(run({ input: undefined }))).toContain("of a DataLake with peopleToMatch: true");
  });

  test("one rule set holds both, and its faults have its path", async () => {
    const { rules: _, ...shared } = matching;
    const withRules = (own: MatchRulesInput) =>
      runStack(() => make({}, { rules: { ...defaultIdentityRules, matching: own }, matching: shared }));
    const { graph } = await withRules({ ...rules, rules: [{ name: "r", condition: "Exact(email)" }] });
    const { resolutionTechniques } = graph.find("aws-native:entityresolution:MatchingWorkflow", "cdp-match").inputs;
    expect(resolutionTechniques).toMatchObject({
      ruleConditionProperties: { rules: [{ ruleName: "r", condition: "Exact(email)" }] },
    });
    expect(await messageOf(withRules({ ...rules, probabilistic: true }))).toContain(
      "rules.matching.probabilistic: Entity",
    );
  });

  test("a package that is not installed is asked for by its command", async () => {
    jest.resetModules();
    jest.doMock("@pulumi/aws-native/entityresolution", () => {
      throw Object.assign(new Error("Cannot find module '@pulumi/aws-native/entityresolution'"), {
        code: "MODULE_NOT_FOUND",
      });
    });
    const { matchingFaults } = await import("../src/matching/normalize");
    expect(matchingFaults(matching, undefined)).toEqual([
      {
        path: "matching.provider",
        reason: "needs the package @pulumi/aws-native, which is not installed: npm install @pulumi/aws-native@^1.79.0",
      },
    ]);
    jest.dontMock("@pulumi/aws-native/entityresolution");
  });
});

test("the functions' bundles are small", () => {
  for (const name of ["match-lock", "match-groups"]) {
    const stamp = join(root, `packages/identity-resolution/dist/handlers/.stamps/${name}.json`);
    const { zippedBytes } = JSON.parse(readFileSync(stamp, "utf8")) as { zippedBytes: number };
    // The phone numbers' metadata are 30 KiB of what reads identifiers.
    expect(zippedBytes).toBeLessThan(130 * 1024);
  }
});
