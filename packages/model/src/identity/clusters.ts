import type { CompiledRules } from "./identifiers";
import type { Member } from "./member";

/** Union-find over the identifiers of one component, which refuses a union that would break a limit. */
export class Clusters {
  private readonly parent: Int32Array;
  /** Per root and rank: values of the type, aliases counting as one. */
  private readonly counted: Int32Array;
  /** Per root and rank: values of the type. */
  private readonly held: Int32Array;
  private readonly width: number;

  constructor(
    private readonly members: readonly Member[],
    private readonly rules: CompiledRules,
  ) {
    this.width = rules.ordered.length;
    this.parent = Int32Array.from(members.keys());
    this.counted = new Int32Array(members.length * this.width);
    for (const [index, member] of members.entries()) this.counted[index * this.width + member.rank] = 1;
    this.held = this.counted.slice();
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
   * Unites the clusters of two members; instead gives the reason where a limit would break. An alias between two values
   * of one type declares them one, so they count once against the type's limit, up to the rules' `aliasLimit`. Aliases
   * must be united before all other links, or the count of what they joined is not theirs.
   */
  unite(a: number, b: number, alias: boolean): string | undefined {
    const into = this.find(a);
    const from = this.find(b);
    const renamed = alias && this.members[a]?.rank === this.members[b]?.rank ? this.members[a]?.rank : undefined;
    for (const rule of this.rules.ordered) {
      const together = this.sum(this.counted, into, from, rule.rank) - (renamed === rule.rank ? 1 : 0);
      if (together > rule.limit) return `a profile has at most ${rule.limit} ${rule.type}, this would make ${together}`;
      const held = this.sum(this.held, into, from, rule.rank);
      if (renamed === rule.rank && held > Math.max(this.rules.source.aliasLimit, rule.limit)) {
        return `aliases join at most ${this.rules.source.aliasLimit} values of ${rule.type}, this would make ${held}`;
      }
    }
    for (let rank = 0; rank < this.width; rank++) {
      this.counted[into * this.width + rank] = this.sum(this.counted, into, from, rank) - (renamed === rank ? 1 : 0);
      this.held[into * this.width + rank] = this.sum(this.held, into, from, rank);
    }
    this.parent[from] = into;
    return undefined;
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

  private sum(counts: Int32Array, into: number, from: number, rank: number): number {
    return this.at(counts, into * this.width + rank) + this.at(counts, from * this.width + rank);
  }

  private at(array: Int32Array, index: number): number {
    return array[index] ?? 0;
  }
}
