import { canonicalJson } from "../canonical";
import type { LinkKind } from "./evidence";
import { type Fact, isLaterFact, traitOfFact } from "./evidence";
import type { CompiledRules } from "./identifiers";
import type { Member } from "./member";

const day = 86_400_000;

/** Two members, by place, that a steward wants kept apart. */
export type Apart = readonly [number, number];

/**
 * Union-find over identifiers, which refuses a union that would break a constraint. Each constraint but the veto is
 * *monotone*: what breaks it for two clusters breaks it for any larger two. `IdentityGraph` rests on that.
 */
export class Clusters {
  private readonly parent: Int32Array;
  private readonly size: Int32Array;
  /** Per root and rank: values of the type, those that a steward or an alias declared to be one counting as one. */
  private readonly counted: Int32Array;
  /** Per root and rank: values of the type. */
  private readonly held: Int32Array;
  private readonly width: number;
  private readonly windowed: readonly number[];
  /** Members per root, kept only where a constraint has to look at each. */
  private readonly lists: (number[] | undefined)[] | undefined;

  constructor(
    private readonly members: readonly Member[],
    private readonly rules: CompiledRules,
    private readonly apart: readonly Apart[] = [],
  ) {
    const count = members.length;
    this.width = rules.ordered.length;
    this.parent = new Int32Array(count);
    this.size = new Int32Array(count).fill(1);
    this.counted = new Int32Array(count * this.width);
    for (let index = 0; index < count; index++) {
      this.parent[index] = index;
      this.counted[index * this.width + (members[index]?.rank ?? 0)] = 1;
    }
    this.held = this.counted.slice();
    this.windowed = rules.windowed;
    this.lists = rules.windowed.length > 0 || rules.vetoes.length > 0 ? members.map((_, index) => [index]) : undefined;
  }

  find(index: number): number {
    let root = index;
    while (this.at(this.parent, root) !== root) root = this.at(this.parent, root);
    let current = index;
    while (current !== root) {
      const next = this.at(this.parent, current);
      this.parent[current] = root;
      current = next;
    }
    return root;
  }

  /**
   * Unites the clusters of two members; instead gives the reason where a constraint would break. An alias between two
   * values of one type declares them one, so they count once against the type's limit, up to the rules' `aliasLimit`.
   * A steward's `must-link` may exceed the limits of types, never a `cannot-link` or the greatest size; what it joined
   * counts as the limit, so nothing more of the type comes in. Both must be united before all other links, or the
   * count of what they joined is not theirs.
   */
  unite(a: number, b: number, kind: LinkKind): string | undefined {
    const into = this.find(a);
    const from = this.find(b);
    const must = kind === "must-link";
    const renamed = kind === "alias" && this.members[a]?.rank === this.members[b]?.rank ? this.members[a]?.rank : -1;
    const refused =
      this.sizeRefuses(into, from) ??
      this.stewardRefuses(into, from) ??
      (must ? undefined : (this.limitRefuses(into, from, renamed ?? -1) ?? this.othersRefuse(into, from)));
    if (refused !== undefined) return refused;
    for (let rank = 0; rank < this.width; rank++) {
      const sum = this.sum(this.counted, into, from, rank) - (renamed === rank ? 1 : 0);
      this.counted[into * this.width + rank] = must ? Math.min(sum, this.rules.ordered[rank]?.limit ?? sum) : sum;
      this.held[into * this.width + rank] = this.sum(this.held, into, from, rank);
    }
    this.size[into] = this.at(this.size, into) + this.at(this.size, from);
    if (this.lists) this.lists[into] = [...(this.lists[into] ?? []), ...(this.lists[from] ?? [])];
    this.parent[from] = into;
    return undefined;
  }

  /** Values of each type in the cluster of a member, as they count against the limits. */
  counts(index: number): Int32Array {
    const root = this.find(index);
    return this.counted.slice(root * this.width, (root + 1) * this.width);
  }

  /** The clusters, each with its members in key order. */
  groups(): Member[][] {
    const groups = new Map<number, Member[]>();
    for (const [index, member] of this.members.entries()) {
      const root = this.find(index);
      const group = groups.get(root);
      if (group) group.push(member);
      else groups.set(root, [member]);
    }
    return [...groups.values()];
  }

