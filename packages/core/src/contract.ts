import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

/** A versioned contract: an object schema with the literals `contract` and `version`. */
export type ContractSchema = z.ZodObject<{
  contract: z.ZodLiteral<string>;
  version: z.ZodLiteral<number>;
}>;

/** What a producer gives: every field, each an Input at any depth; the name and version may be left out. */
export type ContractValue<S extends ContractSchema> = {
  readonly [K in Exclude<keyof z.infer<S>, "contract" | "version">]: DeepInput<z.infer<S>[K]>;
} & { readonly contract?: string; readonly version?: number };

/** A value, an Output of it, or an object or list of such. */
export type DeepInput<T> =
  | pulumi.Input<T>
  | (T extends readonly (infer E)[]
      ? pulumi.Input<readonly DeepInput<E>[]>
      : T extends object
        ? pulumi.Input<{ readonly [K in keyof T]: DeepInput<T[K]> }>
        : never);

/**
 * The value of a stack output that other stacks read by `readContract`. Adds the contract's name and version and
 * checks the rest when the values are known (in a preview they may not be).
 * @throws when a value does not fit the schema, naming the field
 */
export function publish<S extends ContractSchema>(schema: S, value: ContractValue<S>): pulumi.Output<z.infer<S>> {
  return pulumi.output(value as Record<string, unknown>).apply((known) => fillContract(schema, known));
}

/** The contract's name and version, and the value, checked. */
export function fillContract<S extends ContractSchema>(schema: S, value: object): z.infer<S> {
  const { contract, version } = schema.shape;
  const result = schema.safeParse({ contract: contract.value, version: version.value, ...value });
  if (result.success) return result.data as z.infer<S>;
  throw new Error(`Cannot publish ${contract.value} version ${version.value}:\n${z.prettifyError(result.error)}`);
}

/**
 * Reads a contract that another stack published, typed and checked.
 * @param stackReference the producing stack
 * @param outputName the stack output that holds it
 * @throws naming the producing stack and what is missing, of another version, or of another shape
 */
export function readContract<S extends ContractSchema>(
  schema: S,
  stackReference: Pick<pulumi.StackReference, "name" | "getOutput">,
  outputName = "platform",
): pulumi.Output<z.infer<S>> {
  return pulumi
    .all([stackReference.name, stackReference.getOutput(outputName)])
    .apply(([stack, value]) => checkContract(schema, value, stack, outputName));
}

/** What `readContract` does when the value is there; `stack` and `outputName` are for its errors. */
export function checkContract<S extends ContractSchema>(
  schema: S,
  value: unknown,
  stack: string,
  outputName: string,
): z.infer<S> {
  const place = `Stack "${stack}", output "${outputName}"`;
  const { contract, version } = schema.shape;
  const wanted = `${contract.value} version ${version.value}`;
  if (value === undefined || value === null) {
    throw new Error(
      `${place}: there is no such output. It must be \`publish(...)\` of ${wanted}, and the stack be up.`,
    );
  }
  const head = z.object({ contract: z.string(), version: z.number() }).safeParse(value);
  if (!head.success) throw new Error(`${place}: not a contract (no name and version); ${wanted} is needed.`);
  if (head.data.contract !== contract.value || head.data.version !== version.value) {
    throw new Error(
      `${place}: it holds ${head.data.contract} version ${head.data.version}, and ${wanted} is needed. ` +
        `Update ${head.data.version < version.value ? "the producing stack" : "this program's packages"}.`,
    );
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data as z.infer<S>;
  throw new Error(`${place}: ${wanted} is not complete:\n${z.prettifyError(result.error)}`);
}
