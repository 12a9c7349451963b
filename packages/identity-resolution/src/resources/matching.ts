import { join } from "node:path";
import * as iam from "@pulumi/aws/iam";
import type * as sfn from "@pulumi/aws/sfn";
import type * as pulumi from "@pulumi/pulumi";
import {
  type FoundationRef,
  type GlueTableRef,
  grantBucketRead,
  grantBucketWrite,
  grantTableWrite,
  handlerBundle,
  LambdaFunction,
  type Place,
  policyDocument,
  type Statement,
  scheduleStateMachine,
  standardStateMachine,
  type TableRef,
  tagsFor,
} from "@tributary/core";
import type { IdentityRules } from "@tributary/model";
import type { MatchingArgs } from "../matching/args";
import { matchingDefaults as defaults, linkQuarantinePrefix } from "../matching/defaults";
import type { MatchGroupsEnv, MatchLockEnv } from "../matching/env";
import type { ResolvedMatching } from "../matching/normalize";
import { type EntityResolution, makeEntityResolution } from "./entity-resolution";
import { forgetDefinition, matchingDefinition } from "./matching-states";
import type { MatchingParts } from "./state-parts";

export interface MatchingContext {
  readonly foundation: FoundationRef;
  readonly place: Place;
  readonly module: string;
  readonly graph: TableRef;
  /** Which identifiers there are, and what is none. */
  readonly rules: IdentityRules;
  /** The function that puts an object of links into the graph. */
  readonly importer: LambdaFunction;
}

export interface Matching extends EntityResolution {
  /** Matches, and imports what was found. */
  readonly pipeline: sfn.StateMachine;
  /** Has Entity Resolution forget records. */
  readonly forget: sfn.StateMachine;
  readonly lock: LambdaFunction;
  readonly groups: LambdaFunction;
}

