import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { finished as ended } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsError, type Kernel } from "../../kernel";
import { LakeEngine, parquetOptions, quoteText } from "../duckdb";
import { assertServiceMay } from "../iam";
import { putLocalFile } from "../s3";
import { type ConnectorAnswer, connectorsOf } from "./connectors";
import { filterOf, mapped, selectedFields } from "./definition";
import type { Flow, FlowRun, Flows } from "./flows";
import { profilesOf } from "./profiles";

const pageSize = 1_000;
/** The first run of an incremental flow pulls what changed in the last 30 days, as on AWS. */
const firstPullMs = 30 * 86_400_000;
/** Codes that AppFlow asks again after. */
const passing = new Set(["RateLimitExceeded", "ServiceUnavailable", "RequestTimeout", "ServerError"]);
const tries = 3;
/** Waits are shortened, as those of Step Functions are. */
const longestWaitMs = 2_000;

/** Starts a run once the one before has ended. `finished` never rejects: how a run ended stands in its record. */
export async function runFlow(
  kernel: Kernel,
  flows: Flows,
  flow: Flow,
  before: Promise<void> | undefined,
): Promise<{ executionId: string; finished: Promise<void> }> {
  const run: FlowRun = {
    flowName: flow.name,
    executionId: randomUUID(),
    status: "InProgress",
    startedAt: kernel.now(),
    records: 0,
    bytes: 0,
  };
  const save = (row: FlowRun) => kernel.store.write(() => flows.runs.put([row.flowName, row.executionId], row));
  await save(run);
  const work = async () => {
    await before;
    try {
      const { records, bytes, upTo } = await transfer(kernel, flows, flow, run.executionId);
      if (upTo !== undefined) await flows.change(flow.name, { pulledUpTo: upTo });
      await save({ ...run, status: "Successful", endedAt: kernel.now(), records, bytes });
      await announce(kernel, flow, run, "Execution Successful", records);
    } catch (error) {
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      kernel.log.warn(`appflow: run ${run.executionId} of ${flow.name} failed: ${message}`);
      await save({ ...run, status: "Error", endedAt: kernel.now(), message });
      await announce(kernel, flow, run, "Execution Failed", 0);
    }
  };
  return { executionId: run.executionId, finished: work() };
}

interface Transferred {
  readonly records: number;
  readonly bytes: number;
  readonly upTo?: number;
}

/** Asks the connector for page after page, and writes what it gave as one object. */
async function transfer(kernel: Kernel, flows: Flows, flow: Flow, executionId: string): Promise<Transferred> {
  const { sourceFlowConfig, triggerConfig } = flow.definition;
  const profile = profilesOf(kernel).get(sourceFlowConfig.connectorProfileName ?? "");
  if (!profile)
    throw new AwsError("ResourceNotFoundException", `there is no connection ${sourceFlowConfig.connectorProfileName}`, {
      status: 404,
    });
  const connector = connectorsOf(kernel).require(profile.label);
  const entityIdentifier = sourceFlowConfig.sourceConnectorProperties.customConnector?.entityName ?? "";
  const ask = (type: string, request: object) => patiently(() => connectorsOf(kernel).ask(connector, type, request));
  const context = {
    credentials: { secretArn: profile.secretArn, authenticationType: profile.authenticationType },
    apiVersion: sourceFlowConfig.apiVersion ?? null,
    connectorRuntimeSettings: profile.settings,
  };
  const described = await ask("DescribeEntity", { entityIdentifier, connectorContext: context });
  const entityDefinition = described.entityDefinition as { fields?: { fieldName?: unknown }[] } | undefined;
  const names = (entityDefinition?.fields ?? []).map(({ fieldName }) => String(fieldName));
  const scheduled = triggerConfig.triggerProperties?.scheduled;
  const window =
    scheduled?.dataPullMode === "Incremental" ? windowOf(kernel, flows, flow, scheduled.firstExecutionFrom) : undefined;
  const field = sourceFlowConfig.incrementalPullConfig?.datetimeTypeFieldName;
  const conditions = [
    ...(window && field
      ? [`${field} >= ${new Date(window.from).toISOString()} and ${field} < ${new Date(window.upTo).toISOString()}`]
      : []),
    ...[filterOf(flow.definition)].filter((each) => each !== undefined),
  ];
  const spool = join(kernel.folder("tmp", "appflow"), executionId);
  const file = createWriteStream(spool);
  let records = 0;
  let bytes = 0;
  try {
    let nextToken: unknown = null;
    do {
      const page: ConnectorAnswer = await ask("QueryData", {
        entityIdentifier,
        connectorContext: { ...context, entityDefinition },
        selectedFieldNames: selectedFields(flow.definition, names),
        filterExpression: conditions.length === 0 ? null : conditions.join(" and "),
        nextToken,
        maxResults: pageSize,
      });
      for (const text of (page.records ?? []) as string[]) {
        const line = `${mapped(flow.definition, text)}\n`;
        records += 1;
        bytes += Buffer.byteLength(line);
        if (!file.write(line)) await new Promise<void>((resolve) => file.once("drain", () => resolve()));
      }
      nextToken = page.nextToken ?? null;
    } while (nextToken !== null);
    file.end();
    await ended(file);
    if (records > 0) await deliverFile(kernel, flow, executionId, spool);
  } finally {
    file.destroy();
    await rm(spool, { force: true });
  }
  return { records, bytes, ...(window ? { upTo: window.upTo } : {}) };
}

