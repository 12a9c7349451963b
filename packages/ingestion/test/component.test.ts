import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import * as pulumi from "@pulumi/pulumi";
import { callbackText } from "@tributary/core";
import { runStack, type StackRun } from "@tributary/testing";
import {
  drop,
  files,
  http,
  Ingestion,
  type IngestionArgs,
  ingestionDefaults,
  ingestionFaults,
  normalize,
  type OnEvent,
} from "../src";

const root = join(__dirname, "../../..");

// The component puts the prebuilt bundles into its functions; what is fresh is left as it is.
beforeAll(() => {
  const built = spawnSync(process.execPath, [join(root, "scripts/bundle-handlers.mjs")], { encoding: "utf8" });
  for (const name of ["collector", "processor", "archiver"]) {
    if (!statSync(bundle(name), { throwIfNoEntry: false })) throw new Error(`no bundle ${name}: ${built.stderr}`);
  }
}, 60_000);

const bundle = (name: string) => join(root, "packages/ingestion/dist/handlers", name, "index.mjs");
const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const given: IngestionArgs = {
  foundation: {
    keyArn: key,
    alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
    environment: "test",
    logRetentionDays: 30,
    tags: { Project: "test" },
  },
  rawZone: { bucket: { name: "raw", arn: "arn:aws:s3:::raw", keyArn: key }, database: "raw", eventsTable: "events" },
  sources: { web: http(), shop: files({ writeKey: "shop-key-1" }) },
};
const scope = { project: "p", stack: "s", name: "cdp" };

