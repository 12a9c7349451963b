import * as pulumi from "@pulumi/pulumi";
import {
  type FoundationRef,
  type GlueTableRef,
  grantStatements,
  type Place,
  ServiceRole,
  type Statement,
} from "@tributary/core";
import { canonicalJson, shortHash } from "@tributary/model";
import type { MatchingArgs } from "../matching/args";
import { matchingDefaults as defaults } from "../matching/defaults";
import {
  type EntityResolutionModule,
  installation,
  loadEntityResolution,
  type NativeTechnique,
} from "../matching/native";
import { carriedColumns, type ResolvedMatching } from "../matching/normalize";

export interface EntityResolutionContext {
  readonly foundation: FoundationRef;
  readonly place: Place;
  readonly tags: Readonly<Record<string, string>>;
}

/** What Entity Resolution has of ours: the workflow whose groups we read, and where asked for one for Customer Profiles. */
export interface EntityResolution {
  readonly schema: InstanceType<EntityResolutionModule["SchemaMapping"]>;
  readonly workflow: InstanceType<EntityResolutionModule["MatchingWorkflow"]>;
  readonly profilesWorkflow?: InstanceType<EntityResolutionModule["MatchingWorkflow"]>;
}

/** Physical names are decided here, so that a change which Entity Resolution takes for no update makes a new thing first. */
function physicalName(name: string): string {
  return `${pulumi.getProject()}-${pulumi.getStack()}-${name}`.replace(/[^\w-]/g, "-").slice(0, 200);
}

/** The type of rules and transitive matching are fixed when a workflow is created: another kind is another workflow. */
function kindOf({ plan: { technique } }: ResolvedMatching): string {
  if (technique.resolutionType === "ML_MATCHING") return "ml";
  if ("ruleBasedProperties" in technique) return "simple";
  return technique.ruleConditionProperties.matchingConfig === undefined ? "advanced" : "transitive";
}

/** The schema mapping, the role and the workflow of a rule set. */
export function makeEntityResolution(
  name: string,
  args: MatchingArgs & { readonly input: GlueTableRef },
  resolved: ResolvedMatching,
  context: EntityResolutionContext,
  opts: pulumi.CustomResourceOptions,
): EntityResolution {
  const native = loadEntityResolution();
  if (native === undefined) throw new Error(`@pulumi/aws-native is not installed: ${installation}`);
  const { plan, uniqueId } = resolved;
  const tags = Object.entries(context.tags).map(([key, value]) => ({ key, value }));
  const base = physicalName(name);
  const schema = new native.SchemaMapping(
    name,
    {
      // It cannot be changed while a workflow uses it: other columns are another mapping, made before this one goes.
      schemaName: `${base}-${shortHash(canonicalJson(plan.attributes), 8)}`,
      description: `Columns that ${name} is matched by`,
      mappedInputFields: plan.attributes.map((attribute) => ({ ...attribute })),
      tags,
    },
    opts,
  );
  const { arn: roleArn, policy } = jobRole(`${name}-job`, args, context, opts);
  const { partition, region, accountId } = context.place;
  const inputSourceConfig = [
    {
      inputSourceArn: pulumi.interpolate`arn:${partition}:glue:${region}:${accountId}:table/${args.input.database}/${args.input.table}`,
      schemaArn: schema.schemaArn,
      applyNormalization: true,
    },
  ];
  const resolutionTechniques = plan.technique as NativeTechnique;
  const workflow = new native.MatchingWorkflow(
    name,
    {
      workflowName: `${base}-${kindOf(resolved)}`,
      description: `Who is who in ${name}: groups become evidence of the identity graph`,
      inputSourceConfig,
      outputSourceConfig: [
        {
          // No more of a person than what hangs a group on the graph.
          output: [uniqueId, ...carriedColumns].map((column) => ({ name: column })),
          outputS3Path: pulumi.interpolate`s3://${args.output.name}/${defaults.outputPrefix}`,
          kmsArn: args.output.keyArn,
          applyNormalization: false,
        },
      ],
      resolutionTechniques,
      roleArn,
      ...(resolved.incremental ? { incrementalRunConfig: { incrementalRunType: "IMMEDIATE" as const } } : {}),
      tags,
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy] }),
  );
  if (args.customerProfiles === undefined) return { schema, workflow };
  const { domainArn, objectTypeArn } = args.customerProfiles;
  const profilesWorkflow = new native.MatchingWorkflow(
    `${name}-customer-profiles`,
    {
      workflowName: `${base}-customer-profiles-${kindOf(resolved)}`,
      description: `The groups of ${name} for Connect Customer Profiles`,
      inputSourceConfig,
      outputSourceConfig: [
        {
          output: plan.attributes.map(({ fieldName }) => ({ name: fieldName })),
          customerProfilesIntegrationConfig: { domainArn, objectTypeArn },
          kmsArn: context.foundation.keyArn,
          applyNormalization: true,
        },
      ],
      resolutionTechniques,
      roleArn,
      tags,
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy] }),
  );
  return { schema, workflow, profilesWorkflow };
}

