import { createHash } from "node:crypto";
import {
  BatchDeleteUniqueIdCommand,
  EntityResolutionClient,
  GenerateMatchIdCommand,
  GetMatchIdCommand,
  GetMatchingJobCommand,
  type GetMatchingJobOutput,
  GetMatchingWorkflowCommand,
  GetSchemaMappingCommand,
  ListMatchingJobsCommand,
  ResourceNotFoundException,
  StartMatchingJobCommand,
} from "@aws-sdk/client-entityresolution";
import { type AwsEndpoint, serveAwsEndpoint } from "../../src/endpoint";
import { AwsError, type Kernel, type RequiredPermission, type Resource } from "../../src/kernel";
import { LakeEngine } from "../../src/services/duckdb";
import * as entityresolution from "../../src/services/entityresolution";
import * as glue from "../../src/services/glue";
import * as s3 from "../../src/services/s3";
import * as sfn from "../../src/services/sfn";
import { TestLake, until } from "./lake-support";

const policy = { asked: [] as string[], refuse: undefined as string | undefined };
const install = (kernel: Kernel) => {
  kernel.authorizer = {
    check(_principal, needed: RequiredPermission) {
      policy.asked.push(`${needed.action} ${needed.resource}`);
      if (needed.action !== policy.refuse) return;
      throw new AwsError("AccessDeniedException", `no ${needed.action} on ${needed.resource}`, { status: 403 });
    },
  };
  return [s3, glue, entityresolution, sfn].flatMap((service) => service.install(kernel));
};

const warnings: string[] = [];
let lake: TestLake;
let endpoint: AwsEndpoint;
let client: EntityResolutionClient;
let roleArn: string;

