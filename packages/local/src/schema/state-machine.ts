import type { Fault } from "../engine/types";

/** What `asl-validator` answers; it comes without type declarations. */
interface AslError {
  readonly "Error code": string;
  readonly Message: string;
  readonly path?: string;
  readonly schemaError?: { readonly instancePath: string };
}
type AslValidator = (definition: object) => { readonly errors: readonly AslError[] };

/** Faults of a Step Functions definition (Amazon States Language). */
export function checkStateMachine(definition: string, path: string): Fault[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(definition);
  } catch (error) {
    return [
      {
        path,
        reason: `is not JSON: ${(error as Error).message}; build it with JSON.stringify or pulumi.jsonStringify`,
      },
    ];
  }
  if (typeof parsed !== "object" || parsed === null) return [{ path, reason: "is not a JSON object" }];
  // Loaded on first use: half of the stacks have no state machine, and its JSON schema compiler takes its time.
  const validate = require("asl-validator") as AslValidator;
  return validate(parsed).errors.map((error) => {
    const place = error.schemaError?.instancePath || error.path || "";
    return { path: place ? `${path} ${place}` : path, reason: `${error["Error code"]}: ${error.Message}` };
  });
}
