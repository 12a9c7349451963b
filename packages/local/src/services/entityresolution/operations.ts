import { type MatchRecord, matchOne, recordReader } from "@tributary/model";
import { z } from "zod";
import { AwsError, type Kernel } from "../../kernel";
import { type Operation, operation } from "../support";
import { keepsIndex, type SchemaMapping, semanticsOf, type Workflow } from "./definitions";
import { deleteUniqueIds } from "./delete-ids";
import { type JobRow, jobsOf } from "./jobs";
import { asMatchRecord, type IndexedRecord, indexOf, recordKey } from "./match-index";
import { registryOf } from "./registry";
import { asItStands, newMatchId, normalise } from "./run-job";

const attributeMap = z.record(z.string(), z.string().max(255));

/** The API of Entity Resolution, as far as rule-based matching goes. */
export function entityResolutionOperations(kernel: Kernel): Record<string, Operation> {
  const registry = registryOf(kernel);
  const jobs = jobsOf(kernel);
  const on = (action: string) => (input: { workflowName: string }) => [
    { action: `entityresolution:${action}`, resource: registry.workflowArn(input.workflowName) },
  ];
  const workflowName = z.string().min(1).max(255);
  const page = { maxResults: z.number().int().min(1).optional(), nextToken: z.string().optional() };
  return {
    StartMatchingJob: operation(z.strictObject({ workflowName }), on("StartMatchingJob"), async (input) => ({
      jobId: (await jobs.start(input.workflowName)).id,
    })),
    GetMatchingJob: operation(
      z.strictObject({ workflowName, jobId: z.string().min(1) }),
      on("GetMatchingJob"),
      (input) => {
        const workflow = registry.requireWorkflow(input.workflowName);
        return describeJob(workflow, jobs.get(input.workflowName, input.jobId));
      },
    ),
    ListMatchingJobs: operation(z.strictObject({ workflowName, ...page }), on("ListMatchingJobs"), (input) => {
      registry.requireWorkflow(input.workflowName);
      const { maxResults = 25, nextToken = "0" } = input;
      const all = jobs.list(input.workflowName);
      const end = Number(nextToken) + maxResults;
      return {
        jobs: all.slice(Number(nextToken), end).map(({ id, status, startedAt, endedAt }) => ({
          jobId: id,
          status,
          startTime: new Date(startedAt),
          ...(endedAt !== undefined && { endTime: new Date(endedAt) }),
        })),
        ...(end < all.length && { nextToken: String(end) }),
      };
    }),
    GetMatchingWorkflow: operation(z.strictObject({ workflowName }), on("GetMatchingWorkflow"), (input) =>
      describeWorkflow(registry.requireWorkflow(input.workflowName)),
    ),
    GetSchemaMapping: operation(
      z.strictObject({ schemaName: z.string().min(1) }),
      ({ schemaName }) => [{ action: "entityresolution:GetSchemaMapping", resource: registry.schemaArn(schemaName) }],
      ({ schemaName }) => {
        const schema = registry.requireSchema(schemaName);
        const users = [...registry.workflows.values()].flatMap((workflow) => workflow.inputSourceConfig);
        return describeSchema(
          schema,
          users.some(({ schemaArn }) => schemaArn === schema.arn),
        );
      },
    ),
    GetMatchId: operation(
      z.strictObject({ workflowName, record: attributeMap, applyNormalization: z.boolean().optional() }),
      on("GetMatchId"),
      (input) => {
        const workflow = withIndex(registry.requireWorkflow(input.workflowName));
        const source = workflow.inputSourceConfig[0];
        const schema = registry.requireSchema(source?.schemaArn ?? "");
        const record = readOne(schema, input.record, input.applyNormalization ?? source?.applyNormalization === true);
        const found = lookUp(kernel, workflow, record);
        return found ? { matchId: found.matchId, matchRule: found.rule } : {};
      },
    ),
    GenerateMatchId: operation(
      z.strictObject({
        workflowName,
        records: z
          .array(
            z.strictObject({
              inputSourceARN: z.string(),
              uniqueId: z.string().regex(/^[a-zA-Z0-9_-]{1,38}$/),
              recordAttributeMap: attributeMap,
            }),
          )
          .length(1),
        processingType: z.enum(["CONSISTENT", "EVENTUAL", "EVENTUAL_NO_LOOKUP"]).optional(),
      }),
      on("GenerateMatchId"),
      async (input) => {
        const workflow = withIndex(registry.requireWorkflow(input.workflowName));
        const [given] = input.records;
        if (workflow.resolutionTechniques.enableRealTimeMatching !== true) {
          const message = `Workflow ${workflow.workflowName} does not match in real time: set resolutionTechniques.enableRealTimeMatching.`;
          throw new AwsError("ValidationException", message);
        }
        if (workflow.resolutionTechniques.ruleConditionProperties && input.processingType !== undefined) {
          throw new AwsError("ValidationException", "Workflows of Advanced rules take no processingType.");
        }
        if (!given) return { matchGroups: [], failedRecords: [] };
        const { inputSourceARN, uniqueId } = given;
        const source = workflow.inputSourceConfig.find(({ inputSourceArn }) => inputSourceArn === inputSourceARN);
        if (!source) {
          const errorMessage = `${inputSourceARN} is no input of workflow ${workflow.workflowName}`;
          return { matchGroups: [], failedRecords: [{ inputSourceARN, uniqueId, errorMessage }] };
        }
        const id = recordKey(inputSourceARN, uniqueId);
        const schema = registry.requireSchema(source.schemaArn);
        const record = { ...readOne(schema, given.recordAttributeMap, source.applyNormalization === true), id };
        const found = input.processingType === "EVENTUAL_NO_LOOKUP" ? undefined : lookUp(kernel, workflow, record);
        const { matchId, rule, members } = found ?? {
          matchId: newMatchId(`real time ${kernel.now()}`, id),
          rule: "",
          members: [],
        };
        const kept: IndexedRecord = { sourceArn: inputSourceARN, uniqueId, matchId, rule, keys: record.keys, hash: "" };
        await indexOf(kernel).change(workflow.workflowName, [kept]);
        const records = [{ inputSourceARN, recordId: uniqueId }, ...members];
        return { matchGroups: [{ matchId, matchRule: rule, records }], failedRecords: [] };
      },
    ),
    BatchDeleteUniqueId: operation(
      z.strictObject({
        workflowName,
        uniqueIds: z.array(z.string()).min(1),
        inputSource: z.string().optional(),
      }),
      on("BatchDeleteUniqueId"),
      async (input) => {
        const workflow = registry.requireWorkflow(input.workflowName);
        return await deleteUniqueIds(kernel, workflow, input.uniqueIds, input.inputSource);
      },
    ),
  };
}

