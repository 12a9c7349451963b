/** A seeded source of random numbers: the same seed gives the same people on every machine. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 up to, not including, 1. mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** True with a probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** From 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** The first more often than the last, as names are: rank r about as often as 1/(r + `even`) says (Zipf and Mandelbrot). */
  zipf(count: number, even: number): number {
    return Math.min(count - 1, Math.floor(even * ((count + even) / even) ** this.next() - even));
  }

  /** How many more of something there are, each with this probability. */
  geometric(probability: number, most: number): number {
    let count = 0;
    while (count < most && this.chance(probability)) count++;
    return count;
  }
}
