import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { runStack, type StackRun } from "@tributary/testing";
import { violations } from "../../core/test/well-architected";
import { Ingestion, type IngestionArgs, ingestionFaults, webhook } from "../src";

// The component puts the prebuilt bundles into its functions; what is fresh is left as it is.
beforeAll(() => {
  spawnSync(process.execPath, [join(__dirname, "../../../scripts/bundle-handlers.mjs")]);
}, 60_000);

const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const secret = { arn: "arn:aws:secretsmanager:us-east-1:000000000000:secret:s-AbCdEf", keyArn: `${key}2` };
const mapping = { version: 1 as const, event: { type: { $value: "track" } } };
const given: IngestionArgs = {
  foundation: {
    keyArn: key,
    alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
    environment: "test",
    logRetentionDays: 30,
    tags: { Project: "test", Tenant: "t", CostCenter: "c" },
    accessLogs: { bucketName: "logs" },
  },
  rawZone: { bucket: { name: "raw", arn: "arn:aws:s3:::raw", keyArn: key }, database: "raw", eventsTable: "events" },
  sources: {
    pay: webhook({ provider: "stripe", secret: { existing: secret }, mapping }),
    code: webhook({ provider: "github", secret: { create: {} }, map: () => ({ type: "identify", userId: "u" }) }),
    shop: webhook({ provider: "shopify", secret: { create: {} }, mapping }),
  },
};

