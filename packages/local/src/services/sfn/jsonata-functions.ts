import { createHash, randomUUID } from "node:crypto";
import type { Json } from "@tributary/model";
import { seededFraction } from "./random";

const hashes: Readonly<Record<string, string>> = {
  MD5: "md5",
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};

const whole = (value: unknown, name: string): number => {
  if (typeof value === "number") return Math.round(value);
  throw new Error(`${name} wants a number, not ${JSON.stringify(value)}`);
};

/** The functions that Step Functions adds to JSONata, and the one that it takes away. */
export const jsonataFunctions: Readonly<Record<string, (...args: never[]) => unknown>> = {
  uuid: () => randomUUID(),
  parse: (value: string) => JSON.parse(value) as Json,
  hash: (value: unknown, algorithm: string) => {
    const hash = hashes[algorithm];
    if (hash === undefined) throw new Error(`$hash: ${algorithm} is none of ${Object.keys(hashes).join(", ")}`);
    return createHash(hash)
      .update(typeof value === "string" ? value : JSON.stringify(value))
      .digest("hex");
  },
  random: (seed?: number) => (seed === undefined ? Math.random() : seededFraction(whole(seed, "$random"))),
  partition: (items: Json, by: number) => {
    const [all, size] = [Array.isArray(items) ? items : [items], whole(by, "$partition")];
    if (size < 1) throw new Error("$partition wants a positive size");
    return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
      all.slice(index * size, (index + 1) * size),
    );
  },
  range: (from: number, to: number, by: number) => {
    const [first, last, step] = [whole(from, "$range"), whole(to, "$range"), whole(by, "$range")];
    const length = step === 0 ? Number.POSITIVE_INFINITY : Math.floor((last - first) / step) + 1;
    if (length > 1000) throw new Error("$range gives at most 1000 elements and has no step of 0");
    return Array.from({ length: Math.max(0, length) }, (_, index) => first + index * step);
  },
  eval: () => {
    throw new Error("$eval is not supported in Step Functions; use $parse");
  },
};
