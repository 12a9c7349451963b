import type { DuckDBVector } from "@duckdb/node-api";
import type { AttributeType, MatchConstraints } from "@tributary/model";
import { numbersOf, type ValueColumn } from "../rules/columns";
import type { Keys } from "../rules/keys";
import type { Session } from "../session";
import { clusterComponent, groupLinks, type LocalLink } from "./constrained";
import type { Constraints } from "./constraints";
import { doubtfulRoots, linksByRoot, storeDoubtful } from "./doubtful";
import type { Links } from "./links";
import type { UnionFind } from "./union-find";
import { contradicts } from "./vetoes";

/** A rule's exact groups, to be made again for the members of one component. */
export interface RuleGroups {
  readonly tier: number;
  readonly keys: Keys;
  readonly suppressedKeys: ReadonlySet<number>;
}

export interface VetoColumn {
  readonly name: string;
  readonly type: AttributeType;
  readonly above: number;
  readonly column: ValueColumn;
  /** SQL over `source`. */
  readonly value: string;
}

export interface LimitColumns {
  readonly name: string;
  readonly limit: number;
  readonly columns: readonly ValueColumn[];
}

export interface ConstrainedInput {
  readonly session: Session;
  readonly records: number;
  /** SQL over `source`. */
  readonly id: string;
  /** All links as sets, constraints left aside. */
  readonly sets: UnionFind;
  readonly groups: readonly RuleGroups[];
  readonly links: Links;
  /** Links up to this tier are rules'; the others go by weight. */
  readonly rules: number;
  readonly limits: readonly LimitColumns[];
  readonly vetoes: readonly VetoColumn[];
  readonly mustLink: readonly (readonly [number, number])[];
  readonly apart: ReadonlyMap<number, readonly number[]>;
  readonly maxSize: MatchConstraints["maxSize"];
  /** Told of each link that holds, with the two records' ids; then components without a doubt are gone through too. */
  readonly onKept?: (link: KeptLink) => void;
}

export interface KeptLink {
  readonly a: number;
  readonly b: number;
  readonly idA: string;
  readonly idB: string;
  /** −1 for a must-link. */
  readonly tier: number;
  readonly weight: number;
}

export interface ConstrainedOutcome {
  /** Per record: the first record of its cluster. */
  readonly root: Int32Array;
  /** Records of components that a constraint could break. */
  readonly doubtful: number;
  /** Links cut, by reason. */
  readonly cut: ReadonlyMap<string, number>;
}

/**
 * Clusters under constraints. Components in which no constraint could break, and these are nearly all, stay as plain
 * union-find has them; the others are read from DuckDB one by one in the order of record ids and clustered link by link.
 */
export async function clusterConstrained(input: ConstrainedInput): Promise<ConstrainedOutcome> {
  const { session, sets, records } = input;
  const root = sets.parent;
  for (let row = 0; row < records; row++) root[row] = sets.find(row);
  const doubtful = doubtfulRoots(input, root);
  const cut = new Map<string, number>();
  const count = await storeDoubtful(session, root, doubtful);
  if (count === 0) return { root, doubtful: 0, cut };

  const linksOf = linksByRoot(input.links, root, doubtful);
  const musts = new Map<number, [number, number][]>();
  for (const [a, b] of input.mustLink) {
    const at = root[a] as number;
    const known = musts.get(at);
    if (known) known.push([a, b]);
    else musts.set(at, [[a, b]]);
  }
  const component = new Component(input, cut);
  const values = input.vetoes.map(({ value }, index) => `${value} as v${index}`);
  const list = ["d.root", "d.r", `${input.id} as id`, ...values].join(", ");
  const newRoot = (row: number, first: number): void => {
    root[row] = first;
  };
  let current = -1;
  const finish = (): void => {
    if (current >= 0) component.cluster(linksOf(current), musts.get(current) ?? [], newRoot);
  };
  await session.stream(`select ${list} from doubtful d join source on source.rowid = d.r order by 1, 3, 2`, (chunk) => {
    const columns = Array.from({ length: chunk.columnCount }, (_, index) => chunk.getColumnVector(index));
    for (let row = 0; row < chunk.rowCount; row++) {
      const at = (columns[0] as DuckDBVector).getItem(row) as number;
      if (at !== current) {
        finish();
        current = at;
        component.start();
      }
      component.add(
        (columns[1] as DuckDBVector).getItem(row) as number,
        (columns[2] as DuckDBVector).getItem(row) as string,
        columns.slice(3).map((column) => column.getItem(row) as string | null),
      );
    }
  });
  finish();
  await session.run("drop table doubtful");
  return { root, doubtful: count, cut };
}

/** One component while it is read. */
class Component {
  private rows: number[] = [];
  private ids: string[] = [];
  private texts: (readonly (string | null)[])[] = [];

  constructor(
    private readonly input: ConstrainedInput,
    private readonly cut: Map<string, number>,
  ) {}

