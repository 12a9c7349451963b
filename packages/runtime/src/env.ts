import { type $ZodType, type output, safeParse } from "zod/v4/core";

/** A fault of how a function was deployed: its environment, its `config.json` or its callback. */
export class DeploymentError extends Error {
  override readonly name = "DeploymentError";
}

/** Validates, and names every fault with its path. */
export function parseWith<S extends $ZodType>(schema: S, value: unknown, what: string): output<S> {
  const result = safeParse(schema, value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.message}`);
  throw new DeploymentError(`${what} is not as this function needs it: ${faults.join("; ")}. Deploy the stack again.`);
}

/** The function's environment variables by a schema that the component built them from; names every missing one. */
export function parseEnv<S extends $ZodType>(schema: S, env: NodeJS.ProcessEnv = process.env): output<S> {
  return parseWith(schema, env, "The environment");
}
