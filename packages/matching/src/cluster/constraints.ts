/** A limit on the distinct values that one cluster may hold. */
export interface ValueLimit {
  readonly name: string;
  readonly limit: number;
  /** Value numbers of a record; none where nothing is known. */
  readonly values: (row: number) => readonly number[];
}

/** An attribute whose differing values speak against one person. */
export interface Veto {
  readonly name: string;
  /** Clusters stay apart where more than this share of their pairs of known values conflict. */
  readonly above: number;
  /** Value number of a record; −1 where nothing is known. */
  readonly value: (row: number) => number;
  /** Whether two different values contradict each other (a slip of the pen does not). Symmetric. */
  readonly conflict: (a: number, b: number) => boolean;
}

export interface Constraints {
  /** Most records of one cluster. */
  readonly maxSize: number;
  readonly limits: readonly ValueLimit[];
  readonly vetoes: readonly Veto[];
  /** Records that are not the same person, both ways. */
  readonly apart: ReadonlyMap<number, readonly number[]>;
}

/** Distinct values with how many records have each. */
interface Histogram {
  readonly values: number[];
  readonly counts: number[];
}

/** What a cluster holds, as far as constraints ask. Size is bounded by `maxSize`, histograms by distinct values. */
export interface Holding {
  size: number;
  members: number[];
  readonly limited: Set<number>[];
  readonly known: Histogram[];
}

export function holdingOf(row: number, constraints: Constraints): Holding {
  return {
    size: 1,
    members: [row],
    limited: constraints.limits.map((limit) => new Set(limit.values(row))),
    known: constraints.vetoes.map((veto) => {
      const value = veto.value(row);
      return value < 0 ? { values: [], counts: [] } : { values: [value], counts: [1] };
    }),
  };
}

/** Why two clusters must not become one; undefined where they may. Independent of which is first. */
export function refusal(a: Holding, b: Holding, constraints: Constraints): string | undefined {
  if (a.size + b.size > constraints.maxSize) return `more than ${constraints.maxSize} records`;
  if (constraints.apart.size > 0 && areApart(a, b, constraints.apart)) return "declared to be two people";
  for (let index = 0; index < constraints.limits.length; index++) {
    const { limit, name } = constraints.limits[index] as ValueLimit;
    if (unionSize(a.limited[index] as Set<number>, b.limited[index] as Set<number>) > limit) {
      return `more than ${limit} values of ${name}`;
    }
  }
  for (let index = 0; index < constraints.vetoes.length; index++) {
    const veto = constraints.vetoes[index] as Veto;
    if (isVetoed(a.known[index] as Histogram, b.known[index] as Histogram, veto)) return `${veto.name} differs`;
  }
  return undefined;
}

/** Adds the smaller cluster's holding to the larger one's. */
export function mergeHoldings(a: Holding, b: Holding): Holding {
  const [into, from] = a.size >= b.size ? [a, b] : [b, a];
  into.size += from.size;
  for (const member of from.members) into.members.push(member);
  for (let index = 0; index < into.limited.length; index++) {
    for (const value of from.limited[index] as Set<number>) into.limited[index]?.add(value);
  }
  for (let index = 0; index < into.known.length; index++) {
    const target = into.known[index] as Histogram;
    const { values, counts } = from.known[index] as Histogram;
    for (let at = 0; at < values.length; at++) {
      const place = target.values.indexOf(values[at] as number);
      if (place < 0) {
        target.values.push(values[at] as number);
        target.counts.push(counts[at] as number);
      } else target.counts[place] = (target.counts[place] as number) + (counts[at] as number);
    }
  }
  return into;
}

function areApart(a: Holding, b: Holding, apart: ReadonlyMap<number, readonly number[]>): boolean {
  const [few, many] = a.size <= b.size ? [a, b] : [b, a];
  for (const member of few.members) {
    for (const other of apart.get(member) ?? []) if (many.members.includes(other)) return true;
  }
  return false;
}

function unionSize(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let size = a.size;
  for (const value of b) if (!a.has(value)) size++;
  return size;
}

function isVetoed(a: Histogram, b: Histogram, veto: Veto): boolean {
  let pairs = 0;
  let conflicts = 0;
  for (let i = 0; i < a.values.length; i++) {
    for (let j = 0; j < b.values.length; j++) {
      const weight = (a.counts[i] as number) * (b.counts[j] as number);
      pairs += weight;
      if (a.values[i] !== b.values[j] && veto.conflict(a.values[i] as number, b.values[j] as number))
        conflicts += weight;
    }
  }
  return conflicts > veto.above * pairs;
}
