import { readFileSync } from "node:fs";
import { join } from "node:path";
import { callbackText } from "@tributary/core";
import { LocalRuntime } from "@tributary/local";
import { Crm } from "../../../packages/ingestion/test/fixtures/crm/server";
import { dataFolder } from "./support/command";

/** AppFlow on the local platform, deployed by the program of docs/sources/appflow.md: a CRM's contacts become events. */

const data = dataFolder();
const crm = new Crm();
const warnings: string[] = [];
const notes: string[] = [];
let runtime: LocalRuntime;
let outputs: Record<string, string>;
const program = () => ({
  programDir: join(__dirname, "fixtures", "saas"),
  config: { "saas:crmUrl": crm.url, "saas:crmKey": crm.apiKey },
});
const open = () =>
  LocalRuntime.open({
    dataDir: data.path,
    log: { debug() {}, info: (line) => void notes.push(line), warn: (line) => void warnings.push(line) },
  });

beforeAll(async () => {
  await crm.start();
  runtime = await open();
  await runtime.up(program());
  outputs = (await runtime.status()).outputs as Record<string, string>;
}, 120_000);
afterAll(async () => {
  await runtime?.close();
  await crm.stop();
  data.remove();
});

interface Run {
  readonly executionId: string;
  readonly executionStatus: string;
  readonly executionResult: {
    readonly recordsProcessed: number;
    readonly errorInfo?: { readonly executionMessage: string };
  };
}
const start = (flowName: string | undefined) =>
  runtime.call<{ flowStatus: string; executionId?: string }>("appflow", "StartFlow", { flowName });
const runs = async (flowName: string | undefined) =>
  (await runtime.call<{ flowExecutions: Run[] }>("appflow", "DescribeFlowExecutionRecords", { flowName }))
    .flowExecutions;
const keys = async (Bucket: string | undefined, Prefix: string) =>
  (
    (await runtime.call<{ Contents?: { Key: string }[] }>("s3", "ListObjectsV2", { Bucket, Prefix })).Contents ?? []
  ).map(({ Key }) => Key);
const events = async () => {
  const { Items = [] } = await runtime.call<{ Items?: { event: { S: string } }[] }>("dynamodb", "Scan", {
    TableName: outputs.eventsTable,
  });
  return Items.map(({ event }) => JSON.parse(event.S) as { userId: string; traits: { email?: string }; type: string });
};

const recently = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

test("a flow is a draft until it is started; then contacts land, are kept, and become events", async () => {
  expect(await runtime.call("appflow", "DescribeFlow", { flowName: outputs.contactsFlow })).toMatchObject({
    flowStatus: "Draft",
  });
  crm.add(250, (index) => ({ updated_at: recently(index % 20) }));
  crm.add(1, () => ({ email: "old@example.com", updated_at: recently(400) }));
  crm.refusals.push(undefined, { status: 429, retryAfter: "1" });
  expect(await start(outputs.contactsFlow)).toMatchObject({ flowStatus: "Active" });
  await runtime.quiesce();
  expect(await runs(outputs.contactsFlow)).toEqual([expect.objectContaining({ executionStatus: "Successful" })]);
  const [run] = await runs(outputs.contactsFlow);
  expect(run?.executionResult.recordsProcessed).toBe(250);
  const raw = await keys(outputs.rawBucket, "files/source=crm/");
  expect(raw).toEqual([expect.stringMatching(new RegExp(`/contacts/${outputs.contactsFlow}/${run?.executionId}/`))]);
  const found = await events();
  expect(new Set(found.map(({ userId }) => userId)).size).toBe(250);
  expect(found[0]).toMatchObject({ type: "identify", traits: { email: expect.stringMatching(/^c\d+@example.com$/) } });
}, 60_000);

test("the next run pulls what changed since, and nothing twice", async () => {
  crm.calls.length = 0;
  await runtime.call("appflow", "StopFlow", { flowName: outputs.contactsFlow });
  const [first] = [...crm.contacts.values()];
  if (!first) throw new Error("the CRM is empty");
  crm.contacts.set(first.id, { ...first, email: "changed@example.com", updated_at: new Date().toISOString() });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await start(outputs.contactsFlow);
  await runtime.quiesce();
  const [last] = await runs(outputs.contactsFlow);
  expect(last).toMatchObject({ executionStatus: "Successful", executionResult: { recordsProcessed: 1 } });
  expect((await events()).filter(({ traits }) => traits.email === "changed@example.com")).toHaveLength(1);
}, 60_000);

