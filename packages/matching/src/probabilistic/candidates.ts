import { type Blocks, buildBlock, groupingOf, mostMembers } from "./blocks";
import { byContent } from "./encode";
import type { Key } from "./keys";
import type { BlockSamples } from "./samples";
import { bits } from "./strings";
import { Claimed, type Threads } from "./threads";

/** One conjunction that records are blocked by, and what it costs. */
export interface Blocking {
  readonly keys: readonly Key[];
  readonly blocks: Blocks;
  /** Pairs of blocks that are small enough to compare. */
  readonly pairs: number;
  /** Blocks too large to compare: their pairs are left to the other blockings. */
  readonly skipped: number;
}

/** How often a true match agrees on a key, where both records have it. */
export type Agreement = (key: Key) => number;

export interface BlockingChoice {
  readonly chosen: readonly Blocking[];
  /** Share of the matches that the model expects to meet in one block at least. */
  readonly recall: number;
}

const addressRoles: ReadonlySet<string> = new Set(["street", "place", "postcode", "category"]);

/** A value that costs no more than this many pairs a record is blocked by in any case. */
const cheap = 1;

/** Numbers between 0 and 1 that look random and are always the same. */
function* sequence(seed: number): Generator<number> {
  let state = seed >>> 0;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield ((state >>> 8) ^ (state & 0xff)) / 2 ** 24;
  }
}

/**
 * Chooses conjunctions of up to three keys, those first that bring most new matches for each pair to compare, until the
 * pairs allowed are used up or no conjunction brings anything. Matches are simulated: a match agrees on a key as often as
 * the model learned, keys of one subject together; which columns are known is taken from real records. While
 * pairs last, matches are to meet twice: what is simulated is more independent than people are.
 */
export async function chooseBlocking(
  keys: readonly Key[],
  size: number,
  budget: number,
  agreement: Agreement,
  order: Float64Array,
  samples: BlockSamples,
  threads: Threads,
): Promise<BlockingChoice> {
  const agrees = simulate(keys, agreement, order);
  // Going through a blocking costs something even where it has no pair.
  const fixed = size * 0.2 + budget * 0.01;
  const options = conjunctions(keys, size, budget, agrees, fixed);
  const builder = new Claimed("block", buildBlock, threads, mostBlockings);
  const chosen: (readonly Key[])[] = [];
  let pairs = 0;
  const open = [new Uint32Array(words).fill(0xffffffff), new Uint32Array(words).fill(0xffffffff)] as const;
  const choose = (option: Option): void => {
    const some = option.keys.map((key) => keys[key] as Key);
    chosen.push(some);
    builder.add({ keys: some.map(groupingOf) });
    option.used = true;
    pairs += option.cost - fixed;
    for (let word = 0; word < words; word++) {
      const met = option.agrees[word] as number;
      const again = met & ~(open[0][word] as number);
      open[1][word] = (open[1][word] as number) & ~again;
      open[0][word] = (open[0][word] as number) & ~met;
    }
  };
  for (const option of options) {
    const [key, another] = option.keys.map((at) => keys[at] as Key);
    if (key === undefined || another !== undefined || !key.exact) continue;
    if (option.cost <= size * cheap + fixed && chosen.length < 12) choose(option);
  }
  for (const wanted of open) {
    for (const option of options) option.gain = common(option.agrees, wanted);
    while (chosen.length < mostBlockings) {
      const best = bestOption(options, wanted, budget - pairs, keys, samples, fixed);
      if (best === undefined) break;
      choose(best);
    }
  }
  const recall = 1 - open[0].reduce((sum, word) => sum + bits(word), 0) / simulated;
  return { chosen: affordable(await measured(chosen, builder), budget * 2), recall };
}

/** What was chosen by samples costs about what it seemed to; where it is far more, what was chosen last is left out. */
function affordable(chosen: readonly Blocking[], most: number): Blocking[] {
  let pairs = 0;
  return chosen.filter((one) => {
    const fits = pairs + one.pairs <= most;
    if (fits) pairs += one.pairs;
    return fits;
  });
}

/**
 * Blocking as declared: each list of columns together. A column that cannot block (nobody or everybody agrees on it) finds
 * nothing. At most thirty lists of three columns.
 */
export async function declaredBlocking(
  columns: readonly (readonly string[])[],
  keys: readonly Key[],
  threads: Threads,
): Promise<BlockingChoice> {
  const builder = new Claimed("block", buildBlock, threads, mostBlockings);
  const chosen = columns.slice(0, mostBlockings).flatMap((names) => {
    const some = names
      .slice(0, 3)
      .map((name) => keys.find((key) => key.exact && key.column.field.columns.includes(name)));
    return some.every((key) => key !== undefined) ? [some] : [];
  });
  for (const some of chosen) builder.add({ keys: some.map(groupingOf) });
  return { chosen: await measured(chosen, builder), recall: Number.NaN };
}