/** "Nothing is stored" where Advanced rules run on demand. Source: user guide, find-match-id. */
function withIndex(workflow: Workflow): Workflow {
  if (semanticsOf(workflow) && keepsIndex(workflow)) return workflow;
  throw new AwsError(
    "ValidationException",
    `Workflow ${workflow.workflowName} keeps no match ids to look up: it is not rule-based, or has Advanced rules that run on demand (set incrementalRunConfig).`,
  );
}

function readOne(schema: SchemaMapping, given: Record<string, string>, normalised: boolean): MatchRecord {
  const fields = schema.mappedInputFields.map(({ fieldName, type, groupName, matchKey, hashed }) => ({
    column: fieldName,
    type,
    group: groupName,
    matchKey,
    hashed,
  }));
  const unknown = Object.keys(given).filter((name) => !fields.some(({ column }) => column === name));
  if (unknown.length > 0) {
    const names = fields.map(({ column }) => column).join(", ");
    throw new AwsError(
      "ValidationException",
      `schema mapping ${schema.schemaName} has no ${unknown.join(", ")}; it has ${names}`,
    );
  }
  return recordReader(fields, normalised ? normalise : asItStands)("", (column) => given[column] ?? "");
}

/** The group of the first rule that finds any: of several groups that of the smallest match id. */
function lookUp(kernel: Kernel, workflow: Workflow, record: MatchRecord) {
  const semantics = semanticsOf(workflow);
  if (!semantics) return undefined;
  const all = new Map<string, IndexedRecord>();
  for (const entry of indexOf(kernel).all(workflow.workflowName)) {
    all.set(recordKey(entry.sourceArn, entry.uniqueId), entry);
  }
  // A record that is sent again is not its own match.
  all.delete(record.id);
  const found = matchOne(record, [...all.values()].map(asMatchRecord), semantics);
  const matchId = found?.ids.flatMap((id) => all.get(id)?.matchId ?? []).sort()[0];
  if (!found || matchId === undefined) return undefined;
  const members = [...all.values()]
    .filter((entry) => entry.matchId === matchId)
    .map(({ sourceArn, uniqueId }) => ({ inputSourceARN: sourceArn, recordId: uniqueId }));
  return { matchId, rule: found.rule, members };
}

function describeJob(workflow: Workflow, job: JobRow): Record<string, unknown> {
  const { id, status, startedAt, endedAt, metrics, errorMessage } = job;
  const [target] = workflow.outputSourceConfig;
  return {
    jobId: id,
    status,
    startTime: new Date(startedAt),
    ...(endedAt !== undefined && { endTime: new Date(endedAt) }),
    ...(metrics && { metrics }),
    ...(errorMessage !== undefined && { errorDetails: { errorMessage } }),
    outputSourceConfig: [
      {
        roleArn: workflow.roleArn,
        outputS3Path: target?.outputS3Path,
        ...(target?.kmsArn !== undefined && { KMSArn: target.kmsArn }),
      },
    ],
  };
}

function describeWorkflow(workflow: Workflow): Record<string, unknown> {
  return {
    workflowName: workflow.workflowName,
    workflowArn: workflow.arn,
    ...(workflow.description !== undefined && { description: workflow.description }),
    inputSourceConfig: workflow.inputSourceConfig.map(({ inputSourceArn, schemaArn, applyNormalization }) => ({
      inputSourceARN: inputSourceArn,
      schemaName: schemaArn.split("/").at(-1),
      ...(applyNormalization !== undefined && { applyNormalization }),
    })),
    outputSourceConfig: workflow.outputSourceConfig.map(({ kmsArn, ...rest }) => ({
      ...rest,
      ...(kmsArn !== undefined && { KMSArn: kmsArn }),
    })),
    resolutionTechniques: workflow.resolutionTechniques,
    ...(workflow.incrementalRunConfig && { incrementalRunConfig: workflow.incrementalRunConfig }),
    roleArn: workflow.roleArn,
    createdAt: new Date(workflow.createdAt),
    updatedAt: new Date(workflow.createdAt),
    tags: workflow.tags,
  };
}

function describeSchema(schema: SchemaMapping, hasWorkflows: boolean): Record<string, unknown> {
  return {
    schemaName: schema.schemaName,
    schemaArn: schema.arn,
    ...(schema.description !== undefined && { description: schema.description }),
    mappedInputFields: schema.mappedInputFields,
    createdAt: new Date(schema.createdAt),
    updatedAt: new Date(schema.createdAt),
    tags: schema.tags,
    hasWorkflows,
  };
}