function windowOf(
  kernel: Kernel,
  flows: Flows,
  flow: Flow,
  firstFrom: string | null | undefined,
): { from: number; upTo: number } {
  const upTo = kernel.now();
  const { pulledUpTo } = flows.stateOf(flow.name);
  return { from: pulledUpTo ?? (firstFrom ? Date.parse(firstFrom) : upTo - firstPullMs), upTo };
}

/** Asks again after a refusal that passes. @throws AwsError with the connector's own code and message */
async function patiently(ask: () => Promise<ConnectorAnswer>): Promise<ConnectorAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask();
    if (answer.isSuccess) return answer;
    const {
      errorCode = "UnknownError",
      errorMessage = "no reason given",
      retryAfterSeconds,
    } = answer.errorDetails ?? {};
    if (attempt === tries || !passing.has(errorCode)) throw new AwsError(errorCode, errorMessage);
    await sleep(Math.min(longestWaitMs, (retryAfterSeconds ?? 2 ** attempt) * 1_000));
  }
}

/** `<prefix>/<flow>/<execution id>/<name>`: AppFlow gives its files names without endings. */
async function deliverFile(kernel: Kernel, flow: Flow, executionId: string, spool: string): Promise<void> {
  for (const { destinationConnectorProperties } of flow.definition.destinationFlowConfigs) {
    const target = destinationConnectorProperties.s3;
    if (!target) continue;
    const { fileType, prefixConfig } = target.s3OutputFormatConfig ?? {};
    const folders = [
      ...(target.bucketPrefix ? [target.bucketPrefix.replace(/\/$/, "")] : []),
      flow.name,
      ...(prefixConfig?.prefixHierarchies?.includes("EXECUTION_ID") ? [executionId] : []),
    ];
    const key = `${folders.join("/")}/${kernel.now()}-${randomUUID()}`;
    const by = { service: "appflow.amazonaws.com", sourceArn: flow.arn };
    assertServiceMay(kernel, by, "s3:PutObject", `arn:aws:s3:::${target.bucketName}/${key}`);
    const path = `${spool}-${randomUUID()}`;
    if (fileType === "PARQUET") {
      const source = `read_json(${quoteText(spool)}, format = 'newline_delimited', sample_size = -1)`;
      await LakeEngine.of(kernel).with("duckdb", (session) =>
        session.run(`COPY (SELECT * FROM ${source}) TO ${quoteText(path)} (${parquetOptions()})`),
      );
    } else await copyFile(spool, path);
    await putLocalFile(kernel, target.bucketName, key, path);
  }
}

async function announce(kernel: Kernel, flow: Flow, run: FlowRun, status: string, records: number): Promise<void> {
  const { sourceFlowConfig, triggerConfig } = flow.definition;
  const detail = {
    "flow-name": flow.name,
    source: sourceFlowConfig.connectorType.toUpperCase(),
    destination: "AMAZON_S3",
    "source-object": sourceFlowConfig.sourceConnectorProperties.customConnector?.entityName,
    "trigger-type": triggerConfig.triggerType.toUpperCase(),
    "num-of-records-processed": String(records),
    "execution-id": run.executionId,
    status,
    time: new Date(kernel.now()).toISOString(),
  };
  const event = { source: "aws.appflow", "detail-type": "AppFlow End Flow Run Report", resources: [flow.arn], detail };
  await kernel.call("eventbridge", "PutServiceEvent", { EventBusName: "default", Event: event });
}
