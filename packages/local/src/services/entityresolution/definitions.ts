import { attributeTypes, type MatchingSemantics } from "@tributary/model";
import { z } from "zod";

const name = z.string().regex(/^[a-zA-Z_0-9-]{1,255}$/, "must be 1 to 255 letters, digits, _ and -");

export const schemaInputs = z.object({
  schemaName: name,
  description: z.string().optional(),
  mappedInputFields: z
    .array(
      z.object({
        fieldName: z.string().min(1),
        type: z.enum(attributeTypes),
        subType: z.string().optional(),
        groupName: z.string().min(1).optional(),
        matchKey: z.string().min(1).optional(),
        hashed: z.boolean().optional(),
      }),
    )
    .min(1)
    .max(60),
});
export type SchemaInputs = z.infer<typeof schemaInputs>;

/** `arn:aws:glue:region:account:table/database/table` */
const tableArn = z
  .string()
  .regex(/^arn:[\w-]+:glue:[^:]*:[^:]*:table\/[^/]+\/[^/]+$/, "must be the ARN of a Glue table");

const ruleBased = z.object({
  attributeMatchingModel: z.enum(["ONE_TO_ONE", "MANY_TO_MANY"]),
  matchPurpose: z.enum(["IDENTIFIER_GENERATION", "INDEXING"]).optional(),
  rules: z.array(z.object({ ruleName: z.string(), matchingKeys: z.array(z.string()).min(1).max(15) })).min(1),
});
const ruleConditions = z.object({
  rules: z.array(z.object({ ruleName: z.string(), condition: z.string().max(2_048) })).min(1),
  matchingConfig: z.object({ enableTransitiveMatching: z.boolean().optional() }).optional(),
});

export const workflowInputs = z.object({
  workflowName: name.optional(),
  description: z.string().optional(),
  roleArn: z.string().min(1),
  incrementalRunConfig: z.object({ incrementalRunType: z.string() }).optional(),
  inputSourceConfig: z
    .array(
      z.object({
        inputSourceArn: tableArn,
        schemaArn: z.string().min(1),
        applyNormalization: z.boolean().optional(),
      }),
    )
    .min(1)
    .max(20),
  outputSourceConfig: z
    .array(
      z.object({
        outputS3Path: z.string().optional(),
        kmsArn: z.string().optional(),
        applyNormalization: z.boolean().optional(),
        customerProfilesIntegrationConfig: z.unknown().optional(),
        output: z.array(z.object({ name: z.string(), hashed: z.boolean().optional() })).max(750),
      }),
    )
    .length(1),
  resolutionTechniques: z.object({
    resolutionType: z.enum(["RULE_MATCHING", "ML_MATCHING", "PROVIDER"]).optional(),
    enableRealTimeMatching: z.boolean().optional(),
    ruleBasedProperties: ruleBased.optional(),
    ruleConditionProperties: ruleConditions.optional(),
    providerProperties: z.unknown().optional(),
  }),
});
export type WorkflowInputs = z.infer<typeof workflowInputs>;

/** A schema mapping of the stack. */
export interface SchemaMapping extends SchemaInputs {
  readonly arn: string;
  readonly createdAt: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** A matching workflow of the stack. */
export interface Workflow extends WorkflowInputs {
  readonly workflowName: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** How a workflow matches; undefined where it does not do so by rules. */
export function semanticsOf({ resolutionTechniques }: WorkflowInputs): MatchingSemantics | undefined {
  const { ruleBasedProperties: simple, ruleConditionProperties: advanced } = resolutionTechniques;
  if (advanced) {
    return {
      mode: advanced.matchingConfig?.enableTransitiveMatching === true ? "aws-transitive" : "aws-waterfall",
      // One column or group a match key: the two ways are the same.
      comparison: "ONE_TO_ONE",
      rules: advanced.rules.map(({ ruleName, condition }) => ({ name: ruleName, condition })),
    };
  }
  if (!simple) return undefined;
  return {
    mode: "aws-waterfall",
    comparison: simple.attributeMatchingModel,
    rules: simple.rules.map(({ ruleName, matchingKeys }) => ({ name: ruleName, matchKeys: matchingKeys })),
  };
}

/** "Nothing is stored" for Advanced rules that run on demand: ids can be looked up in none of their workflows. */
export const keepsIndex = ({ resolutionTechniques, incrementalRunConfig }: WorkflowInputs): boolean =>
  resolutionTechniques.ruleConditionProperties === undefined || incrementalRunConfig !== undefined;
