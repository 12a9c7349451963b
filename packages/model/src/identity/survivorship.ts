import * as z from "zod/mini";
import { canonicalJson } from "../canonical";
import type { Json } from "../json";
import { type Fact, isLaterFact } from "./evidence";
import { compareText } from "./identifiers";
import { stewardSource } from "./steward-source";

/**
 * How one value is chosen where several are stated. The words are those of facts/identity.md 2.3 and of the usual
 * reconciliation rules: the newest, the one stated by most, the longest, the least, the greatest, all of them together.
 */
const strategyNames = ["recency", "frequency", "completeness", "min", "max", "union"] as const;

const strategySchema = z.union([
  z.enum(strategyNames),
  /** Source priority: source ids, the best first. Sources that are not named come after all that are. */
  z.strictObject({ sources: z.array(z.string().check(z.minLength(1))).check(z.minLength(1)) }),
]);

const strategiesSchema = z.array(strategySchema).check(z.minLength(1));

export const survivorshipSchema = z.strictObject({
  /** By trait: strategies in order; each narrows down what the one before left. */
  fields: z._default(z.record(z.string(), strategiesSchema), {}),
  /** For traits that `fields` does not name. */
  default: z._default(strategiesSchema, ["recency"]),
  /** `recency`: the newest choice counts. `most-restrictive`: a purpose is granted only where no identifier's newest choice denies it. */
  consent: z._default(z.enum(["recency", "most-restrictive"]), "recency"),
});

/** How the golden record's fields are chosen. */
export type Survivorship = z.infer<typeof survivorshipSchema>;
export type SurvivorshipStrategy = z.infer<typeof strategySchema>;

export const defaultSurvivorship: Survivorship = survivorshipSchema.parse({});

/** A value that somebody stated for a field: a fact with where it hangs. */
export interface Statement {
  readonly fact: Fact;
  /** Node key of the identifier that it hangs on. */
  readonly identifier: string;
  readonly sourceId: string;
}

/** What a field comes to, and why. */
export interface Survivor {
  readonly value: Json;
  /** The statement that won; of a union, the newest of its parts. */
  readonly from: Statement;
  /** The strategy that decided: the last that ruled one out, `recency` for ties that all left; `only` where there was nothing to choose. */
  readonly by: string;
}

/**
 * The value that a field's statements come to; undefined where there is none. Deterministic: statements in any order give
 * the same survivor, and ties fall by time, message, source, identifier.
 *
 * A null takes back whatever was stated before it, by whomever. Empty values (blank texts, empty lists and objects) give
 * way to any other.
 */
export function survivorOf(
  statements: readonly Statement[],
  strategies: readonly SurvivorshipStrategy[],
): Survivor | undefined {
  const first = statements[0];
  if (first && statements.length === 1) return first.fact.value === null ? undefined : survivor(first, "only");
  const pin = statements.filter(({ sourceId }) => sourceId === stewardSource).sort(newestFirst)[0];
  if (pin && pin.fact.value !== null) return survivor(pin, "pin");
  const stated = withoutWithdrawn(statements.filter(({ sourceId }) => sourceId !== stewardSource));
  const full = stated.filter(({ fact }) => !isEmpty(fact.value));
  let left = full.length > 0 ? full : stated;
  if (left.length === 0) return undefined;
  let by = "only";
  for (const strategy of strategies) {
    if (strategy === "union") return unionOf(left);
    const best = narrow(left, strategy);
    if (best.length < left.length) by = typeof strategy === "string" ? strategy : "sources";
    left = best;
  }
  const [winner, ...others] = [...left].sort(newestFirst) as [Statement, ...Statement[]];
  const contested = others.some(({ fact }) => canonicalJson(fact.value) !== canonicalJson(winner.fact.value));
  return survivor(winner, contested ? "recency" : by);
}

function survivor(from: Statement, by: string): Survivor {
  return { value: from.fact.value, from, by };
}

function newestFirst(a: Statement, b: Statement): number {
  if (isLaterFact(a.fact, b.fact)) return -1;
  if (isLaterFact(b.fact, a.fact)) return 1;
  return compareText(a.sourceId, b.sourceId) || compareText(a.identifier, b.identifier);
}

function withoutWithdrawn(statements: readonly Statement[]): readonly Statement[] {
  const withdrawals = statements.filter(({ fact }) => fact.value === null);
  if (withdrawals.length === 0) return statements;
  const last = [...withdrawals].sort(newestFirst)[0] as Statement;
  return statements.filter(({ fact }) => fact.value !== null && isLaterFact(fact, last.fact));
}

function isEmpty(value: Json): boolean {
  if (typeof value === "string") return value.trim() === "";
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

type Narrowing = Exclude<SurvivorshipStrategy, "union">;

function narrow(statements: readonly Statement[], strategy: Narrowing): readonly Statement[] {
  if (typeof strategy === "object") {
    const place = ({ sourceId }: Statement) => {
      const at = strategy.sources.indexOf(sourceId);
      return at < 0 ? strategy.sources.length : at;
    };
    return least(statements, (a, b) => place(a) - place(b));
  }
  switch (strategy) {
    case "recency":
      return least(statements, (a, b) => b.fact.at - a.fact.at);
    case "completeness":
      return least(statements, (a, b) => sizeOf(b.fact.value) - sizeOf(a.fact.value));
    case "min":
      return least(statements, (a, b) => compareValues(a.fact.value, b.fact.value));
    case "max":
      return least(statements, (a, b) => compareValues(b.fact.value, a.fact.value));
    case "frequency": {
      // Each identifier of each source has one voice: counting events would count retries and chatty sources.
      const voices = new Map<string, number>();
      const text = ({ fact }: Statement) => canonicalJson(fact.value);
      for (const statement of statements) voices.set(text(statement), (voices.get(text(statement)) ?? 0) + 1);
      return least(statements, (a, b) => (voices.get(text(b)) ?? 0) - (voices.get(text(a)) ?? 0));
    }
  }
}

function least(statements: readonly Statement[], compare: (a: Statement, b: Statement) => number): Statement[] {
  let best: Statement[] = [];
  for (const statement of statements) {
    const order = best[0] ? compare(statement, best[0]) : 0;
    if (order < 0) best = [];
    if (order <= 0) best.push(statement);
  }
  return best;
}

/** Characters of a text, items of a list, members of an object; of anything else, of its JSON. */
function sizeOf(value: Json): number {
  if (typeof value === "string") return value.trim().length;
  if (typeof value === "object" && value !== null) return Object.keys(value).length;
  return String(value).length;
}

/** Numbers by size; everything else as text, ISO times thereby by time. A number comes before what is none. */
function compareValues(a: Json, b: Json): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number") return -1;
  if (typeof b === "number") return 1;
  return compareText(textOf(a), textOf(b));
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : canonicalJson(value);
}

/** Every distinct value (of lists: every item), in one order. */
function unionOf(statements: readonly Statement[]): Survivor {
  const items = new Map<string, Json>();
  for (const { fact } of statements) {
    for (const item of Array.isArray(fact.value) ? fact.value : [fact.value]) items.set(canonicalJson(item), item);
  }
  const value = [...items].sort((a, b) => compareText(a[0], b[0])).map(([, item]) => item);
  return { value, from: [...statements].sort(newestFirst)[0] as Statement, by: "union" };
}