const table = (name: string) => `arn:aws:glue:us-east-1:000000000000:table/crm/${name}`;
const schemaArn = (name: string) => `arn:aws:entityresolution:us-east-1:000000000000:schemamapping/${name}`;
const fields = [
  { fieldName: "id", type: "UNIQUE_ID" },
  { fieldName: "first", type: "NAME_FIRST", groupName: "full", matchKey: "name" },
  { fieldName: "last", type: "NAME_LAST", groupName: "full", matchKey: "name" },
  { fieldName: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
  { fieldName: "phone", type: "PHONE", matchKey: "phone" },
  { fieldName: "note", type: "STRING" },
];
const schema = (schemaName: string, mappedInputFields: object[] = fields) =>
  lake.add("aws-native:entityresolution:SchemaMapping", schemaName, { schemaName, mappedInputFields });

const simple = (...rules: string[]) => ({
  resolutionType: "RULE_MATCHING",
  ruleBasedProperties: {
    attributeMatchingModel: "MANY_TO_MANY",
    rules: rules.map((keys, index) => ({ ruleName: `Rule ${index + 1}`, matchingKeys: keys.split("+") })),
  },
});
const advanced = (conditions: string[], enableTransitiveMatching = false) => ({
  resolutionType: "RULE_MATCHING",
  ruleConditionProperties: {
    rules: conditions.map((condition, index) => ({ ruleName: `Rule ${index + 1}`, condition })),
    ...(enableTransitiveMatching && { matchingConfig: { enableTransitiveMatching } }),
  },
});
const workflow = (workflowName: string, resolutionTechniques: object, change: Record<string, unknown> = {}) =>
  lake.add("aws-native:entityresolution:MatchingWorkflow", workflowName, {
    workflowName,
    roleArn,
    inputSourceConfig: [{ inputSourceArn: table("people"), schemaArn: schemaArn("people"), applyNormalization: true }],
    outputSourceConfig: [{ outputS3Path: "s3://matched/out/", output: [{ name: "email" }, { name: "note" }] }],
    resolutionTechniques,
    ...change,
  });

/** Rows of a CSV table; cells have no commas here. */
async function people(rows: string[], name = "people"): Promise<void> {
  await lake.putText("lake", `${name}/part-0.csv`, `${rows.join("\n")}\n`);
}

async function run(workflowName: string): Promise<GetMatchingJobOutput> {
  const { jobId } = await client.send(new StartMatchingJobCommand({ workflowName }));
  await lake.kernel.quiesce();
  return await client.send(new GetMatchingJobCommand({ workflowName, jobId }));
}

async function output({ jobId }: GetMatchingJobOutput): Promise<Record<string, string>[]> {
  const keys = (await lake.keys("matched")).filter((key) => key.includes(`/${jobId}/success/`));
  const rows: Record<string, string>[] = [];
  for (const key of keys) {
    const [header = "", ...lines] = (await lake.getText("matched", key)).trimEnd().split("\n");
    const names = header.split(",");
    for (const line of lines) rows.push(Object.fromEntries(line.split(",").map((cell, i) => [names[i] ?? "", cell])));
  }
  return rows;
}

/** Groups of two and more as `rule: ids`. */
function groups(rows: readonly Record<string, string>[]): string[] {
  const byId = new Map<string, Record<string, string>[]>();
  for (const row of rows) byId.set(String(row.MatchID), [...(byId.get(String(row.MatchID)) ?? []), row]);
  return [...byId.values()]
    .filter((members) => members.length > 1)
    .map((members) => {
      const sorted = members.sort((a, b) => (String(a.RecordId) < String(b.RecordId) ? -1 : 1));
      return sorted.map(({ RecordId, MatchRule }) => `${RecordId} ${MatchRule}`).join(", ");
    })
    .sort();
}

/** b agrees with a on the e-mail address and with c on the phone; d is alone. */
const bridge = [
  "a,Ann,Lee,ANN.lee@x.com,,n1",
  "b,Ann,Lee,ann.lee@x.com,(206) 345-7890,n2",
  "c,Bob,Ray,,206-345-7890,n3",
  "d,Cid,Fox,cid@x.com,,n4",
];

beforeAll(async () => {
  lake = TestLake.open(install, { log: { debug() {}, info() {}, warn: (message) => void warnings.push(message) } });
  roleArn = lake.role("matcher", "entityresolution.amazonaws.com");
  lake.role("machine", "states.amazonaws.com");
  for (const bucket of ["lake", "matched"]) await lake.add("aws:s3/bucket:Bucket", bucket, { bucket });
  await lake.add("aws:glue/catalogDatabase:CatalogDatabase", "crm", { name: "crm" });
  for (const name of ["people", "shop", "wide"]) {
    const columns = ["id", "first", "last", "email", "phone", "note", ...(name === "wide" ? ["delete"] : [])];
    await lake.add("aws:glue/catalogTable:CatalogTable", name, {
      name,
      databaseName: "crm",
      storageDescriptor: {
        location: `s3://lake/${name}/`,
        columns: columns.map((column) => ({ name: column, type: "string" })),
        serDeInfo: { serializationLibrary: "org.apache.hadoop.hive.serde2.OpenCSVSerde" },
      },
    });
  }
  await schema("people");
  endpoint = await serveAwsEndpoint(lake.kernel);
  client = new EntityResolutionClient({
    endpoint: endpoint.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
}, 60_000);
afterAll(async () => {
  client.destroy();
  await endpoint.close();
  await lake.close();
});
beforeEach(() => {
  policy.refuse = undefined;
  policy.asked = [];
});

test("a job reads, normalises, matches by waterfall and writes", async () => {
  await people(bridge);
  await workflow("waterfall", simple("email", "phone"));
  const job = await run("waterfall");
  expect(job).toMatchObject({
    status: "SUCCEEDED",
    metrics: { inputRecords: 4, totalRecordsProcessed: 4, recordsNotProcessed: 0, matchIDs: 3 },
    outputSourceConfig: [{ roleArn, outputS3Path: "s3://matched/out/" }],
  });
  expect(job.jobId).toMatch(/^[a-f0-9]{32}$/);
  expect(job.endTime).toBeInstanceOf(Date);
  expect(await lake.keys("matched", `out/waterfall/${job.jobId}/`)).toEqual([
    `out/waterfall/${job.jobId}/success/run-0-part-r-00000.csv`,
  ]);
  const rows = await output(job);
  expect(Object.keys(rows[0] ?? {})).toEqual(["InputSourceARN", "RecordId", "MatchID", "MatchRule", "email", "note"]);
  // c agrees with b on the phone, but b is matched already.
  expect(groups(rows)).toEqual(["a Rule 1, b Rule 1"]);
  // The output is the original, whatever was compared.
  expect(rows.map(({ email }) => email)).toContain("ANN.lee@x.com");
  const [latest] = (await client.send(new ListMatchingJobsCommand({ workflowName: "waterfall" }))).jobs ?? [];
  expect(latest).toMatchObject({ jobId: job.jobId, status: "SUCCEEDED" });
});

test("transitively, c joins; Advanced functions cluster first", async () => {
  await people(bridge);
  await workflow("transitive", advanced(["Exact(email)", "Exact(phone)"], true));
  expect(groups(await output(await run("transitive")))).toEqual(["a Rule 1, b Rule 1, c Rule 2"]);
  await people(["a,Jon,Smith,x@x.com,1,", "b,John,Smith,x@x.com,2,", "c,Mary,Jones,x@x.com,3,"]);
  await workflow("fuzzy", advanced(["Exact(email) AND Levenshtein(name, 1)"]));
  expect(groups(await output(await run("fuzzy")))).toEqual(["a Rule 1, b Rule 1"]);
});

test("the order of rows changes nothing", async () => {
  const rows = ["a,A,A,x@x.com,,", "b,B,B,x@x.com,1,", "c,C,C,y@x.com,1,", "d,D,D,y@x.com,,", "e,E,E,,1,"];
  await workflow("ordered", advanced(["Exact(email)", "Exact(phone)"], true));
  for (const given of [rows, [...rows].reverse()]) {
    await people(given);
    expect(groups(await output(await run("ordered")))).toEqual(["a Rule 1, b Rule 1, e Rule 2", "c Rule 1, d Rule 1"]);
  }
});

test("two inputs, columns hashed and normalised, without normalisation as they stand", async () => {
  await people(["a,Ann,Lee,ann@x.com,,"]);
  await people(["a,Ann,Lee,Ann@x.com,,n"], "shop");
  const inputs = (applyNormalization: boolean) =>
    ["people", "shop"].map((name) => ({
      inputSourceArn: table(name),
      schemaArn: schemaArn("people"),
      applyNormalization,
    }));
  const target = { outputS3Path: "s3://matched/two", output: [{ name: "email", hashed: true }, { name: "last" }] };
  await workflow("two", simple("email"), {
    inputSourceConfig: inputs(true),
    outputSourceConfig: [{ ...target, applyNormalization: true, kmsArn: "arn:aws:kms:us-east-1:000000000000:key/k" }],
  });
  const rows = await output(await run("two"));
  const hash = createHash("sha256").update("ann@x.com").digest("hex");
  expect(
    rows.map(({ InputSourceARN, email, last, HashingProtocol }) => [InputSourceARN, email, last, HashingProtocol]),
  ).toEqual([
    [table("people"), hash, "lee", "SHA256"],
    [table("shop"), hash, "lee", "SHA256"],
  ]);
  expect(new Set(rows.map(({ MatchID }) => MatchID)).size).toBe(1);
  await workflow("raw", simple("email"), { inputSourceConfig: inputs(false), outputSourceConfig: [target] });
  expect(groups(await output(await run("raw")))).toEqual([]);
});

test("a Parquet table is read as well", async () => {
  await lake.add("aws:glue/catalogTable:CatalogTable", "parquet", {
    name: "parquet",
    databaseName: "crm",
    storageDescriptor: {
      location: "s3://lake/parquet/",
      columns: [
        { name: "id", type: "bigint" },
        { name: "born", type: "date" },
      ],
      inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
      outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
      serDeInfo: { serializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" },
    },
  });
  await LakeEngine.of(lake.kernel).with("duckdb", async (session) => {
    const path = `${lake.kernel.folder("tmp")}/seed.parquet`;
    const rows = "SELECT i AS id, DATE '1990-01-01' + CAST(i // 2 AS INTEGER) AS born FROM range(4) t(i)";
    await session.run(`COPY (${rows}) TO '${path}' (FORMAT parquet)`);
    await s3.putLocalFile(lake.kernel, "lake", "parquet/a.parquet", path);
  });
  await schema("births", [
    { fieldName: "id", type: "UNIQUE_ID" },
    { fieldName: "born", type: "DATE", matchKey: "born" },
  ]);
  await workflow("parquet", simple("born"), {
    inputSourceConfig: [{ inputSourceArn: table("parquet"), schemaArn: schemaArn("births") }],
    outputSourceConfig: [{ outputS3Path: "s3://matched/p", output: [{ name: "born" }] }],
  });
  const rows = await output(await run("parquet"));
  expect(groups(rows)).toEqual(["0 Rule 1, 1 Rule 1", "2 Rule 1, 3 Rule 1"]);
  expect(rows[0]?.born).toBe("1990-01-01");
});

test("rows without a fit unique id go to the error folder", async () => {
  const long = "x".repeat(39);
  await people(["a,A,A,x@x.com,,", ",B,B,x@x.com,,", "c d,C,C,x@x.com,,", `${long},D,D,x@x.com,,`, "a,E,E,x@x.com,,"]);
  await workflow("errors", simple("email"));
  const job = await run("errors");
  expect(job.metrics).toEqual({ inputRecords: 5, totalRecordsProcessed: 1, recordsNotProcessed: 4, matchIDs: 1 });
  const why = (await lake.getText("matched", `out/errors/${job.jobId}/error/run-0-part-r-00000.csv`))
    .split("\n")
    .slice(1);
  expect(why).toEqual([
    `${table("people")},,the unique id is missing`,
    `${table("people")},a,the unique id is repeated in the table`,
    `${table("people")},c d,"the unique id has characters other than a-z, A-Z, 0-9, _ and -"`,
    `${table("people")},${long},"the unique id has 39 characters, at most 38 are allowed"`,
    "",
  ]);
});

test("one job runs at a time in the account; another is refused by name", async () => {
  await people(bridge);
  for (const name of ["first", "second"]) await workflow(name, simple("email"));
  const start = (name: string) => lake.kernel.call("entityresolution", "StartMatchingJob", { workflowName: name });
  const [, again, other] = await Promise.allSettled([start("first"), start("first"), start("second")]);
  expect(again).toMatchObject({ reason: { name: "ConflictException" } });
  expect(other).toMatchObject({ reason: { name: "ExceedsLimitException", status: 402 } });
  await lake.kernel.quiesce();
  expect((await run("second")).status).toBe("SUCCEEDED");
  await expect(run("nobody")).rejects.toThrow(ResourceNotFoundException);
});

test("the workflow's role reads and writes, and must be allowed to", async () => {
  await people(bridge);
  await workflow("allowed", simple("email"));
  policy.asked = [];
  const { jobId } = await run("allowed");
  expect([...new Set(policy.asked)]).toEqual(
    expect.arrayContaining([
      "glue:GetDatabase arn:aws:glue:us-east-1:000000000000:database/crm",
      `glue:GetTable ${table("people")}`,
      "s3:ListBucket arn:aws:s3:::lake",
      expect.stringMatching(/^s3:GetObject arn:aws:s3:::lake\/people\//),
      `s3:PutObject arn:aws:s3:::matched/out/allowed/${jobId}/success/run-0-part-r-00000.csv`,
    ]),
  );
  for (const action of ["glue:GetTable", "s3:GetObject", "s3:PutObject"]) {
    policy.refuse = action;
    const job = await run("allowed");
    expect(job).toMatchObject({
      status: "FAILED",
      errorDetails: { errorMessage: expect.stringContaining(`no ${action}`) },
    });
  }
  policy.refuse = undefined;
  await workflow("untrusted", simple("email"), { roleArn: lake.role("stranger", "glue.amazonaws.com") });
  const job = await run("untrusted");
  expect(job.errorDetails?.errorMessage).toMatch(/entityresolution\.amazonaws\.com may not assume .*stranger/);
});

test("what cannot run here says so by name", async () => {
  await workflow("ml", { resolutionType: "ML_MATCHING" });
  await expect(run("ml")).rejects.toThrow(/NotSupportedLocally: a ML_MATCHING job .* `tributary resolve`/);
  await workflow("provider", { resolutionType: "PROVIDER", providerProperties: { providerServiceArn: "arn:aws:x" } });
  await expect(run("provider")).rejects.toThrow(/NotSupportedLocally: a PROVIDER job/);
});

test("ids are looked up, generated and deleted", async () => {
  await people(bridge);
  await workflow("live", { ...simple("email", "phone"), enableRealTimeMatching: true });
  const rows = await output(await run("live"));
  const idOf = (record: string) => rows.find(({ RecordId }) => RecordId === record)?.MatchID;
  const look = (record: Record<string, string>) => client.send(new GetMatchIdCommand({ workflowName: "live", record }));
  expect(await look({ email: "ann.LEE@x.com" })).toMatchObject({ matchId: idOf("a"), matchRule: "Rule 1" });
  expect(await look({ phone: "2063457890" })).toMatchObject({ matchRule: "Rule 2" });
  expect((await look({ email: "new@x.com" })).matchId).toBeUndefined();
  await expect(look({ mail: "x" })).rejects.toThrow(/people has no mail; it has id, first/);

  const generate = (uniqueId: string, email: string) =>
    client.send(
      new GenerateMatchIdCommand({
        workflowName: "live",
        records: [{ inputSourceARN: table("people"), uniqueId, recordAttributeMap: { email } }],
      }),
    );
  const { matchGroups: [joined] = [] } = await generate("e", "cid@x.com");
  expect(joined).toMatchObject({ matchId: idOf("d"), matchRule: "Rule 1" });
  expect(joined?.records?.map(({ recordId }) => recordId).sort()).toEqual(["d", "e"]);
  const { matchGroups: [fresh] = [] } = await generate("f", "new@x.com");
  expect(fresh).toMatchObject({ matchRule: "", records: [{ recordId: "f" }] });
  expect(await look({ email: "new@x.com" })).toMatchObject({ matchId: fresh?.matchId });

  const remove = (uniqueIds: string[]) =>
    client.send(new BatchDeleteUniqueIdCommand({ workflowName: "live", uniqueIds }));
  expect(await remove(["f", "nobody"])).toMatchObject({
    status: "COMPLETED",
    deleted: [{ uniqueId: "f" }],
    errors: [{ uniqueId: "nobody", errorType: "VALIDATION_ERROR" }],
    disconnectedUniqueIds: [],
  });
  expect((await look({ email: "new@x.com" })).matchId).toBeUndefined();
  // a and b lose nothing but each other.
  expect(await remove(["a"])).toMatchObject({ deleted: [{ uniqueId: "a" }], disconnectedUniqueIds: [] });
  expect(await look({ email: "ann.lee@x.com" })).toMatchObject({ matchId: idOf("a") });
});

test("what is deleted while a job runs stays deleted", async () => {
  await people(bridge);
  await workflow("racing", simple("email", "phone"));
  await run("racing");
  const call = (operation: string, input: object) =>
    lake.kernel.call("entityresolution", operation, { workflowName: "racing", ...input });
  await call("StartMatchingJob", {});
  expect(await call("BatchDeleteUniqueId", { uniqueIds: ["d"] })).toMatchObject({ deleted: [{ uniqueId: "d" }] });
  await lake.kernel.quiesce();
  expect(await call("GetMatchId", { record: { email: "cid@x.com" } })).toEqual({});
  expect(await call("GetMatchId", { record: { email: "ann.lee@x.com" } })).toMatchObject({ matchRule: "Rule 1" });
});

test("Advanced rules on demand keep no ids; a deleted bridge disconnects", async () => {
  await people(bridge);
  await workflow("on-demand", advanced(["Exact(email)"]));
  await run("on-demand");
  const asked = client.send(new GetMatchIdCommand({ workflowName: "on-demand", record: { email: "cid@x.com" } }));
  await expect(asked).rejects.toThrow(/keeps no match ids/);
  await workflow("bridged", advanced(["Exact(email)", "Exact(phone)"], true), {
    incrementalRunConfig: { incrementalRunType: "IMMEDIATE" },
  });
  await run("bridged");
  const answer = await client.send(new BatchDeleteUniqueIdCommand({ workflowName: "bridged", uniqueIds: ["b"] }));
  expect(answer.disconnectedUniqueIds).toEqual(["c"]);
});

test("an incremental run takes what is new or changed, and deletes by column", async () => {
  await schema("wide", [...fields, { fieldName: "delete", type: "STRING" }]);
  await workflow("steps", simple("email", "phone"), {
    inputSourceConfig: [{ inputSourceArn: table("wide"), schemaArn: schemaArn("wide"), applyNormalization: true }],
    incrementalRunConfig: { incrementalRunType: "IMMEDIATE" },
  });
  await people(["a,A,A,x@x.com,,,", "b,B,B,y@x.com,,,"], "wide");
  const first = await output(await run("steps"));
  const idOf = (rows: Record<string, string>[], record: string) => rows.find((row) => row.RecordId === record)?.MatchID;
  expect(first).toHaveLength(2);

  await people(["a,A,A,x@x.com,,,", "b,B,B,y@x.com,,,", "c,C,C,x@x.com,,,"], "wide");
  const second = await run("steps");
  expect(second.metrics).toMatchObject({ inputRecords: 1, totalRecordsProcessed: 1, deleteRecordsProcessed: 0 });
  const rows = await output(second);
  expect(rows.map(({ RecordId }) => RecordId)).toEqual(["c"]);
  expect(idOf(rows, "c")).toBe(idOf(first, "a"));

  await people(["a,A,A,x@x.com,,,true", "b,B,B,x@x.com,,,false"], "wide");
  const third = await run("steps");
  expect(third.metrics).toMatchObject({ totalRecordsProcessed: 2, deleteRecordsProcessed: 1 });
  const look = await client.send(new GetMatchIdCommand({ workflowName: "steps", record: { email: "x@x.com" } }));
  expect(look.matchId).toBe(idOf(await output(third), "b"));
});

test("definitions are checked as AWS checks them, and described", async () => {
  await expect(schema("none", [{ fieldName: "a", type: "STRING" }])).rejects.toThrow(/no field is of type UNIQUE_ID/);
  await expect(
    schema("mixed", [...fields, { fieldName: "mail", type: "EMAIL_ADDRESS", matchKey: "phone" }]),
  ).rejects.toThrow(/"phone" compares phone \(PHONE\); mail is EMAIL_ADDRESS/);
  await expect(workflow("typo", simple("emial"))).rejects.toThrow(
    /no column has match key "emial"; did you mean "email"/,
  );
  await expect(workflow("loose", advanced(["Soundex(name)"]))).rejects.toThrow(
    /fuzzy function stands without an exact/,
  );
  await expect(workflow("open", advanced(["Exact(email"]))).rejects.toThrow(/close Exact with/);
  await expect(
    workflow("lost", simple("email"), {
      inputSourceConfig: [{ inputSourceArn: table("people"), schemaArn: schemaArn("nowhere") }],
    }),
  ).rejects.toThrow(/no schema mapping nowhere/);
  expect(await client.send(new GetSchemaMappingCommand({ schemaName: "people" }))).toMatchObject({
    schemaArn: schemaArn("people"),
    hasWorkflows: true,
    mappedInputFields: fields,
  });
  expect(await client.send(new GetMatchingWorkflowCommand({ workflowName: "transitive" }))).toMatchObject({
    inputSourceConfig: [{ inputSourceARN: table("people"), schemaName: "people", applyNormalization: true }],
    resolutionTechniques: { ruleConditionProperties: { matchingConfig: { enableTransitiveMatching: true } } },
  });
});

test("a schema mapping that a workflow uses cannot be changed", async () => {
  const type = "aws-native:entityresolution:SchemaMapping";
  const resource = lake.kernel.resources.get(`urn:pulumi:dev::test::${type}::people`);
  const realiser = entityresolution.install(lake.kernel).find((each) => each.type === type);
  const changed = { ...resource, inputs: { schemaName: "people", mappedInputFields: fields.slice(0, 4) } } as Resource;
  await expect(async () => realiser?.compute(changed, lake.kernel, resource)).rejects.toThrow(
    /schema mapping people is used by .*waterfall.* cannot be changed: make one of another name/,
  );
});

test("a job says which rules are dangerous", async () => {
  await people(Array.from({ length: 50 }, (_, index) => `r${index},A,Lee,x@x.com,${index},`));
  await workflow("risky", advanced(["Exact(name)", "Exact(name) AND Exact(email)"]));
  warnings.length = 0;
  await run("risky");
  expect(warnings).toEqual([
    expect.stringMatching(/risky, rule "Rule 1": name alone decides/),
    expect.stringMatching(/rule "Rule 2": whatever it would link, "Rule 1" links already/),
    expect.stringMatching(/rule "Rule 1": it decides before the stricter "Rule 2"/),
    expect.stringMatching(/rule "Rule 1": 50 records have only 1 distinct values/),
    expect.stringMatching(/rule "Rule 2": 50 records/),
  ]);
});

test("Step Functions starts a job and asks for it", async () => {
  await people(bridge);
  const task = (action: string, Parameters: object, next: object) => ({
    Type: "Task",
    Resource: `arn:aws:states:::aws-sdk:entityresolution:${action}`,
    Parameters,
    ...next,
  });
  const workflowName = "waterfall";
  const states = {
    Start: task("startMatchingJob", { WorkflowName: workflowName }, { Next: "Ask" }),
    Ask: task("getMatchingJob", { WorkflowName: workflowName, "JobId.$": "$.JobId" }, { Next: "Done" }),
    Done: {
      Type: "Choice",
      Choices: [{ Variable: "$.Status", StringEquals: "SUCCEEDED", Next: "End" }],
      Default: "Wait",
    },
    Wait: { Type: "Wait", Seconds: 1, Next: "Again" },
    Again: { Type: "Pass", Parameters: { "JobId.$": "$.JobId" }, Next: "Ask" },
    End: { Type: "Pass", Parameters: { "records.$": "$.Metrics.InputRecords" }, ResultPath: "$.done", Next: "Look" },
    Look: task(
      "getMatchId",
      { WorkflowName: workflowName, Record: { Mail: "x" } },
      {
        Catch: [{ ErrorEquals: ["EntityResolution.ValidationException"], ResultPath: "$.error", Next: "Told" }],
        End: true,
      },
    ),
    Told: { Type: "Pass", Parameters: { "records.$": "$.done.records", "cause.$": "$.error.Cause" }, End: true },
  };
  const { id } = await lake.add("aws:sfn/stateMachine:StateMachine", "match", {
    name: "match",
    roleArn: "arn:aws:iam::000000000000:role/machine",
    definition: JSON.stringify({ StartAt: "Start", States: states }),
  });
  const { executionArn } = await lake.kernel.call<{ executionArn: string }>("sfn", "StartExecution", {
    stateMachineArn: id,
  });
  const describe = () =>
    lake.kernel.call<{ status: string; output?: string }>("sfn", "DescribeExecution", { executionArn });
  await until("the execution has ended", async () => (await describe()).status !== "RUNNING");
  const { status, output: told = "{}" } = await describe();
  expect({ status, ...(JSON.parse(told) as object) }).toMatchObject({
    status: "SUCCEEDED",
    records: 4,
    // The names of columns are the user's own, whatever the case of the API's.
    cause: expect.stringContaining("people has no Mail"),
  });
});

test("after a restart a job that was cut short has failed, and ids are still there", async () => {
  await people(bridge);
  await workflow("kept", simple("email"));
  const rows = await output(await run("kept"));
  const { store } = lake.kernel;
  const cut = { id: "0".repeat(32), workflowName: "kept", status: "RUNNING", startedAt: 1 };
  await store.write(() => store.table("entityresolution.jobs").put(["kept", cut.id], cut));
  await endpoint.close();
  await lake.reopen();
  endpoint = await serveAwsEndpoint(lake.kernel);
  const call = (operation: string, input: object) => lake.kernel.call("entityresolution", operation, input);
  expect(await call("GetMatchId", { workflowName: "kept", record: { email: "cid@x.com" } })).toEqual({
    matchId: rows.find(({ RecordId }) => RecordId === "d")?.MatchID,
    matchRule: "Rule 1",
  });
  await call("StartMatchingJob", { workflowName: "kept" });
  expect(await call("GetMatchingJob", { workflowName: "kept", jobId: cut.id })).toMatchObject({
    status: "FAILED",
    errorDetails: { errorMessage: expect.stringContaining("start it again") },
  });
  await lake.kernel.quiesce();
});