/**
 * The role that Entity Resolution reads the table and writes its output under. Source of the actions: user guide, "Creating
 * a workflow job role"; those on Customer Profiles are documented nowhere.
 */
function jobRole(
  name: string,
  { input, output, customerProfiles }: MatchingArgs & { readonly input: GlueTableRef },
  { foundation, place }: EntityResolutionContext,
  opts: pulumi.CustomResourceOptions,
): { readonly arn: pulumi.Output<string>; readonly policy: pulumi.Resource } {
  const role = new ServiceRole(name, { service: "entityresolution.amazonaws.com", foundation }, opts);
  const glue = pulumi.interpolate`arn:${place.partition}:glue:${place.region}:${place.accountId}`;
  const below = (prefix: string) => ({ StringLike: { "s3:prefix": [prefix, `${prefix}*`] } });
  const statements: Statement[] = [
    {
      sid: "Catalog",
      actions: [
        "glue:GetDatabase",
        "glue:GetTable",
        "glue:GetPartition",
        "glue:GetPartitions",
        "glue:BatchGetPartition",
      ],
      resources: [
        pulumi.interpolate`${glue}:catalog`,
        pulumi.interpolate`${glue}:database/${input.database}`,
        pulumi.interpolate`${glue}:table/${input.database}/${input.table}`,
      ],
    },
    {
      sid: "ReadInput",
      actions: ["s3:GetObject"],
      resources: [pulumi.interpolate`${input.bucket.arn}/${input.prefix}*`],
    },
    {
      sid: "WriteOutput",
      actions: ["s3:PutObject"],
      resources: [pulumi.interpolate`${output.arn}/${defaults.outputPrefix}*`],
    },
    { sid: "ListInput", actions: ["s3:ListBucket"], resources: [input.bucket.arn], conditions: below(input.prefix) },
    {
      sid: "ListOutput",
      actions: ["s3:ListBucket"],
      resources: [output.arn],
      conditions: below(defaults.outputPrefix),
    },
    { sid: "Place", actions: ["s3:GetBucketLocation"], resources: [input.bucket.arn, output.arn] },
    { sid: "InputKey", actions: ["kms:Decrypt"], resources: [input.bucket.keyArn] },
    { sid: "OutputKey", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [output.keyArn] },
  ];
  if (customerProfiles !== undefined) {
    statements.push({
      sid: "CustomerProfiles",
      actions: [
        "profile:GetDomain",
        "profile:GetProfileObjectType",
        "profile:PutProfileObject",
        "profile:BatchPutProfileObject",
      ],
      resources: [customerProfiles.domainArn, customerProfiles.objectTypeArn],
    });
  }
  return { arn: role.arn, policy: grantStatements(role, "match", statements) };
}
