import type { MatchingFunction } from "./condition";

type Alternatives = readonly (readonly MatchingFunction[])[];

/**
 * Whether each pair of records that matches `left` surely matches `right`. Says no where it cannot tell. Values of one
 * match key are taken to be one column or group, as in Advanced rules.
 */
export function implies(left: Alternatives, right: Alternatives): boolean {
  if (left.length === 0 || right.length === 0) return false;
  return left.every((strong) =>
    right.some((weak) => weak.every((wanted) => strong.some((given) => functionImplies(given, wanted)))),
  );
}

function functionImplies(given: MatchingFunction, wanted: MatchingFunction): boolean {
  if (given.kind === "exact") {
    const processes = given.emptyValues === "Process";
    if (wanted.kind === "exact") {
      return given.key === wanted.key && (!processes || wanted.emptyValues === "Process");
    }
    // Two empty values are equal where they are processed, and nothing else finds them alike.
    if (processes) return false;
    return wanted.kind === "exactManyToMany" ? wanted.keys.includes(given.key) : wanted.key === given.key;
  }
  if (given.kind === "exactManyToMany") {
    return wanted.kind === "exactManyToMany" && given.keys.every((key) => wanted.keys.includes(key));
  }
  if (given.kind !== wanted.kind || given.key !== wanted.key) return false;
  if (given.kind === "soundex" || wanted.kind === "soundex") return true;
  return given.threshold <= wanted.threshold;
}
