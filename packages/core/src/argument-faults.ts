import * as pulumi from "@pulumi/pulumi";
import { type Fault, nearest } from "./faults";

/**
 * What the components' checks of their arguments are made of. Programs without types, and casts, give values of any
 * type: a check takes `unknown`, tells what is wrong and never throws itself. Outputs are not looked into.
 */

/** Whether the value is an object with keys: no list, no function, no Output or Promise. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isLater(value);
}

function isLater(value: unknown): boolean {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

/** A value as messages show it. */
export function quoted(value: unknown): string {
  if (value === undefined) return "nothing";
  if (pulumi.Output.isInstance(value)) return "an Output";
  if (value instanceof Promise) return "a Promise";
  if (typeof value === "function") return "a function";
  return JSON.stringify(value) ?? String(value);
}

/** One fault where the arguments are no object at all; then nothing else can be said about them. */
export function noArguments(args: unknown): Fault[] {
  return isRecord(args) ? [] : [{ path: "(arguments)", reason: `${quoted(args)} must be an object` }];
}

/** Keys that the component does not know, each with the one that was probably meant. */
export function unknownFaults(prefix: string, given: unknown, known: readonly string[]): Fault[] {
  if (!isRecord(given)) return [];
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const near = nearest(key, known);
      const remedy = near === undefined ? `use ${known.join(", ")}` : `did you mean "${near}"?`;
      return { path: `${prefix}${key}`, reason: `is no argument; ${remedy}` };
    });
}

/**
 * A fault where the value is no object, else those of `inside`.
 * @param example what to give: `governance.foundation`, `{ create: {} }`
 */
export function objectFaults(
  path: string,
  value: unknown,
  example: string,
  inside: (value: Record<string, unknown>) => Fault[] = () => [],
): Fault[] {
  if (value === undefined) return [{ path, reason: `is missing; give ${example}` }];
  return isRecord(value) ? inside(value) : [{ path, reason: `${quoted(value)} must be an object such as ${example}` }];
}

/** The same for an argument that may be left out. */
export function optionalObjectFaults(...[path, value, example, inside]: Parameters<typeof objectFaults>): Fault[] {
  return value === undefined ? [] : objectFaults(path, value, example, inside);
}

/** Faults of an `Input<string>`: text, or an Output or Promise of it. */
export function inputTextFaults(path: string, value: unknown, what: string): Fault[] {
  if (value === undefined) return [{ path, reason: `is missing; give ${what}` }];
  if ((typeof value === "string" && value !== "") || isLater(value)) return [];
  return [{ path, reason: `${quoted(value)} must be ${what}` }];
}

/** Faults of an optional `Input<Input<string>[]>`. */
export function inputListFaults(path: string, value: unknown, what: string): Fault[] {
  if (value === undefined || isLater(value)) return [];
  if (!Array.isArray(value)) return [{ path, reason: `${quoted(value)} must be a list of ${what}` }];
  return value.flatMap((item: unknown, index) => inputTextFaults(`${path}[${index}]`, item, `one of ${what}`));
}

export function onDeleteFaults(onDelete: unknown): Fault[] {
  if (onDelete === undefined || onDelete === "retain" || onDelete === "destroy") return [];
  return [{ path: "onDelete", reason: `${quoted(onDelete)} must be "retain" or "destroy"` }];
}

/** @param keys the children that can be changed */
export function transformFaults(transform: unknown, keys: readonly string[]): Fault[] {
  return optionalObjectFaults("transform", transform, `{ ${keys[0]}: (args) => … }`, (given) => [
    ...unknownFaults("transform.", given, keys),
    ...keys
      .filter((key) => given[key] !== undefined && typeof given[key] !== "function" && !isRecord(given[key]))
      .map((key) => ({
        path: `transform.${key}`,
        reason: `${quoted(given[key])} must be properties to lay over the defaults, or a function of them`,
      })),
  ]);
}

/** Faults of a `FoundationRef`, whoever made it. */
export function foundationFaults(foundation: unknown): Fault[] {
  const example = "governance.foundation, or its shape by hand";
  return objectFaults("foundation", foundation, example, ({ keyArn, alarmTopicArn, environment, ...given }) => [
    ...inputTextFaults("foundation.keyArn", keyArn, "the ARN of a KMS key: governance.foundation has it"),
    ...inputTextFaults(
      "foundation.alarmTopicArn",
      alarmTopicArn,
      "the ARN of an SNS topic: governance.foundation has it",
    ),
    ...(typeof environment === "string"
      ? []
      : [{ path: "foundation.environment", reason: `${quoted(environment)} must be a plain string such as "dev"` }]),
    ...(Number.isInteger(given.logRetentionDays)
      ? []
      : [
          {
            path: "foundation.logRetentionDays",
            reason: `${quoted(given.logRetentionDays)} must be a whole number of days such as 90`,
          },
        ]),
    ...objectFaults("foundation.tags", given.tags, '{ Project: "cdp" }'),
  ]);
}

/**
 * Faults of a `BucketRef`.
 * @param from what to give: `lake.rawZone.bucket`
 */
export function bucketRefFaults(path: string, bucket: unknown, from: string): Fault[] {
  return objectFaults(path, bucket, from, (given) => [
    ...inputTextFaults(`${path}.name`, given.name, `the bucket's name: ${from} has it`),
    ...inputTextFaults(`${path}.arn`, given.arn, `the bucket's ARN: ${from} has it`),
    ...inputTextFaults(`${path}.keyArn`, given.keyArn, `the ARN of the bucket's key: ${from} has it`),
  ]);
}

/**
 * Faults of a `TableRef`.
 * @param from what to give: `ingestion.events`
 * @param stream why the table needs a stream, where it does
 */
export function tableRefFaults(path: string, table: unknown, from: string, stream?: string): Fault[] {
  return objectFaults(path, table, from, (given) => [
    ...inputTextFaults(`${path}.name`, given.name, `the table's name: ${from} has it`),
    ...inputTextFaults(`${path}.arn`, given.arn, `the table's ARN: ${from} has it`),
    ...inputTextFaults(`${path}.keyArn`, given.keyArn, `the ARN of the table's key: ${from} has it`),
    ...(stream === undefined ? [] : inputTextFaults(`${path}.streamArn`, given.streamArn, `${from}, ${stream}`)),
  ]);
}
