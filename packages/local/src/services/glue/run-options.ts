import { AwsError } from "../../kernel";
import type { RunRequest } from "./plan-step";

/** What a run's arguments ask for. */
export interface RunOptions extends RunRequest {
  /** The instant that SELECTs are told, ISO 8601. */
  readonly asOf: string;
  /** Instead of the manifest's. */
  readonly unreadable?: "stop" | "set-aside" | undefined;
}

const day = /^\d{4}-\d{2}-\d{2}$/;

/**
 * Reads a job's arguments: `--full true`, `--from` and `--to` (days), `--as_of` (ISO 8601 instant), `--unreadable`.
 * @throws with every fault, by argument
 */
export function runOptions(given: Readonly<Record<string, string>>, now: number): RunOptions {
  const faults: string[] = [];
  const text = (name: string): string | undefined =>
    given[`--${name}`]?.trim() === "" ? undefined : given[`--${name}`];
  const full = text("full") ?? "false";
  if (full !== "true" && full !== "false") faults.push(`--full ${full} must be true or false`);
  const [from, to] = [text("from"), text("to")];
  for (const [name, value] of Object.entries({ from, to })) {
    if (value !== undefined && !isDay(value)) faults.push(`--${name} ${value} must be a day such as 2026-11-23`);
  }
  if (from !== undefined && to !== undefined && from > to) faults.push(`--from ${from} is after --to ${to}`);
  const asOf = text("as_of");
  const instant = asOf === undefined ? now : Date.parse(asOf);
  if (Number.isNaN(instant) || (asOf !== undefined && !/^\d{4}-\d{2}-\d{2}/.test(asOf))) {
    faults.push(`--as_of ${asOf} must be an instant such as 2026-11-23T03:00:00Z`);
  }
  const unreadable = text("unreadable");
  if (unreadable !== undefined && unreadable !== "stop" && unreadable !== "set-aside") {
    faults.push(`--unreadable ${unreadable} must be stop or set-aside`);
  }
  if (faults.length > 0) throw new AwsError("InvalidInputException", `the job's arguments: ${faults.join("; ")}`);
  return {
    full: full === "true",
    range: from === undefined && to === undefined ? undefined : { from: from ?? "0000-00-00", to: to ?? "9999-99-99" },
    asOf: new Date(instant).toISOString(),
    unreadable: unreadable as RunOptions["unreadable"],
  };
}

const isDay = (text: string): boolean => day.test(text) && !Number.isNaN(Date.parse(text));