/** Simulated matches are bits. */
const words = 128;
const simulated = words * 32;
const fewestGained = 2;
/** Which blockings skip a record's block is one bit each. */
const mostBlockings = 30;

interface Option {
  readonly keys: readonly number[];
  readonly name: string;
  readonly agrees: Uint32Array;
  cost: number;
  gain: number;
  used: boolean;
  /** Its cost was counted, not only guessed from how rare its keys are. */
  counted: boolean;
}

/** The option with most matches of those wanted for its cost, which is counted when it is about to be chosen. */
function bestOption(
  options: readonly Option[],
  wanted: Uint32Array,
  allowed: number,
  keys: readonly Key[],
  samples: BlockSamples,
  fixed: number,
): Option | undefined {
  for (;;) {
    let best: Option | undefined;
    for (const option of options) {
      if (option.used || option.gain < fewestGained || option.cost - fixed > allowed) continue;
      if (best !== undefined && option.gain / option.cost <= best.gain / best.cost) continue;
      // What an option brings only shrinks: it is counted again when it seems to be the best.
      option.gain = common(option.agrees, wanted);
      if (option.gain < fewestGained) continue;
      if (best === undefined || option.gain / option.cost > best.gain / best.cost) best = option;
    }
    if (best === undefined || best.counted) return best;
    const some = best.keys.map((key) => keys[key] as Key);
    best.cost = Math.max(best.cost, samples.pairsOf(some) + fixed);
    best.counted = true;
  }
}

function common(a: Uint32Array, b: Uint32Array): number {
  let sum = 0;
  for (let word = 0; word < words; word++) sum += bits((a[word] as number) & (b[word] as number));
  return sum;
}

function conjunctions(
  keys: readonly Key[],
  size: number,
  budget: number,
  agrees: readonly Uint32Array[],
  fixed: number,
): Option[] {
  const options: Option[] = [];
  const all = (size * (size - 1)) / 2;
  const add = (some: readonly number[]): void => {
    const chance = some.reduce(
      (product, key) => product * (keys[key] as Key).collision * (keys[key] as Key).coverage ** 2,
      1,
    );
    if (all * chance > budget) return;
    const together = new Uint32Array(words).fill(0xffffffff);
    for (const key of some) {
      for (let word = 0; word < words; word++) {
        together[word] = (together[word] as number) & ((agrees[key] as Uint32Array)[word] as number);
      }
    }
    const name = some.map((key) => (keys[key] as Key).name).join(" & ");
    options.push({
      keys: some,
      name,
      agrees: together,
      cost: all * chance + fixed,
      gain: 0,
      used: false,
      counted: false,
    });
  };
  const apart = (a: number, b: number) => (keys[a] as Key).column !== (keys[b] as Key).column;
  for (let a = 0; a < keys.length; a++) {
    add([a]);
    for (let b = a + 1; b < keys.length; b++) {
      if (!apart(a, b)) continue;
      add([a, b]);
      for (let c = b + 1; c < keys.length; c++) if (apart(a, c) && apart(b, c)) add([a, b, c]);
    }
  }
  return options.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function measured(chosen: readonly (readonly Key[])[], builder: Claimed<"block">): Promise<Blocking[]> {
  const all = await builder.all();
  return chosen.map((keys, at): Blocking => {
    const blocks = all[at] as Blocks;
    let pairs = 0;
    let skipped = 0;
    for (let block = 0; block + 1 < blocks.starts.length; block++) {
      const members = (blocks.starts[block + 1] as number) - (blocks.starts[block] as number);
      if (members > mostMembers) skipped++;
      else pairs += (members * (members - 1)) / 2;
    }
    return { keys, blocks, pairs, skipped };
  });
}

function simulate(keys: readonly Key[], agreement: Agreement, order: Float64Array): Uint32Array[] {
  const random = sequence(20_011);
  // Who moves has another street, city and postcode at once: what belongs together agrees or differs together.
  const subjectOf = (key: Key) => (addressRoles.has(key.column.role) ? "address" : key.column);
  const subjects = [...new Set(keys.map(subjectOf))];
  const draws = subjects.map(() => Float64Array.from({ length: simulated }, () => random.next().value as number));
  const picked = byContent(order, simulated * 4);
  return keys.map((key) => {
    const chance = agreement(key);
    const draw = draws[subjects.indexOf(subjectOf(key))] as Float64Array;
    const bitset = new Uint32Array(words);
    for (let s = 0; s < simulated; s++) {
      const one = picked[(s * 2) % picked.length] as number;
      const other = picked[(s * 2 + 1) % picked.length] as number;
      if ((key.codes[one] as number) < 0 || (key.codes[other] as number) < 0 || (draw[s] as number) >= chance) continue;
      bitset[s >> 5] = (bitset[s >> 5] as number) | (1 << (s & 31));
    }
    return bitset;
  });
}