  start(): void {
    this.rows = [];
    this.ids = [];
    this.texts = [];
  }

  add(row: number, id: string, texts: readonly (string | null)[]): void {
    this.rows.push(row);
    this.ids.push(id);
    this.texts.push(texts);
  }

  cluster(
    links: readonly number[],
    musts: readonly (readonly [number, number])[],
    assign: (row: number, first: number) => void,
  ): void {
    const { rows, input } = this;
    const place = new Map(rows.map((row, index) => [row, index]));
    const places = Int32Array.from(rows.keys());
    const { root, kept, cut } = clusterComponent(places, this.links(links, musts, place), this.constraints(place));
    const first = new Map<number, number>();
    for (const [index, row] of rows.entries()) {
      const at = root[index] as number;
      first.set(at, Math.min(first.get(at) ?? row, row));
    }
    for (const [index, row] of rows.entries()) assign(row, first.get(root[index] as number) as number);
    for (const { reason } of cut) this.cut.set(reason, (this.cut.get(reason) ?? 0) + 1);
    if (!input.onKept) return;
    for (const { a, b, tier, weight } of kept) {
      const [rowA, rowB] = [rows[a] as number, rows[b] as number];
      input.onKept({ a: rowA, b: rowB, idA: this.ids[a] as string, idB: this.ids[b] as string, tier, weight });
    }
  }

  /** Must-links, then rule by rule, then by weight; inside each by the places of the records' ids. */
  private *links(
    links: readonly number[],
    musts: readonly (readonly [number, number])[],
    place: ReadonlyMap<number, number>,
  ): Generator<LocalLink> {
    const { rows, input } = this;
    const size = rows.length;
    const local = (row: number): number => place.get(row) as number;
    yield* groupLinks(
      musts.map(([a, b]) => [local(a), local(b)]),
      size,
      -1,
    );
    const pairs = new Map<number, number[][]>();
    const weighed: LocalLink[] = [];
    for (const link of links) {
      const a = local(input.links.a[link] as number);
      const b = local(input.links.b[link] as number);
      const tier = input.links.tier[link] as number;
      if (tier < input.rules) {
        const known = pairs.get(tier);
        if (known) known.push([a, b]);
        else pairs.set(tier, [[a, b]]);
      } else weighed.push({ a: Math.min(a, b), b: Math.max(a, b), tier, weight: input.links.weight[link] as number });
    }
    for (let tier = 0; tier < input.rules; tier++) {
      const groups: (readonly number[])[] = pairs.get(tier) ?? [];
      for (const group of input.groups) if (group.tier === tier) groups.push(...this.groupsOf(group));
      yield* groupLinks(groups, size, tier);
    }
    yield* weighed.sort((x, y) => x.tier - y.tier || y.weight - x.weight || x.a - y.a || x.b - y.b);
  }

  private groupsOf({ keys, suppressedKeys }: RuleGroups): Iterable<readonly number[]> {
    const groups = new Map<number, number[]>();
    for (const [place, row] of this.rows.entries()) {
      for (let variant = 0; variant < keys.variants; variant++) {
        if (!keys.make(row, variant)) continue;
        const key = keys.number;
        if (suppressedKeys.has(key)) continue;
        const group = groups.get(key);
        if (!group) groups.set(key, [place]);
        else if (group[group.length - 1] !== place) group.push(place);
      }
    }
    return groups.values();
  }

  private constraints(place: ReadonlyMap<number, number>): Constraints {
    const { rows, texts, input } = this;
    const apart = new Map<number, number[]>();
    if (input.apart.size > 0) {
      for (const [index, row] of rows.entries()) {
        const others = (input.apart.get(row) ?? []).flatMap((other) => place.get(other) ?? []);
        if (others.length > 0) apart.set(index, others);
      }
    }
    const vetoes = input.vetoes.map((veto, index) => {
      const numbers = new Map<string, number>();
      const known: string[] = [];
      const value = rows.map((_, at) => {
        const text = texts[at]?.[index];
        if (text === null || text === undefined) return -1;
        const number = numbers.get(text) ?? known.push(text) - 1;
        numbers.set(text, number);
        return number;
      });
      const verdicts = new Map<number, boolean>();
      const conflict = (a: number, b: number): boolean => {
        const pair = a < b ? a * known.length + b : b * known.length + a;
        let verdict = verdicts.get(pair);
        if (verdict === undefined) {
          verdict = contradicts(veto.type, known[a] as string, known[b] as string);
          verdicts.set(pair, verdict);
        }
        return verdict;
      };
      return { name: veto.name, above: veto.above, value: (at: number) => value[at] as number, conflict };
    });
    const limits = input.limits.map(({ name, limit, columns }) => ({
      name,
      limit,
      values: (at: number) => numbersOf(columns, rows[at] as number),
    }));
    return { maxSize: input.maxSize, limits, vetoes, apart };
  }
}
