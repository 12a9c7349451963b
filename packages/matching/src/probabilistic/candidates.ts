import { type Blocks, blocksOf } from "./blocks";
import { byContent } from "./encode";
import type { Key } from "./keys";

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

const mostMembers = 500;

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
 * the model learned, keys of one column together; which columns are known is taken from real records.
 */
export function chooseBlocking(
  keys: readonly Key[],
  size: number,
  budget: number,
  agreement: Agreement,
  order: Float64Array,
): BlockingChoice {
  const simulated = 4_000;
  const agrees = simulate(keys, simulated, agreement, order);
  const options = conjunctions(keys, size, budget);
  const covered = new Uint8Array(simulated);
  const hits = (option: Option): number => {
    let sum = 0;
    for (let s = 0; s < simulated; s++) {
      if (covered[s] === 0 && option.keys.every((key) => agrees[key]?.[s] === 1)) sum++;
    }
    return sum;
  };
  const chosen: Blocking[] = [];
  let left = budget;
  let missed = simulated;
  const choose = (option: Option, blocking: Blocking) => {
    chosen.push(blocking);
    left -= blocking.pairs;
    for (let s = 0; s < simulated; s++) {
      if (covered[s] === 0 && option.keys.every((key) => agrees[key]?.[s] === 1)) {
        covered[s] = 1;
        missed--;
      }
    }
  };
  for (const option of options) {
    const [key] = option.keys;
    if (option.keys.length > 1 || key === undefined || keys[key]?.exact !== true) continue;
    if (option.cost > size * (cheap + 0.2) + budget * 0.01 || chosen.length >= 12) continue;
    const blocking = measure([keys[key] as Key], size);
    if (blocking.pairs <= size * cheap * 2) choose(option, blocking);
  }
  for (const option of options) option.gain = hits(option);
  while (chosen.length < 30 && missed > 0) {
    // What a conjunction brings only shrinks: the best by its last count is counted again, until it stays the best.
    let best: Option | undefined;
    options.sort((a, b) => b.gain / b.cost - a.gain / a.cost || a.name.localeCompare(b.name));
    while (options.length > 0) {
      const head = options[0] as Option;
      const gain = hits(head);
      if (gain < simulated * 0.0005 || head.cost > left) {
        options.shift();
        continue;
      }
      head.gain = gain;
      const next = options[1];
      if (next !== undefined && gain / head.cost < next.gain / next.cost) {
        options.shift();
        const rate = gain / head.cost;
        let at = options.findIndex((other) => other.gain / other.cost <= rate);
        if (at < 0) at = options.length;
        options.splice(at, 0, head);
        continue;
      }
      if (head.blocking === undefined) {
        head.blocking = measure(
          head.keys.map((key) => keys[key] as Key),
          size,
        );
        const cost = head.blocking.pairs + size * 0.2 + budget * 0.01;
        const grew = cost > head.cost * 1.1;
        head.cost = cost;
        if (grew) continue;
      }
      best = head;
      options.shift();
      break;
    }
    if (best?.blocking === undefined) break;
    choose(best, best.blocking);
  }
  return { chosen, recall: 1 - missed / simulated };
}

interface Option {
  readonly keys: readonly number[];
  readonly name: string;
  cost: number;
  gain: number;
  blocking?: Blocking;
}

function conjunctions(keys: readonly Key[], size: number, budget: number): Option[] {
  const options: Option[] = [];
  const all = (size * (size - 1)) / 2;
  const add = (some: readonly number[]) => {
    const chance = some.reduce(
      (product, key) => product * (keys[key] as Key).collision * (keys[key] as Key).coverage ** 2,
      1,
    );
    const cost = all * chance;
    if (cost > budget) return;
    options.push({
      keys: some,
      name: some.map((key) => (keys[key] as Key).name).join(" & "),
      cost: cost + size * 0.2 + budget * 0.01,
      gain: 0,
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
  return options;
}

function measure(keys: readonly Key[], size: number): Blocking {
  const blocks = blocksOf(keys, size);
  let pairs = 0;
  let skipped = 0;
  for (let block = 0; block + 1 < blocks.starts.length; block++) {
    const members = (blocks.starts[block + 1] as number) - (blocks.starts[block] as number);
    if (members > mostMembers) skipped++;
    else pairs += (members * (members - 1)) / 2;
  }
  return { keys, blocks, pairs, skipped };
}

function simulate(keys: readonly Key[], simulated: number, agreement: Agreement, order: Float64Array): Uint8Array[] {
  const random = sequence(20_011);
  // Who moves has another street, city and postcode at once: what belongs together agrees or differs together.
  const subjectOf = (key: Key) => (addressRoles.has(key.column.role) ? "address" : key.column);
  const subjects = [...new Set(keys.map(subjectOf))];
  const draws = subjects.map(() => Float64Array.from({ length: simulated }, () => random.next().value as number));
  const picked = byContent(order, simulated * 4);
  return keys.map((key) => {
    const chance = agreement(key);
    const draw = draws[subjects.indexOf(subjectOf(key))] as Float64Array;
    return Uint8Array.from({ length: simulated }, (_, s) => {
      const one = picked[(s * 2) % picked.length] as number;
      const other = picked[(s * 2 + 1) % picked.length] as number;
      return (key.codes[one] as number) >= 0 && (key.codes[other] as number) >= 0 && (draw[s] as number) < chance
        ? 1
        : 0;
    });
  });
}

/** All pairs of the chosen blockings, each once: a pair is left out where an earlier blocking has compared it. */
export function eachPair(chosen: readonly Blocking[], size: number, take: (i: number, j: number) => void): void {
  const skippedIn = new Int32Array(size);
  chosen.forEach(({ blocks }, index) => {
    for (let block = 0; block + 1 < blocks.starts.length; block++) {
      const from = blocks.starts[block] as number;
      const to = blocks.starts[block + 1] as number;
      if (to - from <= mostMembers) continue;
      for (let at = from; at < to; at++) {
        const member = blocks.members[at] as number;
        skippedIn[member] = (skippedIn[member] as number) | (1 << index);
      }
    }
  });
  const codes = chosen.map(({ keys }) => keys.map((key) => key.codes));
  chosen.forEach(({ blocks }, index) => {
    const { members, starts } = blocks;
    for (let block = 0; block + 1 < starts.length; block++) {
      const from = starts[block] as number;
      const to = starts[block + 1] as number;
      if (to - from > mostMembers) continue;
      for (let x = from; x < to; x++) {
        const i = members[x] as number;
        for (let y = x + 1; y < to; y++) {
          const j = members[y] as number;
          let seen = false;
          for (let earlier = 0; earlier < index && !seen; earlier++) {
            const keyCodes = codes[earlier] as Int32Array[];
            let all = ((skippedIn[i] as number) & (1 << earlier)) === 0;
            for (let k = 0; k < keyCodes.length && all; k++) {
              const own = (keyCodes[k] as Int32Array)[i] as number;
              all = own >= 0 && own === (keyCodes[k] as Int32Array)[j];
            }
            seen = all;
          }
          if (!seen) take(i, j);
        }
      }
    }
  });
}