describe("arguments", () => {
  test("every fault at once, with its path and what to do", () => {
    const wrong = {
      foundation: { keyArn: key },
      rawZone: undefined,
      sources: {
        "Web App": http(),
        unknown: http(),
        a: http({ writeKey: "short" }),
        b: { kind: "ftp" },
        c: http({ writeKey: "the-same-key" }),
        d: http({ writeKey: "the-same-key" }),
        e: files({ mapping: { version: 1, event: { type: { $colum: "x" } } } as never }),
      },
      capacity: { shards: 0 },
      eventRetentionDays: 0.5,
      streamRetentionHours: 24,
      processing: { batchSize: "many", windowSecond: 1 },
      archive: { megabytes: 1, deduplicate: "no" },
      onDelete: "keep",
      onEvent: 7,
      onEvnt: () => undefined,
    } as unknown as IngestionArgs;
    const faults = new Map(ingestionFaults(wrong).map(({ path, reason }) => [path, reason]));
    expect([...faults.entries()].map(([path, reason]) => `${path}: ${reason}`).sort()).toEqual([
      expect.stringMatching(/^archive.deduplicate: "no" must be true or false/),
      expect.stringMatching(/^archive.megabytes: 1 must be a whole number from 64 to 128/),
      expect.stringMatching(/^capacity.shards: 0 must be/),
      expect.stringMatching(/^eventRetentionDays: 0.5 must be a whole number from 1 to 3650/),
      expect.stringMatching(/^foundation.alarmTopicArn: is missing; give the ARN of an SNS topic/),
      expect.stringMatching(/^foundation.environment: nothing must be a plain string/),
      expect.stringMatching(/^foundation.logRetentionDays: nothing must be a whole number of days/),
      expect.stringMatching(/^foundation.tags: is missing/),
      expect.stringMatching(/^onDelete: "keep" must be "retain" or "destroy"/),
      expect.stringMatching(/^onEvent: 7 must be a function of an event, or \{ module/),
      expect.stringMatching(/^onEvnt: is no argument; did you mean "onEvent"\?/),
      expect.stringMatching(/^processing.batchSize: "many" must be a whole number/),
      expect.stringMatching(/^processing.windowSecond: is no argument; did you mean "windowSeconds"\?/),
      expect.stringMatching(/^rawZone: is missing; give dataLake.rawZone/),
      expect.stringMatching(/^sources.Web App: .*try "web-app"/),
      expect.stringMatching(/^sources.a.writeKey: has 5 characters; it must be text of 8 to 128/),
      expect.stringMatching(/^sources.b: .* is no source; make it by http\(\) or files\(\)/),
      expect.stringMatching(/^sources.d.writeKey: is that of source "c" too/),
      expect.stringMatching(/^sources.e.mapping.event.type.\$colum: is no word of the mapping/),
      expect.stringMatching(/^sources.unknown: "unknown" is what events of no source/),
      expect.stringMatching(/^streamRetentionHours: 24 must be a whole number from 48/),
    ]);
    expect(() => normalize(wrong, scope)).toThrow(/Ingestion "cdp" has 21 invalid arguments/);
  });

  test("Outputs are not looked into; an empty list of sources is told", () => {
    expect(ingestionFaults({ ...given, sources: { web: http({ writeKey: pulumi.secret("x") }) } })).toEqual([]);
    expect(ingestionFaults({ ...given, sources: {} })).toEqual([expect.objectContaining({ path: "sources" })]);
  });

  test("defaults are those of the one object, and derived write keys are the same each time, others elsewhere", () => {
    const resolved = normalize(given, scope);
    expect(resolved).toMatchObject({
      eventRetentionDays: ingestionDefaults.eventRetentionDays,
      processing: ingestionDefaults.processing,
      archive: ingestionDefaults.archive,
      capacity: ingestionDefaults.capacity,
    });
    expect(resolved.sources).toEqual(normalize(given, scope).sources);
    expect(resolved.sources[0]?.writeKey).toMatch(/^[A-Za-z0-9]{24}$/);
    expect(resolved.sources[1]?.writeKey).toBe("shop-key-1");
    expect(normalize(given, { ...scope, stack: "prod" }).sources[0]?.writeKey).not.toBe(resolved.sources[0]?.writeKey);
  });
});

interface PolicyDocument {
  readonly Statement: { readonly Action: string[]; readonly Resource: string[]; readonly Effect: string }[];
}

describe("the component in the engine", () => {
  const program =
    (args: Partial<IngestionArgs> = {}) =>
    async () => {
      const limit = 3;
      const ingestion = new Ingestion("cdp", {
        ...given,
        onEvent: (event) => (event.context.bot === true && limit > 1 ? drop("bot") : event),
        ...args,
      });
      return { contract: ingestion.contract, events: ingestion.events.name };
    };
  let run: StackRun;
  beforeAll(async () => {
    run = await runStack(program());
  }, 60_000);

  const one = (type: string, name: string) => run.graph.find(type, name).inputs as Record<string, never>;
  const actionsOf = (role: string): string[] =>
    run.graph
      .byType("aws:iam/rolePolicy:RolePolicy")
      .filter(({ name }) => name.startsWith(role))
      .flatMap(({ inputs }) => (JSON.parse((inputs as { policy: string }).policy) as PolicyDocument).Statement)
      .flatMap((statement) => statement.Action)
      .filter((action) => !/^(logs|xray|ec2|kms):/.test(action));

  test("nothing hangs outside of it, and everything stored is encrypted with the foundation's key", () => {
    expect(run.graph.orphans()).toEqual([]);
    expect(one("aws:kinesis/stream:Stream", "cdp-events")).toMatchObject({ encryptionType: "KMS", kmsKeyId: key });
    expect(one("aws:dynamodb/table:Table", "cdp-events")).toMatchObject({
      hashKey: "id",
      streamViewType: "NEW_IMAGE",
      ttl: { attributeName: "expiresAt", enabled: true },
      serverSideEncryption: { kmsKeyArn: key },
      pointInTimeRecovery: { enabled: true },
    });
    expect(run.graph.byType("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")).toHaveLength(1);
  });

  test("one role per function, with what it does and nothing else", () => {
    expect(new Set(actionsOf("cdp-collector"))).toEqual(
      new Set([
        "kinesis:PutRecord",
        "kinesis:PutRecords",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "sqs:SendMessage",
      ]),
    );
    const processor = new Set(actionsOf("cdp-processor"));
    expect(processor).toContain("dynamodb:PutItem");
    expect([...processor].filter((action) => action.startsWith("dynamodb:"))).toEqual(["dynamodb:PutItem"]);
    expect([...processor].some((action) => action.includes("*"))).toBe(false);
    expect([...actionsOf("cdp-archive")].filter((action) => action.startsWith("glue:")).sort()).toEqual([
      "glue:GetTable",
      "glue:GetTableVersion",
      "glue:GetTableVersions",
    ]);
  });

  test("the stream is read with partial failures, bisecting, to a bucket that keeps what failed to the end", () => {
    const [mapping] = run.graph.byType("aws:lambda/eventSourceMapping:EventSourceMapping");
    expect(mapping?.inputs).toMatchObject({
      functionResponseTypes: ["ReportBatchItemFailures"],
      bisectBatchOnFunctionError: true,
      batchSize: ingestionDefaults.processing.batchSize,
      destinationConfig: { onFailure: { destinationArn: expect.stringContaining(":s3:::") } },
    });
  });

  test("the archive writes Parquet by the table's columns, by day", () => {
    expect(one("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "cdp-archive")).toMatchObject({
      destination: "extended_s3",
      extendedS3Configuration: {
        prefix: "events/dt=!{timestamp:yyyy-MM-dd}/",
        bufferingSize: 64,
        dataFormatConversionConfiguration: { schemaConfiguration: { databaseName: "raw", tableName: "events" } },
      },
    });
  });

  test("the archive asks a function about each batch, which may claim ids and nothing else", async () => {
    const inputsOf = (graph: StackRun["graph"], type: string, name: string) => graph.find(type, name).inputs;
    const delivery = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream";
    const { extendedS3Configuration } = inputsOf(run.graph, delivery, "cdp-archive");
    const called = expect.stringMatching(/:function:cdp-archiver-\w+:\$LATEST$/);
    expect(extendedS3Configuration).toHaveProperty("processingConfiguration", {
      enabled: true,
      processors: [
        {
          type: "Lambda",
          parameters: [
            { parameterName: "LambdaArn", parameterValue: called },
            { parameterName: "NumberOfRetries", parameterValue: String(ingestionDefaults.archiverRetries) },
          ],
        },
      ],
    });
    const { policy } = inputsOf(run.graph, "aws:iam/rolePolicy:RolePolicy", "cdp-archive");
    expect((JSON.parse(String(policy)) as PolicyDocument).Statement).toContainEqual(
      expect.objectContaining({
        Action: ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"],
        Resource: [called],
      }),
    );
    const own = actionsOf("cdp-archiver").filter((action) => action.startsWith("dynamodb:"));
    expect(own).toEqual(["dynamodb:PartiQLInsert", "dynamodb:BatchGetItem"]);
    expect(one("aws:cloudwatch/metricAlarm:MetricAlarm", "cdp-archiver-failures")).toMatchObject({
      metricName: "ExecuteProcessing.Success",
      comparisonOperator: "LessThanThreshold",
      threshold: 1,
    });
    const without = await runStack(program({ archive: { deduplicate: false } }));
    expect(without.graph.all.filter(({ name }) => /archive[dr]/.test(name))).toEqual([]);
    expect(JSON.stringify(inputsOf(without.graph, delivery, "cdp-archive"))).not.toContain("processingConfiguration");
  }, 60_000);

  test("its contract is what the platform publishes", () => {
    expect(run.outputs.contract).toMatchObject({
      collectorUrl: expect.stringMatching(/^https?:\/\/[^/]+$/),
      writeKeys: { web: expect.stringMatching(/^\w{24}$/), shop: "shop-key-1" },
      eventStreamArn: expect.stringContaining(":stream/"),
    });
  });

  test("a second run changes nothing, another callback updates one function", async () => {
    const again = await run.again();
    expect(again.steps.filter(({ op }) => op !== "same")).toEqual([]);
    const changed = await run.again(program({ onEvent: (event) => event }));
    const [step, ...more] = changed.steps.filter(({ op }) => op !== "same");
    expect(more).toEqual([]);
    expect(step).toMatchObject({ op: "update", urn: expect.stringContaining("Function::cdp-processor") });
  }, 60_000);

  test("a callback that captures what cannot be serialised is refused in the program, by name", async () => {
    const seen = new Set(["a"]);
    const onEvent: OnEvent = (event) => (seen.has(event.messageId) ? drop("seen") : event);
    await expect(callbackText("onEvent", onEvent)).rejects.toThrow(/"onEvent" captures a Set \(in seen\)/);
  });
});

describe("the bundles", () => {
  const folder = mkdtempSync(join(tmpdir(), "bundles-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(["collector", "processor", "archiver"])("%s is at most 120 KiB, zipped", (name) => {
    expect(deflateRawSync(readFileSync(bundle(name)), { level: 9 }).length).toBeLessThanOrEqual(120 * 1024);
  });

  /** Runs a bundle as Lambda would, with AWS behind the door; prints what it called and answered. */
  const invoke = (name: string, config: object, event: object) => {
    writeFileSync(join(folder, "index.mjs"), readFileSync(bundle(name)));
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    writeFileSync(
      join(folder, "onEvent.cjs"),
      'module.exports = (event) => ({ ...event, context: { seen: "by callback" } });',
    );
    const script = `
      // As Lambda does: the callback's thread alone keeps no process alive.
      const alive = setInterval(() => undefined, 1000);
      const calls = [];
      globalThis[Symbol.for("tributary.aws")] = { call: async (...call) => { calls.push(call);
        if (call[1] === "BatchExecuteStatement") return { Responses: call[2].Statements.map(() => ({})) };
        return call[1] === "PutRecords" ? { Records: call[2].Records.map((_, i) => ({ SequenceNumber: String(i) })) } : {}; } };
      const { handler } = await import(${JSON.stringify(join(folder, "index.mjs"))});
      const answer = await handler(${JSON.stringify(event)}, { getRemainingTimeInMillis: () => 30_000 });
      console.log("RESULT" + JSON.stringify({ answer, calls: calls.map(([service, operation, input]) => [service, operation,
        input.Records?.map((r) => JSON.parse(Buffer.from(r.Data).toString())) ?? input]) }));
      clearInterval(alive);`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
      env: {
        AWS_REGION: "us-east-1",
        LAMBDA_TASK_ROOT: folder,
        EVENT_STREAM: "stream",
        EVENTS_TABLE: "table",
        ARCHIVED_TABLE: "archived",
        QUARANTINE_BUCKET: "bucket",
      },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const line = stdout.split("\n").find((text) => text.startsWith("RESULT")) ?? "";
    const metrics = stdout
      .split("\n")
      .filter((text) => text.includes("_aws"))
      .map((text) => JSON.parse(text));
    return { ...(JSON.parse(line.slice("RESULT".length)) as { answer: never; calls: unknown[][] }), metrics };
  };

  test("they load and run: request → record → item, with the callback between", () => {
    const body = JSON.stringify({ batch: [{ type: "track", event: "e", userId: "u", messageId: "m" }] });
    const collected = invoke(
      "collector",
      { sources: [{ id: "web", writeKey: "k" }] },
      {
        rawPath: "/v1/batch",
        headers: { "x-write-key": "k" },
        requestContext: { http: { method: "POST" }, timeEpoch: 1.7e12 },
        body,
        isBase64Encoded: false,
      },
    );
    expect(collected.answer).toMatchObject({ statusCode: 200 });
    expect(collected.calls).toEqual([
      ["kinesis", "PutRecords", [expect.objectContaining({ source_id: "web", message_id: "m" })]],
    ]);
    expect(collected.metrics).toEqual([expect.objectContaining({ EventsAccepted: 1, service: "collector" })]);

    const [record] = (collected.calls[0] as [string, string, object[]])[2];
    const kinesis = {
      sequenceNumber: "1",
      partitionKey: "u",
      data: Buffer.from(JSON.stringify(record)).toString("base64"),
      approximateArrivalTimestamp: 1.7e9,
    };
    const processed = invoke(
      "processor",
      { retentionDays: 30, callback: ingestionDefaults.callback },
      { Records: [{ eventID: "shardId-000000000000:1", kinesis }] },
    );
    expect(processed.answer).toEqual({ batchItemFailures: [] });
    expect(processed.calls).toEqual([
      [
        "dynamodb",
        "PutItem",
        expect.objectContaining({ TableName: "table", Item: expect.objectContaining({ id: { S: "web#m" } }) }),
      ],
    ]);
    expect(JSON.stringify(processed.calls)).toContain("by callback");
    expect(processed.metrics).toEqual([expect.objectContaining({ EventsApplied: 1, service: "processor" })]);

    const metadata = { shardId: "shardId-000000000000", sequenceNumber: "1", subsequenceNumber: "" };
    const archived = invoke(
      "archiver",
      { retentionDays: 30 },
      {
        records: [
          { recordId: "r1", data: kinesis.data, kinesisRecordMetadata: metadata },
          { recordId: "r2", data: kinesis.data, kinesisRecordMetadata: { ...metadata, sequenceNumber: "2" } },
          // As MSK's records come.
          { recordId: "r3", kafkaRecordValue: "bm8=", mskRecordMetadata: { partitionId: "0", offset: "7" } },
        ],
      },
    );
    expect(archived.answer).toEqual({
      records: [
        { recordId: "r1", result: "Ok", data: kinesis.data },
        { recordId: "r2", result: "Dropped", data: kinesis.data },
        { recordId: "r3", result: "Ok", kafkaRecordValue: "bm8=" },
      ],
    });
    expect(archived.calls).toEqual([
      [
        "dynamodb",
        "BatchExecuteStatement",
        {
          Statements: [
            {
              Statement: `INSERT INTO "archived" VALUE {'id': ?, 'position': ?, 'expiresAt': ?}`,
              Parameters: [
                { S: expect.stringMatching(/^[0-9a-f]{32}$/) },
                { S: expect.stringMatching(/^[0-9a-f]{16}$/) },
                { N: expect.stringMatching(/^\d{10}$/) },
              ],
            },
          ],
        },
      ],
    ]);
    expect(archived.metrics).toEqual([expect.objectContaining({ RepeatsNotArchived: 1, service: "archiver" })]);
  });
});
