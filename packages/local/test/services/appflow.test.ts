import { readFileSync } from "node:fs";
import * as appflow from "../../src/services/appflow";
import { scheduleOf } from "../../src/services/appflow/flows";
import * as cloudcontrol from "../../src/services/cloudcontrol";
import { LakeEngine } from "../../src/services/duckdb";
import * as eventbridge from "../../src/services/eventbridge";
import * as iam from "../../src/services/iam";
import * as lambda from "../../src/services/lambda";
import * as s3 from "../../src/services/s3";
import * as secretsManager from "../../src/services/secrets-manager";
import * as sqs from "../../src/services/sqs";
import { Bench, until } from "./compute-kit";

/** A connector of five records in pages of two; what it is asked stands in its answers' log. */
const connector = `
const rows = [1, 2, 3, 4, 5].map((n) => ({ id: "r" + n, n, at: "2026-11-0" + n + "T00:00:00.000Z" }));
let calls = 0;
export async function handler(event) {
  calls += 1;
  console.log(JSON.stringify(event));
  if (event.type === "ValidateCredentialsRequest" && event.connectorRuntimeSettings.key === "bad")
    return { isSuccess: false, errorDetails: { errorCode: "InvalidCredentials", errorMessage: "no" } };
  if (event.type === "DescribeEntityRequest")
    return { isSuccess: true, entityDefinition: { entity: {}, fields: ["id", "n", "at"].map((fieldName) => ({ fieldName })) } };
  if (event.type !== "QueryDataRequest") return { isSuccess: true };
  if (event.filterExpression?.includes("n > 99")) return { isSuccess: false, errorDetails: { errorCode: "AccessDenied", errorMessage: "not yours" } };
  if (event.filterExpression?.includes("n > 50") && calls % 2)
    return { isSuccess: false, errorDetails: { errorCode: "RateLimitExceeded", errorMessage: "slow down", retryAfterSeconds: 0 } };
  const from = Number(event.nextToken ?? 0);
  const records = rows.slice(from, from + 2).map((row) => JSON.stringify(Object.fromEntries(event.selectedFieldNames.map((name) => [name, row[name]]))));
  return { isSuccess: true, records, ...(from + 2 < rows.length ? { nextToken: String(from + 2) } : {}) };
}`;

const account = "000000000000";
const installs = [iam, secretsManager, s3, sqs, lambda, eventbridge, appflow, cloudcontrol].map(
  ({ install }) => install,
);
const bench = new Bench(installs, { schedules: false });
const permission = {
  action: "lambda:InvokeFunction",
  function: "crm",
  principal: "appflow.amazonaws.com",
  sourceAccount: account,
};
const desiredState = JSON.stringify({
  ConnectorLabel: "acme",
  ConnectorProvisioningType: "LAMBDA",
  ConnectorProvisioningConfig: { Lambda: { LambdaArn: `arn:aws:lambda:us-east-1:${account}:function:crm` } },
});
const profile = (key: string) => ({
  name: `acme-${key}`,
  connectorType: "CustomConnector",
  connectorLabel: "acme",
  connectionMode: "Public",
  connectorProfileConfig: {
    connectorProfileCredentials: { customConnector: { authenticationType: "APIKEY", apiKey: { apiKey: "k" } } },
    connectorProfileProperties: { customConnector: { profileProperties: { key } } },
  },
});
const noOp = [{ customConnector: "NO_OP" }];
const flowOf = (
  name: string,
  change: { source?: object; s3?: object; tasks?: object[]; trigger?: object; bucket?: string } = {},
) => ({
  name,
  sourceFlowConfig: {
    connectorType: "CustomConnector",
    connectorProfileName: "acme-good",
    sourceConnectorProperties: { customConnector: { entityName: "things" } },
    ...change.source,
  },
  destinationFlowConfigs: [
    {
      connectorType: "S3",
      destinationConnectorProperties: {
        s3: { bucketName: change.bucket ?? "landing", bucketPrefix: "in", ...change.s3 },
      },
    },
  ],
  tasks: change.tasks ?? [{ taskType: "Map_all", sourceFields: [], connectorOperators: noOp }],
  triggerConfig: change.trigger ?? { triggerType: "OnDemand" },
});
const create = (name: string, change?: Parameters<typeof flowOf>[1]) =>
  bench.create("aws:appflow/flow:Flow", name, flowOf(name, change));

