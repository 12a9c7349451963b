import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { callbackText, type FoundationRef } from "@tributary/core";
import { runStack, type StackRun } from "@tributary/testing";
import { violations } from "../../core/test/well-architected";
import {
  Activation,
  type ActivationArgs,
  activationDefaults,
  audience,
  count,
  event,
  segment,
  sql,
  trait,
  webhook,
} from "../src";
import { activationFaults } from "../src/normalize";

const root = join(__dirname, "../../..");
const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const table = (name: string) => ({
  label: name,
  name,
  arn: `arn:aws:dynamodb:us-east-1:000000000000:table/${name}`,
  keyArn: key,
  streamArn: `arn:aws:dynamodb:us-east-1:000000000000:table/${name}/stream/2026-01-01T00:00:00.000`,
});
const foundation: FoundationRef = {
  keyArn: key,
  alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p", Tenant: "t", CostCenter: "c" },
  accessLogs: { bucketName: "logs" },
};
const network: FoundationRef["network"] = {
  vpcId: "vpc-1",
  subnetIds: ["subnet-1", "subnet-2"],
  securityGroupIds: ["sg-1"],
  dynamodbEndpointId: "vpce-1",
};
const given: ActivationArgs = {
  foundation,
  profiles: { graph: table("graph"), profiles: table("profiles") },
  audiences: { bigSpenders: audience(trait("value").atLeast(500)), everyone: audience(trait("value").exists()) },
  destinations: {
    crm: webhook({
      url: "https://crm.example.com/hook",
      purpose: "marketing",
      audiences: ["bigSpenders"],
      map: (profile) => ({ id: profile.profileId }),
      headers: { "x-team": "crm" },
      secret: { header: "authorization", arn: "arn:aws:secretsmanager:us-east-1:000000000000:secret:crm", keyArn: key },
      maxAttempts: 5,
    }),
    ads: webhook({ url: "https://ads.example.com/", purpose: "ads", audiences: ["bigSpenders", "everyone"] }),
  },
};

const bundles = [
  "announce",
  "deliver",
  "dispatch",
  "ledger",
  "profile-api",
  "profile-api-authorizer",
  "propagate",
  "recompute",
  "segment-importer",
  "settle-profiles",
  "sweep",
  "trait-facts",
];
const functionType = "aws:lambda/function:Function";

beforeAll(() => {
  const built = spawnSync(process.execPath, [join(root, "scripts/bundle-handlers.mjs")], { encoding: "utf8" });
  for (const name of bundles) {
    const bundle = join(root, "packages/activation/dist/handlers", name, "index.mjs");
    if (!statSync(bundle, { throwIfNoEntry: false })) throw new Error(`no bundle ${name}: ${built.stderr}`);
  }
}, 60_000);