test("every fault at once, with its path and what to do", () => {
  const sources = {
    a: { kind: "webhook" },
    b: webhook({ provider: "strype", secret: { existing: secret, create: {} }, mapping, map: () => 1 } as never),
    c: webhook({
      provider: { hmac: { header: "x signature", algorithm: "md5", signed: "{timestamp}", id: "x-id", prefx: "" } },
      secret: { existing: { arn: 7 } },
      mapping: { version: 1, event: {} },
      previousSecretHours: 1000,
    } as never),
    d: webhook({
      provider: { hmac: { header: "x", signed: "{timestamp}{body}", encoding: 1, toleranceSeconds: 0, prefix: 3 } },
      secret: "whsec_plain",
      map: 3,
    } as never),
    e: webhook({
      provider: { hmac: { header: "x", signed: "{body}", timestampHeader: "t" } },
      secret: { create: { value: 1 } },
      mapping,
    } as never),
  } as unknown as IngestionArgs["sources"];
  const faults = ingestionFaults({ ...given, sources }).map(({ path, reason }) => `${path}: ${reason}`);
  expect(faults.sort()).toEqual([
    expect.stringMatching(/^sources.a.provider: is missing; give "stripe"/),
    expect.stringMatching(/^sources.a.secret: is missing; give \{ existing/),
    expect.stringMatching(/^sources.a: needs one of `mapping`/),
    expect.stringMatching(/^sources.b.provider: "strype" must be "stripe", "shopify", "github" or/),
    expect.stringMatching(/^sources.b.secret: must have one of/),
    expect.stringMatching(/^sources.b: needs one of `mapping`/),
    expect.stringMatching(/^sources.c.mapping.event: must name the event's "type"/),
    expect.stringMatching(/^sources.c.previousSecretHours: 1000 must be a whole number from 0 to 168/),
    expect.stringMatching(/^sources.c.provider.hmac.algorithm: "md5" must be one of sha1/),
    expect.stringMatching(/^sources.c.provider.hmac.header: "x signature" must be a header's name/),
    expect.stringMatching(/^sources.c.provider.hmac.id: "x-id" must be \{ header/),
    expect.stringMatching(/^sources.c.provider.hmac.prefx: is no argument; did you mean "prefix"/),
    expect.stringMatching(/^sources.c.provider.hmac.signed: .* must have \{body\}/),
    expect.stringMatching(/^sources.c.secret.existing.arn: 7 must be the ARN/),
    expect.stringMatching(/^sources.c.secret.existing.keyArn: is missing/),
    expect.stringMatching(/^sources.d.map: 3 must be a function of a payload/),
    expect.stringMatching(/^sources.d.provider.hmac.encoding: 1 must be one of hex/),
    expect.stringMatching(/^sources.d.provider.hmac.prefix: 3 must be text/),
    expect.stringMatching(/^sources.d.provider.hmac.signed: has \{timestamp\}; name the header/),
    expect.stringMatching(/^sources.d.provider.hmac.toleranceSeconds: 0 must be/),
    expect.stringMatching(/^sources.d.secret: "whsec_plain" must be an object/),
    expect.stringMatching(/^sources.e.provider.hmac.signed: lacks \{timestamp\}/),
    expect.stringMatching(/^sources.e.secret.create.value: 1 must be the secret's text/),
  ]);
  expect(ingestionFaults(given)).toEqual([]);
});

describe("in the engine", () => {
  const program = async () => {
    const ingestion = new Ingestion("cdp", given);
    return { contract: ingestion.contract };
  };
  let run: StackRun;
  beforeAll(async () => {
    run = await runStack(program);
  }, 60_000);

  interface PolicyDocument {
    readonly Statement: readonly { readonly Action: string[]; readonly Resource: string[] }[];
  }
  const statementsOf = (prefix: string) =>
    run.graph
      .byType("aws:iam/rolePolicy:RolePolicy")
      .filter(({ name }) => name.startsWith(prefix))
      .flatMap(({ inputs }) => (JSON.parse(inputs.policy as string) as PolicyDocument).Statement);

  test("each source has a route, a function and a role, which reads its own secret and writes the stream", () => {
    const routes = run.graph.byType("aws:apigatewayv2/route:Route").map(({ inputs }) => inputs.routeKey);
    expect(routes).toEqual(
      expect.arrayContaining(["POST /v1/webhooks/pay", "POST /v1/webhooks/code", "POST /v1/webhooks/shop"]),
    );
    const statements = statementsOf("cdp-pay-webhook");
    expect(
      [...new Set(statements.flatMap(({ Action }) => Action))].filter((action) => !/^(logs|xray):/.test(action)).sort(),
    ).toEqual([
      "kinesis:PutRecord",
      "kinesis:PutRecords",
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:GenerateDataKey",
      "s3:AbortMultipartUpload",
      "s3:PutObject",
      "secretsmanager:GetSecretValue",
      "sqs:SendMessage",
    ]);
    const read = statements.filter(({ Action }) => Action.includes("secretsmanager:GetSecretValue"));
    expect(read.map(({ Resource }) => Resource)).toEqual([[secret.arn]]);
    expect(statements.filter(({ Resource }) => Resource.includes(secret.keyArn)).map(({ Action }) => Action)).toEqual([
      ["kms:Decrypt"],
    ]);
  });

  test("secrets of ours: a drawn one for GitHub, an empty one for Shopify; no secret's text stands in a function", () => {
    expect(
      run.graph
        .byType("aws:secretsmanager/secret:Secret")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["cdp-code-webhook", "cdp-shop-webhook"]);
    expect(run.graph.byType("aws:secretsmanager/secretVersion:SecretVersion").map(({ name }) => name)).toEqual([
      "cdp-code-webhook",
    ]);
    const { inputs } = run.graph.find("aws:lambda/function:Function", "cdp-pay-webhook");
    expect(Object.keys((inputs as { environment: { variables: object } }).environment.variables).sort()).toEqual([
      "EVENT_STREAM",
      "QUARANTINE_BUCKET",
      "SECRET_ARN",
    ]);
  });

  test("refusals raise an alarm by source; the rules of Well-Architected hold; a second run changes nothing", async () => {
    expect(run.graph.find("aws:cloudwatch/metricAlarm:MetricAlarm", "cdp-pay-webhook-refused").inputs).toMatchObject({
      metricName: "WebhooksRefused",
      dimensions: { service: "webhook", source: "pay" },
    });
    expect(violations(run.graph)).toEqual([]);
    expect(run.graph.orphans()).toEqual([]);
    const again = await run.again();
    expect(again.steps.filter(({ op }) => op !== "same")).toEqual([]);
  });
});