const assumeRolePolicy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

beforeAll(async () => {
  for (const name of ["crm", "stranger"]) await bench.create("aws:iam/role:Role", name, { name, assumeRolePolicy });
  await bench.fn("crm", connector);
  await bench.create("aws:lambda/permission:Permission", "crm", permission);
  await bench.create("aws:cloudcontrol/resource:Resource", "acme", {
    typeName: "AWS::AppFlow::Connector",
    desiredState,
  });
  await bench.create("aws:appflow/connectorProfile:ConnectorProfile", "good", profile("good"));
  for (const bucket of ["landing", "closed"]) await bench.create("aws:s3/bucket:Bucket", bucket, { bucket });
  await bench.create("aws:s3/bucketPolicy:BucketPolicy", "landing", {
    bucket: "landing",
    policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "appflow.amazonaws.com" },
          Action: "s3:PutObject",
          Resource: "arn:aws:s3:::landing/in/*",
          Condition: {
            StringEquals: { "aws:SourceAccount": account },
            ArnLike: { "aws:SourceArn": `arn:aws:appflow:us-east-1:${account}:flow/f-*` },
          },
        },
      ],
    }),
  });
}, 60_000);
afterAll(() => bench.close());

interface Run {
  executionId: string;
  executionStatus: string;
  executionResult: { recordsProcessed: number; errorInfo?: { executionMessage: string } };
}
async function run(flowName: string): Promise<Run> {
  await bench.kernel.call("appflow", "StartFlow", { FlowName: flowName });
  await bench.kernel.quiesce();
  const { flowExecutions } = await bench.kernel.call<{ flowExecutions: Run[] }>(
    "appflow",
    "DescribeFlowExecutionRecords",
    { flowName },
  );
  return flowExecutions[0] as Run;
}
const objects = async (prefix: string) => {
  const { Contents = [] } = await bench.kernel.call<{ Contents?: { Key: string }[] }>("s3", "ListObjectsV2", {
    Bucket: "landing",
    Prefix: prefix,
  });
  return Contents.map(({ Key }) => Key);
};
const lines = async (key: string) =>
  readFileSync(s3.dataPath(bench.kernel, "landing", key), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("pages become one object of JSON lines, below the flow and the run", async () => {
  await create("f-all", {
    s3: { s3OutputFormatConfig: { fileType: "JSON", prefixConfig: { prefixHierarchies: ["EXECUTION_ID"] } } },
  });
  const done = await run("f-all");
  expect(done).toMatchObject({ executionStatus: "Successful", executionResult: { recordsProcessed: 5 } });
  const [key = ""] = await objects("in/");
  expect(key).toMatch(new RegExp(`^in/f-all/${done.executionId}/[^/.]+$`));
  expect((await lines(key)).map(({ id }) => id)).toEqual(["r1", "r2", "r3", "r4", "r5"]);
});

test("Parquet, projected and mapped fields, and filters as AppFlow writes them", async () => {
  await create("f-few", {
    s3: { s3OutputFormatConfig: { fileType: "PARQUET" } },
    tasks: [
      { taskType: "Filter", sourceFields: ["id", "n"], connectorOperators: [{ customConnector: "PROJECTION" }] },
      {
        taskType: "Filter",
        sourceFields: ["id"],
        connectorOperators: [{ customConnector: "NOT_EQUAL_TO" }],
        taskProperties: { DATA_TYPE: "string", VALUE: "it's" },
      },
      { taskType: "Map", sourceFields: ["id"], destinationField: "key", connectorOperators: noOp },
      { taskType: "Map", sourceFields: ["n"], destinationField: "n", connectorOperators: noOp },
    ],
  });
  expect((await run("f-few")).executionStatus).toBe("Successful");
  const [key = ""] = await objects("in/f-few/");
  const rows = await LakeEngine.of(bench.kernel).with("duckdb", async ({ connection }) => {
    const read = await connection.runAndReadAll(
      `SELECT * FROM read_parquet('${s3.dataPath(bench.kernel, "landing", key)}')`,
    );
    return read.getRowObjectsJson();
  });
  expect(rows).toHaveLength(5);
  expect(rows[0]).toEqual({ key: "r1", n: "1" });
  // Functions' logs are written behind.
  const log = () => readFileSync(`${bench.folder}/data/logs/crm.log`, "utf8");
  await until(log, (text) => text.includes("id != 'it\\\\'s'"), 3_000);
});

test("a refusal that passes is asked again; one that does not ends the run, with the reason", async () => {
  const above = (value: string) => [
    { taskType: "Map_all", sourceFields: [], connectorOperators: noOp },
    {
      taskType: "Filter",
      sourceFields: ["n"],
      connectorOperators: [{ customConnector: "GREATER_THAN" }],
      taskProperties: { DATA_TYPE: "long", VALUE: value },
    },
  ];
  await create("f-slow", { tasks: above("50") });
  expect((await run("f-slow")).executionStatus).toBe("Successful");
  await create("f-denied", { tasks: above("99") });
  expect(await run("f-denied")).toMatchObject({
    executionStatus: "Error",
    executionResult: { errorInfo: { executionMessage: "AccessDenied: not yours" } },
  });
});

test("the destination's policy decides", async () => {
  await create("f-closed", { bucket: "closed" });
  expect((await run("f-closed")).executionResult.errorInfo?.executionMessage).toMatch(
    /AccessDeniedException: appflow.amazonaws.com is not authorized to perform s3:PutObject .* no resource-based policy/,
  );
  await create("other");
  expect((await run("other")).executionStatus).toBe("Error");
  expect(await objects("in/other/")).toEqual([]);
});

test("what AppFlow would refuse when it is made is refused", async () => {
  await expect(bench.create("aws:appflow/connectorProfile:ConnectorProfile", "bad", profile("bad"))).rejects.toThrow(
    "InvalidCredentials: no",
  );
  const stranger = {
    typeName: "AWS::AppFlow::Connector",
    desiredState: desiredState.replace(":crm", ":stranger").replace("acme", "other"),
  };
  await bench.fn("stranger", connector);
  await expect(bench.create("aws:cloudcontrol/resource:Resource", "stranger", stranger)).rejects.toThrow(
    /appflow.amazonaws.com is not authorized to perform: lambda:InvokeFunction/,
  );
  await expect(bench.kernel.call("appflow", "StartFlow", { flowName: "none" })).rejects.toThrow(
    /Flow none does not exist. Flows of the stack: f-all/,
  );
});

test("the aws-native class registers too; other types of Cloud Control are recorded", async () => {
  await bench.create("aws-native:appflow:Connector", "native", {
    connectorLabel: "native",
    connectorProvisioningType: "LAMBDA",
    connectorProvisioningConfig: { lambda: { lambdaArn: `arn:aws:lambda:us-east-1:${account}:function:crm` } },
  });
  await bench.create("aws:appflow/connectorProfile:ConnectorProfile", "native", {
    ...profile("native"),
    connectorLabel: "native",
  });
  const recorded = await bench.create("aws:cloudcontrol/resource:Resource", "other", {
    typeName: "AWS::Other::Thing",
    desiredState: "{}",
  });
  expect(recorded.id).toBeTruthy();
});

test("increments: from where the last successful run ended; a draft is activated once", async () => {
  await create("f-inc", {
    source: { incrementalPullConfig: { datetimeTypeFieldName: "at" } },
    trigger: {
      triggerType: "Scheduled",
      triggerProperties: { scheduled: { scheduleExpression: "rate(1hours)", dataPullMode: "Incremental" } },
    },
  });
  const first = await run("f-inc");
  expect((await run("f-inc")).executionId).toBe(first.executionId);
  await bench.restart();
  await bench.kernel.call("appflow", "StopFlow", { flowName: "f-inc" });
  expect((await run("f-inc")).executionStatus).toBe("Successful");
  const asked = () =>
    [...readFileSync(`${bench.folder}/data/logs/crm.log`, "utf8").matchAll(/at >= (\S+) and at < ([^"\\]+)/g)].map(
      ([, from, to]) => [from, to],
    );
  // Functions' logs are written behind.
  const distinct = await until(
    () => [...new Map(asked().map((each) => [each.join(), each])).values()],
    (found) => found.length === 2,
    3_000,
  );
  expect(distinct[1]?.[0]).toBe(distinct[0]?.[1]);
});

test.each([
  ["rate(1hours)", "rate(1 hours)"],
  ["rate(5minutes)", "rate(5 minutes)"],
  ["rate(2weeks)", "rate(14 days)"],
  ["cron(0 2 * * ? *)", "cron(0 2 * * ? *)"],
])("%s is %s", (given, read) => expect(scheduleOf(given)).toBe(read));