describe("arguments", () => {
  test("every fault at once, with its path and what to do", () => {
    const wrong = {
      profiles: { graph: table("graph"), profiles: { ...table("profiles"), streamArn: undefined } },
      audiences: {
        bigSpenders: given.audiences.bigSpenders,
        "no good": { predicate: { kind: "trait", name: "a", op: "near" } },
      },
      destinations: {
        crm: webhook({
          url: "http://crm.example.com",
          purpose: "",
          audiences: ["bigSpender", "nobody-knows"],
          timeoutSeconds: 99,
        }),
        Bad: webhook({ url: "https://u:secret@x.example", purpose: "ads", audiences: [] }),
        odd: { kind: "ftp" },
        extra: {
          ...webhook({
            url: "https://x.example",
            purpose: "ads",
            audiences: ["bigSpenders"],
            headers: { "Idempotency-Key": "x", "b d": "y" },
            map: 7 as never,
            maxAttempts: 0,
            maximumConcurrency: 1,
          }),
          porpose: "ads",
        },
      },
      profileApiToken: "short",
      audience: {},
    } as unknown as ActivationArgs;
    const lines = activationFaults(wrong).map(({ path, reason }) => `${path}: ${reason}`);
    const expected: [string, string][] = [
      ["foundation", "give governance.foundation"],
      ["profiles.profiles.streamArn", "is missing"],
      ["audiences.no good", "letters, digits"],
      ["audiences.no good.predicate", ""],
      ["destinations.crm.url", "in the clear"],
      ["destinations.crm.purpose", "marketing"],
      ["destinations.crm.audiences[0]", 'did you mean "bigSpenders"?'],
      ["destinations.crm.audiences[1]", "no audience"],
      ["destinations.crm.timeoutSeconds", "from 1 to 25"],
      ["destinations.Bad", 'like "bad"'],
      ["destinations.Bad.url", "credentials"],
      ["destinations.Bad.audiences", "at least one of"],
      ["destinations.odd", "webhook("],
      ["destinations.extra.headers.Idempotency-Key", "sets itself"],
      ["destinations.extra.headers.b d", "no header name"],
      ["destinations.extra.map", "must be a function"],
      ["destinations.extra.maxAttempts", "from 1 to 1000"],
      ["destinations.extra.maximumConcurrency", "from 2 to 1000"],
      ["destinations.extra.porpose", 'did you mean "purpose"?'],
      ["profileApiToken", "16 or more"],
      ["audience", 'did you mean "audiences"?'],
    ];
    for (const [path, reason] of expected) {
      expect(lines.filter((line) => line.startsWith(`${path}: `) && line.includes(reason))).not.toEqual([]);
    }
    expect(lines.join("\n")).not.toContain("secret@");
  });
  test("the right ones have no fault, Outputs are not looked into", () => {
    expect(activationFaults(given)).toEqual([]);
    const later = webhook({ url: pulumi.output("http://x.example"), purpose: "ads", audiences: ["everyone"] });
    expect(activationFaults({ ...given, destinations: { later } })).toEqual([]);
  });
  test("the component names itself and every fault", async () => {
    const run = runStack(() => {
      new Activation("cdp", {
        ...given,
        destinations: { crm: webhook({ url: "ftp://x", purpose: "", audiences: ["all"] }) },
      });
    });
    await expect(run).rejects.toThrow(/Activation "cdp" has 3 invalid arguments[\s\S]*destinations\.crm\.url/);
  });
});

