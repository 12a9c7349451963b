import type { Json } from "@tributary/model";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { isRecord } from "../support";
import { StateError } from "./state-error";

export type Input = Record<string, Json>;

/** Services whose API is in lower camel case, where Step Functions' integrations are not: at every depth. */
const lowerCamel: ReadonlySet<string> = new Set(["appflow", "cloudwatch-logs", "entityresolution"]);

/** SDK output as JSON: dates in ISO 8601, bytes as text, no undefined members. */
export function plain(value: unknown): Json {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (Array.isArray(value)) return value.map(plain);
  if (!isRecord(value)) return (value ?? null) as Json;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]));
}

export const recase = (value: Input, change: (letter: string) => string): Input =>
  Object.fromEntries(Object.entries(value).map(([key, member]) => [change(key.charAt(0)) + key.slice(1), member]));

/** Members whose own keys are a user's words, which keep their letters. */
const maps: ReadonlySet<string> = new Set(["record", "recordattributemap", "tags"]);

const deepRecase = (value: Json, change: (letter: string) => string): Json => {
  if (Array.isArray(value)) return value.map((item) => deepRecase(item, change));
  if (!isRecord(value)) return value;
  const members = Object.entries(recase(value as Input, change));
  return Object.fromEntries(
    members.map(([key, member]) => [key, maps.has(key.toLowerCase()) ? member : deepRecase(member, change)]),
  );
};
const lower = (letter: string): string => letter.toLowerCase();
export const upper = (letter: string): string => letter.toUpperCase();

/** Members that a task may give as JSON where the API wants text. */
const textMembers: Readonly<Record<string, readonly string[]>> = {
  "sqs.SendMessage": ["MessageBody"],
  "sns.Publish": ["Message"],
  "sfn.StartExecution": ["input"],
  "s3.PutObject": ["Body"],
};

/** What a call is made with. */
export interface Call {
  readonly kernel: Kernel;
  readonly principal: Principal;
  readonly service: string;
  readonly operation: string;
  /** What the names of its errors begin with. */
  readonly errors: string;
  readonly optimised: boolean;
}

/** Calls an API as a task does: members in Step Functions' case, the answer as JSON, errors under the service's name. */
export async function callService(call: Call, input: Input): Promise<Json> {
  const { kernel, principal, service, operation } = call;
  try {
    if (lowerCamel.has(service)) {
      const given = deepRecase(input, lower) as Input;
      return deepRecase(plain(await kernel.call(service, operation, given, principal)), upper);
    }
    const output = plain(await kernel.call(service, operation, prepared(service, operation, input), principal));
    return service === "sfn" ? deepRecase(output, upper) : output;
  } catch (error) {
    throw asStateError(error, call.errors, call.optimised);
  }
}

function prepared(service: string, operation: string, input: Input): Input {
  // The API of Step Functions itself is in lower camel case; its integrations are not.
  const members = service === "sfn" ? recase(input, lower) : { ...input };
  for (const name of textMembers[`${service}.${operation}`] ?? []) {
    if (members[name] !== undefined && typeof members[name] !== "string") members[name] = JSON.stringify(members[name]);
  }
  if (service === "eventbridge" && Array.isArray(members.Entries)) {
    members.Entries = members.Entries.map((entry) =>
      isRecord(entry) && typeof entry.Detail !== "string"
        ? { ...(entry as Input), Detail: JSON.stringify(entry.Detail) }
        : entry,
    );
  }
  return members;
}

/** An API's error as a task's. The plain API's errors are called as in the SDK for Java, which ends all in `Exception`. */
export function asStateError(error: unknown, prefix: string, optimised = true): unknown {
  if (!(error instanceof AwsError)) return error;
  if (error.name === "NotSupportedLocally") return new StateError(error.name, error.message);
  const name = optimised || error.name.endsWith("Exception") ? error.name : `${error.name}Exception`;
  return new StateError(`${prefix}.${name}`, error.message);
}
