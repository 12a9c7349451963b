import { z } from "zod";
import { AwsError } from "../../kernel";

const oneOrMany = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === "string" ? [value] : value));

const conditionValue = z
  .union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number(), z.boolean()]))])
  .transform((value) => (Array.isArray(value) ? value : [value]).map(String));

const principal = z.union([z.literal("*"), z.record(z.string(), oneOrMany)]);

const statement = z
  .strictObject({
    Sid: z.string().optional(),
    Effect: z.enum(["Allow", "Deny"]),
    Action: oneOrMany.optional(),
    NotAction: oneOrMany.optional(),
    Resource: oneOrMany.optional(),
    NotResource: oneOrMany.optional(),
    Principal: principal.optional(),
    NotPrincipal: principal.optional(),
    Condition: z.record(z.string(), z.record(z.string(), conditionValue)).optional(),
  })
  .refine((value) => (value.Action === undefined) !== (value.NotAction === undefined), {
    message: "exactly one of Action and NotAction",
  });

const document = z.strictObject({
  Version: z.enum(["2012-10-17", "2008-10-17"]).optional(),
  Id: z.string().optional(),
  Statement: z.union([statement, z.array(statement)]).transform((value) => (Array.isArray(value) ? value : [value])),
});

export type PolicyDocument = z.output<typeof document>;
export type Statement = z.output<typeof statement>;

/**
 * Reads a policy document, given as JSON text or as an object.
 * @throws AwsError `MalformedPolicyDocument` that says where the document comes from and what is wrong with it
 */
export function readPolicy(source: unknown, from: string): PolicyDocument {
  let value = source;
  if (typeof source === "string") {
    try {
      value = JSON.parse(source);
    } catch (error) {
      throw malformed(from, error instanceof Error ? error.message : "not JSON");
    }
  }
  const parsed = document.safeParse(value);
  if (parsed.success) return parsed.data;
  throw malformed(from, parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
}

function malformed(from: string, why: string): AwsError {
  return new AwsError("MalformedPolicyDocument", `${from}: ${why}`);
}
