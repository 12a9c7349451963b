import { type Constraints, type Holding, holdingOf, mergeHoldings, refusal } from "./constraints";

/** A link between two members of a component, by their places in it. */
export interface LocalLink {
  readonly a: number;
  readonly b: number;
  /** Position of its rule. Below 0 it holds whatever the constraints say. */
  readonly tier: number;
  readonly weight: number;
}

export interface Clustering {
  /** Per member: the place of its cluster's first member. */
  readonly root: Int32Array;
  /** The links that hold clusters together: a spanning tree of each. */
  readonly kept: readonly LocalLink[];
  /** Links that a constraint did not let hold, with the reason; at most 1,000. */
  readonly cut: readonly (LocalLink & { readonly reason: string })[];
}

const mostCuts = 1_000;

/**
 * Clusters one component: each link in turn, in the order given, unites two clusters unless the united one would break a
 * constraint. `rows` are in the order of their record ids and `links` in a total order made from those places, so the
 * result depends on nothing but the set of records.
 */
export function clusterComponent(
  rows: ArrayLike<number>,
  links: Iterable<LocalLink>,
  constraints: Constraints,
): Clustering {
  const size = rows.length;
  const parent = new Int32Array(size);
  const holdings: (Holding | undefined)[] = new Array(size);
  for (let place = 0; place < size; place++) {
    parent[place] = place;
    holdings[place] = holdingOf(rows[place] as number, constraints);
  }
  const find = (place: number): number => {
    let current = place;
    while (parent[current] !== current) {
      parent[current] = parent[parent[current] as number] as number;
      current = parent[current] as number;
    }
    return current;
  };
  const kept: LocalLink[] = [];
  const cut: (LocalLink & { reason: string })[] = [];
  // A pair of clusters that was refused is asked again only when one of them has changed.
  const refused = new Map<number, number>();
  const version = new Int32Array(size);
  for (const link of links) {
    const x = find(link.a);
    const y = find(link.b);
    if (x === y) continue;
    const [low, high] = x < y ? [x, y] : [y, x];
    const a = holdings[low] as Holding;
    const b = holdings[high] as Holding;
    if (link.tier >= 0) {
      const pair = low * size + high;
      const state = (version[low] as number) + (version[high] as number);
      if (refused.get(pair) === state) continue;
      const reason = refusal(a, b, constraints);
      if (reason !== undefined) {
        refused.set(pair, state);
        if (cut.length < mostCuts) cut.push({ ...link, reason });
        continue;
      }
    }
    parent[high] = low;
    holdings[low] = mergeHoldings(a, b);
    holdings[high] = undefined;
    version[low] = (version[low] as number) + 1;
    kept.push(link);
  }
  for (let place = 0; place < size; place++) parent[place] = find(place);
  return { root: parent, kept, cut };
}

/**
 * The links of a rule's groups inside a component, in the order of their places: of each group all pairs, so clusters that
 * a constraint keeps apart can still be joined by the pairs that it does not mind; of a group of more than `star` members
 * only the pairs with its first, since pairs grow with the square.
 */
export function* groupLinks(
  groups: Iterable<readonly number[]>,
  size: number,
  tier: number,
  star = 300,
): Generator<LocalLink> {
  const pairs = new Set<number>();
  for (const members of groups) {
    const group = [...members].sort((a, b) => a - b);
    const firsts = group.length > star ? 1 : group.length - 1;
    for (let i = 0; i < firsts; i++) {
      for (let j = i + 1; j < group.length; j++) {
        if (group[i] !== group[j]) pairs.add((group[i] as number) * size + (group[j] as number));
      }
    }
  }
  for (const pair of Float64Array.from(pairs).sort()) {
    yield { a: Math.floor(pair / size), b: pair % size, tier, weight: 0 };
  }
}