  private sizeRefuses(into: number, from: number): string | undefined {
    const together = this.at(this.size, into) + this.at(this.size, from);
    const most = this.rules.source.maxComponentSize;
    return together > most ? `a profile has at most ${most} identifiers, this would make ${together}` : undefined;
  }

  private stewardRefuses(into: number, from: number): string | undefined {
    for (const [one, other] of this.apart) {
      const [x, y] = [this.find(one), this.find(other)];
      if ((x === into && y === from) || (x === from && y === into)) {
        return `a steward keeps ${this.members[one]?.key} and ${this.members[other]?.key} apart`;
      }
    }
    return undefined;
  }

  private limitRefuses(into: number, from: number, renamed: number): string | undefined {
    for (const rule of this.rules.ordered) {
      const together = this.sum(this.counted, into, from, rule.rank) - (renamed === rule.rank ? 1 : 0);
      if (together > rule.limit) return limitReason(rule.limit, rule.type, together);
      if (renamed !== rule.rank) continue;
      const held = this.sum(this.held, into, from, rule.rank);
      if (held > Math.max(this.rules.source.aliasLimit, rule.limit)) {
        return `aliases join at most ${this.rules.source.aliasLimit} values of ${rule.type}, this would make ${held}`;
      }
    }
    return undefined;
  }

  private othersRefuse(into: number, from: number): string | undefined {
    if (!this.lists) return undefined;
    const nodes = (root: number): Member[] => (this.lists?.[root] ?? []).map((place) => this.members[place] as Member);
    const [left, right] = [nodes(into), nodes(from)];
    return windowRefuses([...left, ...right], this.rules, this.windowed) ?? vetoRefuses(left, right, this.rules);
  }

  private sum(counts: Int32Array, into: number, from: number, rank: number): number {
    return this.at(counts, into * this.width + rank) + this.at(counts, from * this.width + rank);
  }

  private at(array: Int32Array, index: number): number {
    return array[index] ?? 0;
  }
}

export function limitReason(limit: number, type: string, together: number): string {
  return `a profile has at most ${limit} ${type}, this would make ${together}`;
}

/**
 * `limitWithin`: no window of so many days may hold the first sightings of more values of the type than the limit. A
 * value's first sighting is a minimum over all events, so arrival has no say in it.
 */
export function windowRefuses(
  members: readonly Member[],
  rules: CompiledRules,
  ranks: readonly number[],
): string | undefined {
  for (const rank of ranks) {
    const rule = rules.ordered[rank];
    const times = members.filter((member) => member.rank === rank).map(({ node }) => node.firstSeen);
    times.sort((a, b) => a - b);
    for (const { days, limit } of rule?.limitWithin ?? []) {
      for (let end = limit; end < times.length; end++) {
        if ((times[end] ?? 0) - (times[end - limit] ?? 0) < days * day) {
          return `a profile gains at most ${limit} ${rule?.type} within ${days} days, this would make ${limit + 1}`;
        }
      }
    }
  }
  return undefined;
}

/**
 * A veto: of all pairs of a value here and a value there, more than the given share differ. Each identifier states its
 * newest value; one that states none is neutral.
 */
function vetoRefuses(left: readonly Member[], right: readonly Member[], rules: CompiledRules): string | undefined {
  for (const { trait, above } of rules.vetoes) {
    const [ours, theirs] = [valuesOf(left, trait), valuesOf(right, trait)];
    const pairs = ours.length * theirs.length;
    if (pairs === 0) continue;
    let differing = 0;
    for (const value of ours) for (const other of theirs) if (value !== other) differing++;
    if (differing / pairs > above) {
      return `${trait} differs in ${Math.round((100 * differing) / pairs)} % of their statements, more than ${Math.round(100 * above)} % forbids a union`;
    }
  }
  return undefined;
}

/** The newest value of a trait that each member states, as comparable text. */
function valuesOf(members: readonly Member[], trait: string): string[] {
  const values: string[] = [];
  for (const { node } of members) {
    let newest: Fact | undefined;
    for (const [key, fact] of node.traits) {
      if (traitOfFact(key) === trait && (!newest || isLaterFact(fact, newest))) newest = fact;
    }
    const text = newest === undefined ? "" : comparable(newest.value);
    if (text !== "") values.push(text);
  }
  return values;
}

function comparable(value: Fact["value"]): string {
  if (value === null) return "";
  return (typeof value === "object" ? canonicalJson(value) : String(value)).trim().toLowerCase();
}