describe("the graph", () => {
  let run: StackRun;
  beforeAll(async () => {
    run = await runStack(() => {
      const { contract } = new Activation("cdp", { ...given, foundation: { ...foundation, network } });
      return { contract };
    });
  }, 60_000);

  const statementsOf = (name: string) =>
    run.graph
      .byType("aws:iam/rolePolicy:RolePolicy")
      .filter((policy) => policy.name.startsWith(`${name}-`) || policy.name === name)
      .flatMap(
        (policy) => JSON.parse(String(policy.inputs.policy)).Statement as { Action: string[]; Resource: string[] }[],
      );
  const actionsOf = (name: string) => statementsOf(name).flatMap(({ Action }) => Action);

  test("keeps every rule of the well-architected table", () => {
    expect(violations(run.graph)).toEqual([]);
    expect(run.graph.orphans()).toEqual([]);
  });

  test("one function for each task, one delivering function, queue and dead-letter queue for each destination", () => {
    expect(
      run.graph
        .byType(functionType)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([
      "cdp-ads-deliver",
      "cdp-announce",
      "cdp-crm-deliver",
      "cdp-dispatch",
      "cdp-ledger",
      "cdp-profile-api",
      "cdp-profile-api-authorizer",
      "cdp-propagate",
    ]);
    const crm = run.graph.find("aws:sqs/queue:Queue", "cdp-crm");
    expect(JSON.parse(String(crm.inputs.redrivePolicy))).toMatchObject({ maxReceiveCount: 5 });
    const ads = run.graph.find("aws:sqs/queue:Queue", "cdp-ads");
    expect(JSON.parse(String(ads.inputs.redrivePolicy))).toMatchObject({
      maxReceiveCount: activationDefaults.maxAttempts,
    });
  });

  test("what calls DynamoDB is in the network, what calls the internet is not", () => {
    const inside = run.graph.byType(functionType).filter(({ inputs }) => inputs.vpcConfig !== undefined);
    expect(inside.map(({ name }) => name).sort()).toEqual(["cdp-ledger", "cdp-profile-api", "cdp-propagate"]);
  });

  test("each function may do its task and no more", () => {
    const others = (name: string, service: string) =>
      actionsOf(name).filter((action) => action.startsWith(`${service}:`));
    expect(others("cdp-crm-deliver", "dynamodb")).toEqual([]);
    expect(others("cdp-crm-deliver", "lambda")).toEqual(["lambda:InvokeFunction"]);
    expect(others("cdp-crm-deliver", "secretsmanager")).toEqual(["secretsmanager:GetSecretValue"]);
    expect(others("cdp-ads-deliver", "secretsmanager")).toEqual([]);
    expect(others("cdp-dispatch", "dynamodb").filter((action) => action.includes("Item"))).toEqual([]);
    expect(others("cdp-profile-api", "dynamodb").filter((action) => /Put|Update|Delete|Write/.test(action))).toEqual(
      [],
    );
    expect(others("cdp-profile-api-authorizer", "dynamodb")).toEqual([]);
  });

  test("the profile API is open to nobody without the token", () => {
    const routes = run.graph.byType("aws:apigatewayv2/route:Route");
    expect(routes.map(({ inputs }) => inputs.routeKey).sort()).toEqual([
      "GET /v1/profiles/{identifier}",
      "GET /v1/profiles/{identifier}/explain",
    ]);
    for (const { inputs } of routes) expect(inputs.authorizationType).toBe("CUSTOM");
  });

  test("the contract is the activation part of the platform's, without the token", () => {
    expect(run.outputs.contract).toEqual({
      profileApiUrl: expect.any(String),
      profileApiSecretArn: expect.any(String),
      membershipsTableName: expect.any(String),
      audiences: ["bigSpenders", "everyone"],
      destinations: ["crm", "ads"],
      audienceEventBusName: expect.any(String),
    });
  });

  test("the drawn token stays when the program runs again", async () => {
    const again = await run.again();
    expect(again.summary).toMatchObject({ create: 0, update: 0, delete: 0 });
  });
});

describe("with traits computed from events", () => {
  const computed: ActivationArgs = {
    ...given,
    foundation: { ...foundation, network },
    events: table("events"),
    traits: { orders_30d: count(event("Order Completed")).within({ days: 30 }) },
    audiences: { ...given.audiences, idle: audience(event("Viewed").none().within({ days: 7 })) },
  };
  let run: StackRun;
  beforeAll(async () => {
    run = await runStack(() => {
      const { contract } = new Activation("cdp", computed);
      return { contract };
    });
  }, 60_000);
  const allowed = (name: string) =>
    run.graph
      .byType("aws:iam/rolePolicy:RolePolicy")
      .filter((policy) => policy.name.startsWith(`${name}-`))
      .flatMap(({ inputs }) => JSON.parse(String(inputs.policy)).Statement as { Action: string[]; Resource: unknown }[])
      .flatMap(({ Action, Resource }) => Action.map((action) => `${action} ${JSON.stringify(Resource)}`));

  test("keeps every rule of the well-architected table", () => {
    expect(violations(run.graph)).toEqual([]);
    expect(run.graph.orphans()).toEqual([]);
  });

  test("two tables, three functions and a schedule come to what there is without", () => {
    const tables = run.graph.byType("aws:dynamodb/table:Table").map(({ name }) => name);
    expect(tables.sort()).toEqual(["cdp-deliveries", "cdp-memberships", "cdp-standings", "cdp-trait-facts"]);
    for (const name of ["cdp-standings", "cdp-trait-facts"]) {
      const { inputs } = run.graph.find("aws:dynamodb/table:Table", name);
      expect(inputs.serverSideEncryption).toEqual({ enabled: true, kmsKeyArn: key });
      expect(inputs.deletionProtectionEnabled).toBe(true);
    }
    const functions = run.graph.byType(functionType).map(({ name }) => name);
    expect(functions).toEqual(expect.arrayContaining(["cdp-recompute", "cdp-sweep", "cdp-trait-facts"]));
    const { inputs } = run.graph.find("aws:scheduler/schedule:Schedule", "cdp-sweep-schedule");
    expect(inputs.scheduleExpression).toBe(activationDefaults.sweepSchedule);
    const still = run.graph.find("aws:cloudwatch/metricAlarm:MetricAlarm", "cdp-sweep-stands-still");
    expect(still.inputs).toMatchObject({ comparisonOperator: "LessThanThreshold", treatMissingData: "breaching" });
    expect(run.outputs.contract).toMatchObject({
      traits: ["orders_30d"],
      traitFactsTableName: expect.any(String),
      standingsTableName: expect.any(String),
    });
  });

  test("each function may write what it must and no more", () => {
    const writes = (name: string) =>
      allowed(name)
        .filter((one) => /dynamodb:(Put|Update|Delete|BatchWrite)/.test(one))
        .map((one) => one.replace(/^dynamodb:(\w+) .*(memberships|standings|trait-facts|graph|profiles).*$/, "$1 $2"))
        .sort();
    const settling = ["PutItem standings", "UpdateItem memberships"];
    expect(writes("cdp-trait-facts")).toEqual(["BatchWriteItem trait-facts", ...settling]);
    expect(writes("cdp-recompute")).toEqual(["BatchWriteItem trait-facts", ...settling]);
    const scans = allowed("cdp-recompute").filter((one) => one.includes(":Scan"));
    expect(scans.map((one) => /table\/(\w+)/.exec(one)?.[1]).sort()).toEqual(["events", "profiles"]);
    expect(writes("cdp-sweep")).toEqual(settling);
    expect(writes("cdp-propagate")).toEqual(settling);
    expect(writes("cdp-profile-api")).toEqual([]);
    expect(allowed("cdp-announce").filter((one) => one.startsWith("events:"))).toEqual([
      expect.stringMatching(/^events:PutEvents .*cdp-audiences/),
    ]);
    expect(allowed("cdp-announce").filter((one) => /dynamodb:(?!.*stream)/.test(one))).toEqual([]);
  });

  test("what is missing or too much is said", () => {
    const { events: _events, ...without } = computed;
    const faults = (args: object) =>
      activationFaults(args as ActivationArgs).map(({ path, reason }) => `${path}: ${reason}`);
    expect(faults(without)).toEqual([expect.stringMatching(/^events: is missing; give ingestion.events/)]);
    expect(faults({ ...without, traits: {} })).toEqual([expect.stringMatching(/^events: is missing/)]);
    expect(faults({ ...without, traits: {}, audiences: given.audiences })).toEqual([]);
    expect(faults({ ...computed, events: { ...table("events"), streamArn: undefined } })).toEqual([
      expect.stringMatching(/^events.streamArn: /),
    ]);
    expect(faults({ ...computed, traits: { "No Name": count(event("a")), b: { fold: "cuont" } } })).toEqual([
      expect.stringMatching(/^traits/),
      expect.stringMatching(/^traits/),
    ]);
    const sql = { ...given.audiences, vips: { sql: "select profile_id from curated.people", description: "" } };
    expect(faults({ ...computed, audiences: sql })).toEqual([
      expect.stringMatching(/^segments: is missing; give lake.segments, .*audiences.vips by SQL/),
    ]);
    const many = Object.fromEntries(Array.from({ length: 91 }, (_, n) => [`a${n}`, audience(trait("x").exists())]));
    expect(faults({ ...computed, destinations: {}, audiences: many })).toEqual([
      expect.stringMatching(/^audiences: are 91/),
    ]);
  });
});

describe("with segments by SQL", () => {
  const bucket = (name: string) => ({ label: name, name, arn: `arn:aws:s3:::${name}`, keyArn: `${key}-of-${name}` });
  const vips = segment(sql("select profile_id from curated.people where identifiers >= 2"));
  const segments = {
    sql: { vips: vips.sql, others: "select profile_id from curated.people" },
    members: { database: "curated", table: "segments", bucket: bucket("curated"), prefix: "segments/" },
    workgroup: {
      name: "cdp-segments",
      arn: "arn:aws:athena:us-east-1:000000000000:workgroup/cdp-segments",
      results: bucket("workspace"),
      resultsPrefix: "segments/",
    },
  };
  const bySql: ActivationArgs = {
    ...given,
    foundation: { ...foundation, network },
    audiences: { ...given.audiences, vips },
    segments,
  };
  let run: StackRun;
  beforeAll(async () => {
    run = await runStack(() => {
      const { contract, nightlySteps } = new Activation("cdp", bySql);
      return { contract, nightlySteps };
    });
  }, 60_000);
  const allowed = (name: string) =>
    run.graph
      .byType("aws:iam/rolePolicy:RolePolicy")
      .filter((policy) => policy.name.startsWith(`${name}-`))
      .flatMap(
        ({ inputs }) => JSON.parse(String(inputs.policy)).Statement as { Action: string[]; Resource: string[] }[],
      )
      .flatMap(({ Action, Resource }) =>
        Action.flatMap((action) => Resource.map((resource) => `${action} ${resource}`)),
      );

  test("keeps every rule of the well-architected table; nothing computes from events that nothing asks", () => {
    expect(violations(run.graph)).toEqual([]);
    expect(run.graph.orphans()).toEqual([]);
    const functions = run.graph.byType(functionType).map(({ name }) => name);
    expect(functions).toContain("cdp-segment-importer");
    expect(functions).not.toContain("cdp-sweep");
    expect(run.outputs.contract).toMatchObject({ audiences: ["bigSpenders", "everyone", "vips"] });
  });

  test("the night gets a step, which asks for the audiences' segments alone", () => {
    const { arn } = run.graph.find("aws:sfn/stateMachine:StateMachine", "cdp-segments").outputs;
    expect(run.outputs.nightlySteps).toEqual([
      { name: "Import segments of cdp", after: "traits", stateMachine: { arn }, retries: 1 },
    ]);
    const { inputs } = run.graph.find("aws:sfn/stateMachine:StateMachine", "cdp-segments");
    expect(JSON.parse(String(inputs.definition)).States.Ask.Arguments).toEqual({
      QueryString: `SELECT segment, profile_id FROM "curated"."segments" WHERE segment IN ('vips')`,
      WorkGroup: "cdp-segments",
    });
  });

  test("the machine reads the one table and writes answers; the function reads answers and settles", () => {
    const machine = allowed("cdp-segments").filter((one) => /^(s3|athena|glue|lambda|dynamodb):/.test(one));
    expect(machine.filter((one) => one.startsWith("s3:"))).toEqual([
      "s3:GetObject arn:aws:s3:::curated/segments/*",
      "s3:ListBucket arn:aws:s3:::curated",
      ...["GetObject", "PutObject", "AbortMultipartUpload", "ListMultipartUploadParts"].map(
        (action) => `s3:${action} arn:aws:s3:::workspace/segments/*`,
      ),
      "s3:GetBucketLocation arn:aws:s3:::workspace",
      "s3:ListBucketMultipartUploads arn:aws:s3:::workspace",
    ]);
    expect(machine.filter((one) => one.startsWith("athena:")).every((one) => one.endsWith("/cdp-segments"))).toBe(true);
    expect(machine.filter((one) => /^glue:GetTable /.test(one)).map((one) => one.split(":").at(-1))).toEqual([
      "catalog",
      "database/curated",
      "table/curated/segments",
    ]);
    expect(machine.filter((one) => /^(dynamodb|lambda):/.test(one))).toEqual([
      expect.stringMatching(/^lambda:InvokeFunction .*cdp-segment-importer/),
    ]);
    for (const name of [key, `${key}-of-workspace`]) {
      expect(allowed("cdp-segments")).toEqual(
        expect.arrayContaining([`kms:Decrypt ${name}`, `kms:GenerateDataKey ${name}`]),
      );
    }
    const importer = allowed("cdp-segment-importer");
    expect(importer.filter((one) => one.startsWith("s3:"))).toEqual([
      "s3:GetObject arn:aws:s3:::workspace/segments/*",
      "s3:ListBucket arn:aws:s3:::workspace",
    ]);
    const writes = importer.filter((one) => /^dynamodb:(Put|Update|Delete|BatchWrite)/.test(one));
    expect(writes.map((one) => one.replace(/^dynamodb:(\w+) .*\/cdp-([a-z-]+)-\w+$/, "$1 $2")).sort()).toEqual([
      "PutItem standings",
      "UpdateItem memberships",
      "UpdateItem trait-facts",
    ]);
  });

  test("what is missing or another than the lake's is said", () => {
    const faults = (args: object) =>
      activationFaults({ ...bySql, ...args } as ActivationArgs).map(({ path, reason }) => `${path}: ${reason}`);
    expect(faults({})).toEqual([]);
    expect(faults({ audiences: { vip: vips }, destinations: {} })).toEqual([
      'audiences.vip: is a segment by SQL, and the lake has none of this name; did you mean "vips"?',
    ]);
    expect(faults({ audiences: { ...given.audiences, others: vips } })).toEqual([
      "audiences.others: is another SELECT than the lake's segment of this name; give both the same object",
    ]);
    expect(
      faults({ segments: { ...segments, workgroup: { ...segments.workgroup, arn: 7, resultsPrefix: "x" } } }),
    ).toEqual([
      expect.stringMatching(/^segments.workgroup.arn: 7 must be/),
      expect.stringMatching(/^segments.workgroup.resultsPrefix: "x" must be/),
    ]);
    expect(faults({ segments: "lake" })).toEqual([expect.stringMatching(/^segments: "lake" must be/)]);
  });
});

test("a preview with an unknown URL lists the same resources", async () => {
  const program = () => {
    const url = new pulumi.StackReference("organization/net/prod").getOutput("crmUrl") as pulumi.Output<string>;
    const crm = webhook({ url, purpose: "marketing", audiences: ["everyone"] });
    new Activation("cdp", { ...given, destinations: { crm } });
  };
  const references = { "net/prod": { crmUrl: "https://crm.example.com/" } };
  const up = await runStack(program, { references });
  const preview = await runStack(program, { mode: "preview", references });
  expect(preview.graph.counts()).toEqual(up.graph.counts());
});

test("the embedded map is the map that was written", async () => {
  const factor = 2;
  const text = await callbackText("map.cjs", (profile: { traits: { value: number } }) => ({
    value: profile.traits.value * factor,
  }));
  const module = { exports: {} as (profile: object) => object };
  new Function("module", "exports", "require", text)(module, module.exports, createRequire(__filename));
  expect(module.exports({ traits: { value: 21 } })).toEqual({ value: 42 });
});

test("the bundles are small", () => {
  for (const name of bundles) {
    const stamp = join(root, "packages/activation/dist/handlers/.stamps", `${name}.json`);
    const { zippedBytes } = JSON.parse(readFileSync(stamp, "utf8")) as { zippedBytes: number };
    // The phone numbers' metadata of the profile API are 30 KiB of this.
    expect(zippedBytes).toBeLessThan(150 * 1024);
  }
});
