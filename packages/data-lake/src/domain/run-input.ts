import type { Range } from "./landed";

/** The input of an execution cannot be used; nothing is tried again. */
export class InvalidInput extends Error {
  override readonly name = "InvalidInput";
}

const example = '{"from": "2026-11-01", "to": "2026-11-07"}';

/**
 * What an execution is asked for, from its input `{ asOf?, from?, to?, full? }`.
 * @param startedAt when it began, ISO 8601: what tables are as of where nothing is said
 * @throws `InvalidInput` with every fault
 */
export function readRange(input: unknown, startedAt: string): Range & { readonly asOfGiven: boolean } {
  const faults: string[] = [];
  if (typeof input !== "object" || input === null || Array.isArray(input))
    throw new InvalidInput(`the input must be an object such as ${example}, not ${JSON.stringify(input)}`);
  const given = input as Record<string, unknown>;
  const { asOf, from, to, full } = given;
  for (const [name, value] of [
    ["from", from],
    ["to", to],
  ] as const) {
    if (isGiven(value) && !isDay(value))
      faults.push(`${name} must be a day such as "2026-11-01", not ${JSON.stringify(value)}`);
  }
  if (isDay(from) && isDay(to) && from > to) faults.push(`from (${from}) must not be after to (${to})`);
  if (isGiven(asOf) && !(typeof asOf === "string" && /^\d{4}-\d\d-\d\dT/.test(asOf) && !Number.isNaN(Date.parse(asOf))))
    faults.push(`asOf must be a time such as "2026-11-01T00:00:00Z", not ${JSON.stringify(asOf)}`);
  if (isGiven(full) && typeof full !== "boolean")
    faults.push(`full must be true or false, not ${JSON.stringify(full)}`);
  if (full === true && (isGiven(from) || isGiven(to)))
    faults.push("full is everything anew: leave from and to out, or full");
  if (faults.length > 0) throw new InvalidInput(faults.join("; "));
  return {
    asOf: new Date(isGiven(asOf) ? String(asOf) : startedAt).toISOString(),
    from: isDay(from) ? from : null,
    to: isDay(to) ? to : null,
    full: full === true,
    asOfGiven: isGiven(asOf),
  };
}

/** What a Glue job is told of it. Arguments are text; what is not given is left out. */
export function jobArguments({ asOf, from, to, full }: Range): Record<string, string> {
  return {
    "--as_of": asOf,
    ...(from === null ? {} : { "--from": from }),
    ...(to === null ? {} : { "--to": to }),
    ...(full ? { "--full": "true" } : {}),
  };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

function isDay(value: unknown): value is string {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\d$/.test(value)) return false;
  const day = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value);
}
