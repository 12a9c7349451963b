import { createHash } from "node:crypto";

/** A fraction in [0, 1) that is always the same for a seed. Its values are not those that AWS draws for the seed. */
export const seededFraction = (seed: number): number =>
  createHash("sha256").update(String(seed)).digest().readUInt32BE() / 2 ** 32;