test("a run that fails says why, is announced, and the next makes up for it", async () => {
  const before = (await events()).length;
  crm.add(3, () => ({ updated_at: new Date().toISOString() }));
  await runtime.call("appflow", "StopFlow", { flowName: outputs.contactsFlow });
  crm.refusals.push({ status: 403 });
  await start(outputs.contactsFlow);
  await runtime.quiesce();
  expect((await runs(outputs.contactsFlow))[0]).toMatchObject({
    executionStatus: "Error",
    executionResult: { errorInfo: { executionMessage: "AccessDenied: GET /v1/contacts: status 403" } },
  });
  await runtime.call("appflow", "StopFlow", { flowName: outputs.contactsFlow });
  await start(outputs.contactsFlow);
  await runtime.quiesce();
  expect((await runs(outputs.contactsFlow))[0]).toMatchObject({
    executionStatus: "Successful",
    executionResult: { recordsProcessed: 3 },
  });
  expect((await events()).length).toBe(before + 3);
}, 60_000);

test("an entity without a mapping is kept and can be read by SQL", async () => {
  crm.deals.push(
    ...Array.from({ length: 120 }, (_, number) => ({ number, amount: number / 2, closedAt: recently(1) })),
  );
  await start(outputs.dealsFlow);
  await runtime.quiesce();
  const { rows } = await runtime.query("select count(*) n, sum(amount) total from raw.files_crm_deals");
  expect(rows).toEqual([[120, 3570]]);
}, 60_000);

test("Salesforce is recorded and says so", async () => {
  await expect(start(outputs.salesFlow)).rejects.toThrow(/NotSupportedLocally: a flow from Salesforce/);
  // The same by HTTP, as an SDK or the AWS CLI calls it.
  const response = await fetch(`${runtime.kernel.awsEndpoint}/start-flow`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization:
        "AWS4-HMAC-SHA256 Credential=local/20261101/us-east-1/appflow/aws4_request, SignedHeaders=host, Signature=0",
    },
    body: JSON.stringify({ flowName: outputs.salesFlow }),
  });
  expect([response.status, response.headers.get("x-amzn-errortype")]).toEqual([501, "NotSupportedLocally"]);
  expect(notes.join("\n")).toMatch(/a flow from Salesforce is recorded; it cannot run here/);
});

test("after a restart flows go on where they were; wrong credentials are refused at deployment", async () => {
  await runtime.close();
  runtime = await open();
  const [last] = await runs(outputs.contactsFlow);
  expect(last?.executionStatus).toBe("Successful");
  expect(await runtime.call("appflow", "DescribeFlow", { flowName: outputs.contactsFlow })).toMatchObject({
    flowStatus: "Active",
  });
  const { config, ...rest } = program();
  await expect(runtime.up({ ...rest, config: { ...config, "saas:crmKey": "wrong" } })).rejects.toThrow(
    /InvalidCredentials: GET \/v1\/me: status 401/,
  );
}, 120_000);

test("the page shows this program", () => {
  const page = readFileSync(join(__dirname, "../../../docs/sources/appflow.md"), "utf8").replace(/\s+/g, " ");
  const program = join(__dirname, "fixtures", "saas");
  const shown = (file: string, from: string, to: string) => {
    const text = readFileSync(join(program, file), "utf8");
    return text.slice(text.indexOf(from), text.indexOf(to, text.indexOf(from)) + to.length).replace(/\s+/g, " ");
  };
  expect(page).toContain(shown("crm.ts", "export const crm", "\n});"));
  expect(page).toContain(shown("index.ts", "const ingestion", "\n});"));
});

test("given as a module, the connector is bundled without Pulumi", async () => {
  const text = await callbackText("connector", { module: join(__dirname, "fixtures", "saas", "crm.ts") });
  expect(text.length).toBeLessThan(50_000);
  const loaded: { exports?: () => { name: string } } = {};
  new Function("module", "require", text)(loaded, require);
  expect(loaded.exports?.().name).toBe("acme-crm");
});
