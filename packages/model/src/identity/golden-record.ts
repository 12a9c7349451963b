import { canonicalJson, shortHash } from "../canonical";
import type { Json } from "../json";
import type { ConsentState, FieldLineage, Profile } from "../profile";
import { type Fact, isLaterFact, sourceOfFact, traitOfFact } from "./evidence";
import { compareText } from "./identifiers";
import { type Member, profileIdOf } from "./member";
import type { IdentityRules } from "./rules";
import { defaultSurvivorship, type Statement, survivorOf } from "./survivorship";

/**
 * The record of a person: a pure function of the members of a cluster and what hangs on them, never of an earlier record,
 * so that merges and their undoing cannot depend on order. Each trait is chosen by the rules' survivorship and keeps where
 * it came from.
 */
export function profileOf(members: readonly Member[], rules: IdentityRules): Profile {
  let canonical = members[0] as Member;
  let lastSeen = 0;
  for (const member of members) {
    const { node, key } = member;
    lastSeen = Math.max(lastSeen, node.lastSeen, node.firstSeen);
    const earlier = node.firstSeen - canonical.node.firstSeen || compareText(key, canonical.key);
    if (earlier < 0) canonical = member;
  }
  const identifiers = [...members]
    .sort((a, b) => a.rank - b.rank || compareText(a.key, b.key))
    .map(({ node }) => ({
      type: node.type,
      value: node.value,
      firstSeen: isoTime(node.firstSeen),
      lastSeen: isoTime(Math.max(node.firstSeen, node.lastSeen)),
    }));
  const content = {
    profileId: profileIdOf(canonical.key),
    identifiers,
    ...traitsOf(members, rules),
    consent: consentOf(members, rules),
    firstSeen: isoTime(canonical.node.firstSeen),
    lastSeen: isoTime(lastSeen),
  };
  return { ...content, version: shortHash(canonicalJson(content)) };
}

function traitsOf(members: readonly Member[], rules: IdentityRules): Pick<Profile, "traits" | "lineage"> {
  const survivorship = rules.survivorship ?? defaultSurvivorship;
  const resolution = rules.lastSeenResolutionSeconds * 1_000;
  const traits: Record<string, Json> = {};
  const lineage: Record<string, FieldLineage> = {};
  const stated = new Map<string, Statement[]>();
  for (const { key, node } of members) {
    for (const [factKey, fact] of node.traits) {
      const trait = traitOfFact(factKey);
      const statement = { fact, identifier: key, sourceId: sourceOfFact(factKey) };
      const others = stated.get(trait);
      if (others) others.push(statement);
      else stated.set(trait, [statement]);
    }
  }
  for (const trait of [...stated.keys()].sort()) {
    const strategies = Object.hasOwn(survivorship.fields, trait)
      ? (survivorship.fields[trait] ?? survivorship.default)
      : survivorship.default;
    const survivor = survivorOf(stated.get(trait) ?? [], strategies);
    if (!survivor) continue;
    const { from, value, by } = survivor;
    traits[trait] = value;
    const at = isoTime(Math.floor(from.fact.at / resolution) * resolution);
    lineage[trait] = { sourceId: from.sourceId, identifier: from.identifier, at, by };
  }
  return { traits, lineage };
}

function consentOf(members: readonly Member[], rules: IdentityRules): Profile["consent"] {
  const restrictive = rules.survivorship?.consent === "most-restrictive";
  const winners = new Map<string, Fact>();
  for (const { node } of members) {
    for (const [purpose, fact] of node.consent) {
      const known = winners.get(purpose);
      if (!known || (restrictive ? isMoreRestrictive(fact, known) : isLaterFact(fact, known)))
        winners.set(purpose, fact);
    }
  }
  const consent: Record<string, ConsentState> = {};
  for (const [purpose, fact] of [...winners].sort((a, b) => compareText(a[0], b[0]))) {
    consent[purpose] = { granted: fact.value === true, at: isoTime(fact.at) };
  }
  return consent;
}

/** A denial before a grant; of equal ones the newer. */
function isMoreRestrictive(a: Fact, b: Fact): boolean {
  const [granted, other] = [a.value === true, b.value === true];
  return granted === other ? isLaterFact(a, b) : !granted;
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
