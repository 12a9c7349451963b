import type { CustomerEvent } from "../event";
import { normalise } from "./normalise";
import type { IdentifierRule, IdentityRules, Veto } from "./rules";

/** A name that a person goes by: a type and a normalised value. */
export interface Identifier {
  readonly type: string;
  readonly value: string;
}

/** Longest value that can be an identifier, characters. Longer ones are somebody's payload in the wrong field. */
export const maxIdentifierLength = 512;
/** Most identifiers that one event links; the strongest are kept. An event with more is an import gone wrong. */
export const maxIdentifiersPerEvent = 20;

interface Selector {
  readonly path: readonly string[];
  /** `context.externalIds[crm_id]`: of the list at the path, the `id` of the items of this `type`. */
  readonly itemType: string | undefined;
}

/** An identifier rule, ready to run. */
export interface CompiledRule extends Omit<IdentifierRule, "selectors" | "blocked"> {
  readonly selectors: readonly Selector[];
  readonly blockedValues: ReadonlySet<string>;
  readonly blockedPatterns: readonly RegExp[];
  /** Position among the rules by (priority, type): the strength order of types, total. */
  readonly rank: number;
}

export interface CompiledRules {
  readonly source: IdentityRules;
  /** In strength order: by priority, then by type. */
  readonly ordered: readonly CompiledRule[];
  readonly byType: ReadonlyMap<string, CompiledRule>;
  /** Ranks of the types with `limitWithin`. */
  readonly windowed: readonly number[];
  readonly vetoes: readonly Veto[];
}

const compiledRules = new WeakMap<IdentityRules, CompiledRules>();

/** Rules ready to run; compiled once per rules object. */
export function compileRules(rules: IdentityRules): CompiledRules {
  const known = compiledRules.get(rules);
  if (known) return known;
  const ordered = [...rules.identifiers]
    .sort((a, b) => a.priority - b.priority || compareText(a.type, b.type))
    .map((rule, rank): CompiledRule => {
      const values = [...rules.blocked.values, ...(rule.blocked?.values ?? [])];
      const patterns = [...rules.blocked.patterns, ...(rule.blocked?.patterns ?? [])];
      return {
        ...rule,
        rank,
        selectors: rule.selectors.map(parseSelector),
        blockedValues: new Set(values.map((value) => value.toLowerCase())),
        blockedPatterns: patterns.map((text) => new RegExp(text, "i")),
      };
    });
  const compiled: CompiledRules = {
    source: rules,
    ordered,
    byType: new Map(ordered.map((rule) => [rule.type, rule])),
    windowed: ordered.filter((rule) => rule.limitWithin !== undefined).map((rule) => rule.rank),
    vetoes: rules.constraints?.veto ?? [],
  };
  compiledRules.set(rules, compiled);
  return compiled;
}

/** Compares by UTF-16 code unit: the one order of texts wherever a result must not depend on a locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function parseSelector(text: string): Selector {
  const [path = "", itemType] = text.replace(/\]$/, "").split("[");
  return { path: path.split("."), itemType };
}

/** The key of an identifier among the nodes of a graph: `<type>:<value>`. A type has no colon, so it can be taken apart. */
export function nodeKey(identifier: Identifier): string {
  return `${identifier.type}:${identifier.value}`;
}

/** Takes a node key apart. */
export function identifierOfKey(key: string): Identifier {
  const colon = key.indexOf(":");
  return { type: key.slice(0, colon), value: key.slice(colon + 1) };
}

/** Why a normalised value is no identifier, or undefined where it is one. */
export function blockedReason(rule: CompiledRule, value: string): string | undefined {
  if (value.length > maxIdentifierLength) return `longer than ${maxIdentifierLength} characters`;
  if (rule.blockedValues.has(value.toLowerCase())) return "a blocked value";
  for (const pattern of rule.blockedPatterns)
    if (pattern.test(value)) return `matches the blocked pattern ${pattern.source}`;
  const minimum = rule.minimumDistinctCharacters;
  if (minimum > 1 && new Set(value).size < minimum) return `fewer than ${minimum} distinct characters`;
  return undefined;
}

/** The identifier that a raw value stands for under a rule; undefined where it is junk or none of its kind. */
export function toIdentifier(rules: IdentityRules, rule: CompiledRule, raw: unknown): Identifier | undefined {
  const text =
    typeof raw === "string" ? raw : typeof raw === "number" && Number.isFinite(raw) ? String(raw) : undefined;
  if (text === undefined || text.length > 4 * maxIdentifierLength) return undefined;
  const value = normalise(text, rule.normalise, rules.defaultCountry);
  if (value === undefined || blockedReason(rule, value) !== undefined) return undefined;
  return { type: rule.type, value };
}

/**
 * The identifier that a person at a keyboard means: `email:Jo@X.com`, `user_id:42`. Undefined where the text has no type,
 * a type without a rule, or a value that the rules do not accept.
 */
export function parseIdentifier(text: string, rules: IdentityRules): Identifier | undefined {
  const colon = text.indexOf(":");
  const rule = colon > 0 ? compileRules(rules).byType.get(text.slice(0, colon)) : undefined;
  return rule && toIdentifier(rules, rule, text.slice(colon + 1));
}

function valueAt(event: object, path: readonly string[]): unknown {
  let current: unknown = event;
  for (const part of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Record<string, unknown>)[part];
  }
  return current;
}

const nothing: readonly unknown[] = [];

function rawValues(event: object, selector: Selector): readonly unknown[] {
  const found = valueAt(event, selector.path);
  if (found === undefined || found === null) return nothing;
  if (!Array.isArray(found)) return selector.itemType === undefined ? [found] : [];
  if (selector.itemType === undefined) return found;
  return found
    .filter((item) => valueAt(Object(item), ["type"]) === selector.itemType)
    .map((item) => valueAt(item, ["id"]));
}

/** The identifiers that an event names, strongest first: by priority, type and value; each once; junk left out. */
export function identifiersOf(event: CustomerEvent, rules: IdentityRules): Identifier[] {
  const found: Identifier[] = [];
  for (const rule of compileRules(rules).ordered) {
    const before = found.length;
    for (const selector of rule.selectors) {
      for (const raw of rawValues(event, selector)) {
        const identifier = toIdentifier(rules, rule, raw);
        if (identifier && !names(found, before, identifier.value)) found.push(identifier);
      }
    }
    if (found.length - before > 1) {
      found.push(...found.splice(before).sort((a, b) => compareText(a.value, b.value)));
    }
  }
  return found.length > maxIdentifiersPerEvent ? found.slice(0, maxIdentifiersPerEvent) : found;
}

/** Whether a value is among identifiers from a place on: there are one or two of a type. */
function names(found: readonly Identifier[], from: number, value: string): boolean {
  for (let place = from; place < found.length; place++) if (found[place]?.value === value) return true;
  return false;
}

/**
 * What an `alias` event's `previousId` may be: the protocol does not say whether it was a user id or an anonymous id, so
 * it is each type that is read from `userId` or `anonymousId`.
 */
export function previousIdentifiersOf(event: CustomerEvent, rules: IdentityRules): Identifier[] {
  if (event.type !== "alias") return [];
  const found: Identifier[] = [];
  for (const rule of compileRules(rules).ordered) {
    const named = rule.selectors.some(
      (selector) => selector.path[0] === "userId" || selector.path[0] === "anonymousId",
    );
    const identifier = named ? toIdentifier(rules, rule, event.previousId) : undefined;
    if (identifier) found.push(identifier);
  }
  return found;
}
