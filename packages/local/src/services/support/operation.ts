import type { z } from "zod";
import { AwsError, type AwsService, type Call, NotSupportedLocally, type RequiredPermission } from "../../kernel";

type Issue = z.core.$ZodIssue;

/** One API operation: the shape of its input, what the caller must be allowed, and what it does. */
export interface Operation {
  readonly schema: z.ZodType;
  needs(input: never): RequiredPermission[];
  run(input: never, call: Call): unknown;
}

/** Ties an operation's three parts to one input type. */
export function operation<S extends z.ZodType>(
  schema: S,
  needs: (input: z.output<S>) => RequiredPermission[],
  run: (input: z.output<S>, call: Call) => unknown,
): Operation {
  return { schema, needs, run };
}

export interface ServiceOptions {
  /** Error code for an input that does not have the operation's shape. Default `ValidationException`. */
  readonly invalidCode?: string;
}

/**
 * An `AwsService` whose inputs are checked before anything happens. A member that the schema does not know is refused
 * as not supported, rather than ignored.
 */
export function defineService(
  name: string,
  operations: Readonly<Record<string, Operation>>,
  options: ServiceOptions = {},
): AwsService {
  const parse = (operationName: string, entry: Operation, input: unknown): never => {
    const parsed = entry.schema.safeParse(input);
    if (parsed.success) return parsed.data as never;
    throw inputError(`${name}.${operationName}`, parsed.error.issues, options.invalidCode ?? "ValidationException");
  };
  return {
    name,
    operations: Object.fromEntries(
      Object.entries(operations).map(([operationName, entry]) => [
        operationName,
        (input: never, call: Call) => entry.run(parse(operationName, entry, input), call),
      ]),
    ),
    permissions(operationName, input) {
      const entry = operations[operationName];
      return entry ? entry.needs(parse(operationName, entry, input)) : [];
    },
  };
}

function inputError(what: string, issues: readonly Issue[], code: string): AwsError {
  const unknown = issues.find((issue) => issue.code === "unrecognized_keys");
  if (unknown && issues.length === 1) {
    const members = unknown.keys.map((key) => [...unknown.path, key].join(".")).join(", ");
    return new NotSupportedLocally(`${what} with ${members}`);
  }
  const faults = issues.map((issue) => `${issue.path.join(".") || "input"}: ${issue.message}`);
  return new AwsError(code, `${issues.length} validation error(s) in ${what}: ${faults.join("; ")}`);
}
