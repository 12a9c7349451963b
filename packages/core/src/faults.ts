import * as pulumi from "@pulumi/pulumi";
import { type $ZodType, safeParse } from "zod/v4/core";

/** Something wrong with an argument: where, and what to do about it. */
export interface Fault {
  /** Property path from the component's arguments: `sources.web.plan`. */
  readonly path: string;
  /** What was given, what is allowed, how to mend it. */
  readonly reason: string;
}

/**
 * Throws one `InputPropertiesError` that lists every fault; returns when there is none.
 * @param component what the message names: `Ingestion "events"`
 */
export function validate(component: string, faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const lines = faults.map((fault) => `  ${fault.path}: ${fault.reason}`);
  throw new pulumi.InputPropertiesError({
    message: `${component} has ${faults.length} invalid argument${faults.length === 1 ? "" : "s"}:\n${lines.join("\n")}`,
    errors: faults.map((fault) => ({ propertyPath: fault.path, reason: fault.reason })),
  });
}

/** The faults of a value against a zod schema, with paths below `prefix`. Pass only plain values: Outputs are not data. */
export function zodFaults(schema: $ZodType, value: unknown, prefix = ""): Fault[] {
  const result = safeParse(schema, value);
  if (result.success) return [];
  return result.error.issues.map((issue) => ({ path: joinPath(prefix, issue.path), reason: issue.message }));
}

function joinPath(prefix: string, path: readonly PropertyKey[]): string {
  const text = path.reduce<string>((so, part) => {
    if (typeof part === "number") return `${so}[${part}]`;
    return so === "" ? String(part) : `${so}.${String(part)}`;
  }, prefix);
  return text === "" ? "(arguments)" : text;
}

/** The nearest of the known names, when it is near enough to be a slip: `did you mean "web"?` */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(given.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** A logical-name part made from a user's text: `Web App` → `web-app`. For remedies. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
}