/** Matching by Entity Resolution: its resources, the functions around it, and the state machine that runs it. */
export function makeMatching(
  name: string,
  args: MatchingArgs & { readonly input: GlueTableRef },
  resolved: ResolvedMatching,
  context: MatchingContext,
  opts: pulumi.CustomResourceOptions,
): Matching {
  const { foundation, place, module, importer } = context;
  const tags = tagsFor(foundation, module, "personal");
  const resolution = makeEntityResolution(name, args, resolved, { foundation, place, tags }, opts);
  const lock = makeLock(`${name}-lock`, context, resolved, opts);
  const groups = makeGroups(`${name}-groups`, name, args, resolved, resolution, context, opts);
  grantBucketRead(importer, args.output, defaults.evidencePrefix);
  grantBucketWrite(importer, args.output, linkQuarantinePrefix);
  const parts: MatchingParts = {
    partition: place.partition,
    workflow: resolution.workflow.workflowName,
    ...(resolution.profilesWorkflow ? { profilesWorkflow: resolution.profilesWorkflow.workflowName } : {}),
    lockArn: lock.arn,
    groupsArn: groups.arn,
    importerArn: importer.arn,
    topicArn: foundation.alarmTopicArn,
    complete: !resolved.incremental,
    timeoutMinutes: resolved.timeoutMinutes,
  };
  const common: readonly Statement[] = [
    { sid: "Notify", actions: ["sns:Publish"], resources: [foundation.alarmTopicArn] },
    { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
  ];
  const workflows = [resolution.workflow, ...(resolution.profilesWorkflow ? [resolution.profilesWorkflow] : [])];
  const pipeline = standardStateMachine(
    name,
    {
      foundation,
      module,
      tags,
      definition: matchingDefinition(parts),
      statements: [
        {
          sid: "Match",
          actions: ["entityresolution:StartMatchingJob", "entityresolution:GetMatchingJob"],
          resources: workflows.map(({ workflowArn }) => workflowArn),
        },
        { sid: "Functions", actions: ["lambda:InvokeFunction"], resources: [lock.arn, groups.arn, importer.arn] },
        ...common,
      ],
      failure: "the links that matching found before stay as they are.",
    },
    opts,
  );
  mayLookAtItself(name, pipeline, opts);
  if (resolved.schedule !== undefined) {
    scheduleStateMachine(
      `${name}-schedule`,
      { foundation, machine: pipeline, schedule: resolved.schedule, input: '{"run":"<aws.scheduler.scheduled-time>"}' },
      opts,
    );
  }
  const forget = standardStateMachine(
    `${name}-forget`,
    {
      foundation,
      module,
      tags,
      definition: forgetDefinition(parts),
      statements: [
        {
          sid: "Forget",
          actions: ["entityresolution:BatchDeleteUniqueId"],
          resources: [resolution.workflow.workflowArn],
        },
        ...common,
      ],
      failure: "Entity Resolution still knows records that it should have forgotten.",
    },
    opts,
  );
  return { ...resolution, pipeline, forget, lock, groups };
}

/** An execution asks whether the holder of the lock still runs: its own policy cannot be there before its machine is. */
function mayLookAtItself(name: string, machine: sfn.StateMachine, opts: pulumi.CustomResourceOptions): void {
  const executions = machine.arn.apply((arn) => `${arn.replace(":stateMachine:", ":execution:")}:*`);
  new iam.RolePolicy(
    `${name}-look-at-holder`,
    {
      role: machine.roleArn.apply((arn) => arn.slice(arn.lastIndexOf("/") + 1)),
      policy: policyDocument([{ actions: ["states:DescribeExecution"], resources: [executions] }]),
    },
    opts,
  );
}

/** A function, since a table in a network refuses the state machine's own calls. */
function makeLock(
  name: string,
  { foundation, graph }: MatchingContext,
  { timeoutMinutes }: ResolvedMatching,
  opts: pulumi.CustomResourceOptions,
): LambdaFunction {
  // As long as everything that an execution does under the lock may take.
  const holdMinutes = defaults.startMinutes + 2 * timeoutMinutes + 120;
  const lock = new LambdaFunction(
    name,
    {
      foundation,
      bundle: handlerBundle(join(__dirname, ".."), "match-lock"),
      calls: ["dynamodb"],
      description: "Lets one matching job run at a time.",
      environment: {
        GRAPH_TABLE: graph.name,
        HOLD_SECONDS: String(holdMinutes * 60),
        WAIT_SECONDS: String(defaults.waitMinutes * 60),
      } satisfies Record<keyof MatchLockEnv, unknown>,
      memoryMb: 256,
    },
    opts,
  );
  grantTableWrite(lock, graph);
  return lock;
}

function makeGroups(
  name: string,
  job: string,
  { output }: MatchingArgs,
  { rules }: ResolvedMatching,
  { workflow }: EntityResolution,
  { foundation, rules: identityRules }: MatchingContext,
  opts: pulumi.CustomResourceOptions,
): LambdaFunction {
  const groups = new LambdaFunction(
    name,
    {
      foundation,
      bundle: handlerBundle(join(__dirname, ".."), "match-groups"),
      calls: ["s3"],
      description: "Turns the groups of a matching job into links.",
      environment: {
        BUCKET: output.name,
        OUTPUT_PREFIX: defaults.outputPrefix,
        EVIDENCE_PREFIX: defaults.evidencePrefix,
        WORKFLOW: workflow.workflowName,
        JOB: `aws-er/${job}`,
      } satisfies Record<keyof MatchGroupsEnv, unknown>,
      config: { maxSize: rules.constraints.maxSize, rules: identityRules },
      memoryMb: defaults.groupsMemoryMb,
      timeoutSeconds: 900,
    },
    opts,
  );
  grantBucketRead(groups, output, defaults.outputPrefix);
  grantBucketWrite(groups, output, defaults.evidencePrefix);
  return groups;
}
