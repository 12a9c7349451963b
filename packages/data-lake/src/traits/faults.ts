import { type Fault, isRecord, nearest, optionalObjectFaults, quoted, zodFaults } from "@tributary/core";
import {
  identityRulesSchema,
  type Predicate,
  type SegmentDefinition,
  segmentDefinitionSchema,
  traitDefinitionsSchema,
} from "@tributary/model";
import { tablesIn } from "../tables/sql-names";
import { segmentChanges, segmentMembers } from "../tables/traits";
import { findingText, lintTransform } from "../transforms/lint";
import type { TraitsArgs } from "./args";
import { untold } from "./segment-sql";

/** Faults of declared traits and segments. @param tables names of the lake's tables, for segments by SQL */
export function traitsFaults(args: TraitsArgs, tables: readonly string[]): Fault[] {
  return [
    ...(args.traits === undefined ? [] : zodFaults(traitDefinitionsSchema, args.traits, "traits")),
    ...optionalObjectFaults("segments", args.segments, "{ lapsed: segment(…) }", (given) =>
      Object.entries(given).flatMap(([name, definition]) => segmentFaults(name, definition, tables)),
    ),
    ...(args.identityRules === undefined ? [] : zodFaults(identityRulesSchema, args.identityRules, "identityRules")),
  ];
}

function segmentFaults(name: string, definition: unknown, tables: readonly string[]): Fault[] {
  const path = `segments.${name}`;
  const named = /^[A-Za-z][A-Za-z0-9-]{0,62}$/.test(name)
    ? []
    : [{ path, reason: "must be named by letters, digits and dashes, beginning with a letter" }];
  if (!isRecord(definition) || !("sql" in definition || "predicate" in definition)) {
    return [...named, { path, reason: `${quoted(definition)} must be made by segment(…)` }];
  }
  const shaped = zodFaults(segmentDefinitionSchema, definition, path);
  if (shaped.length > 0) return [...named, ...shaped];
  const given = definition as SegmentDefinition;
  return [
    ...named,
    ...("sql" in given ? sqlFaults(`${path}.sql`, given.sql, tables) : predicateFaults(path, given.predicate)),
  ];
}

function predicateFaults(path: string, predicate: Predicate): Fault[] {
  return untold(predicate).map((name) => ({
    path: `${path}.predicate`,
    reason: `${quoted(name)} cannot be asked for in SQL: a name must be without dots at its ends, quotes, brackets, * and backslashes`,
  }));
}

function sqlFaults(path: string, sql: string, tables: readonly string[]): Fault[] {
  const found = lintTransform(sql)
    .filter(({ level }) => level === "error")
    .map((finding) => ({ path, reason: findingText("line", finding) }));
  const own = [segmentMembers, segmentChanges].map((table) => `curated.${table.name}`);
  const reads = tablesIn(sql).flatMap((read): Fault[] => {
    if (own.includes(read)) return [{ path, reason: `reads ${read}, which is made from it` }];
    if (tables.includes(read) && !read.startsWith("raw.")) return [];
    const near = nearest(read, tables);
    const why = read.startsWith("raw.")
      ? "; read the clean or the curated zone"
      : `, which there is not${near ? `; did you mean ${near}?` : ""}`;
    return [{ path, reason: `reads ${read}${why}` }];
  });
  return [...found, ...reads];
}
