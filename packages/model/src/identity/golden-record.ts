import { canonicalJson, shortHash } from "../canonical";
import type { Json } from "../json";
import type { ConsentState, Profile } from "../profile";
import { type Fact, isLaterFact } from "./evidence";
import { compareText } from "./identifiers";
import { type Member, profileIdOf } from "./member";

function foldFacts(members: readonly Member[], facts: "traits" | "consent"): [string, Fact][] {
  const latest = new Map<string, Fact>();
  for (const { node } of members) {
    for (const [name, fact] of node[facts]) {
      const known = latest.get(name);
      if (!known || isLaterFact(fact, known)) latest.set(name, fact);
    }
  }
  return [...latest].sort((a, b) => compareText(a[0], b[0]));
}

/** The fold of a cluster's facts. A trait whose newest value is null is gone. */
export function profileOf(members: readonly Member[]): Profile {
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
  const traits: [string, Json][] = [];
  for (const [name, fact] of foldFacts(members, "traits")) if (fact.value !== null) traits.push([name, fact.value]);
  const consent: [string, ConsentState][] = [];
  for (const [purpose, fact] of foldFacts(members, "consent")) {
    consent.push([purpose, { granted: fact.value === true, at: isoTime(fact.at) }]);
  }
  const content = {
    profileId: profileIdOf(canonical.key),
    identifiers,
    traits: Object.fromEntries(traits),
    consent: Object.fromEntries(consent),
    firstSeen: isoTime(canonical.node.firstSeen),
    lastSeen: isoTime(lastSeen),
  };
  return { ...content, version: shortHash(canonicalJson(content)) };
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
