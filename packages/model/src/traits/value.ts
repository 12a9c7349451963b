import type { Json } from "../json";
import { maxTraitText } from "./definition";

/** A value that a trait can be made of. */
export type TraitValue = string | number | boolean;

/** Numbers count to six decimals: in millionths. */
const decimals = 6;

/**
 * A number in millionths, rounded half away from zero from its shortest decimal text; undefined from 10^15 on, where a
 * double no longer holds every whole number.
 */
export function millionths(value: number): bigint | undefined {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e15) return undefined;
  if (Number.isInteger(value)) return BigInt(value) * 1_000_000n;
  const magnitude = Math.abs(value);
  // Below a millionth JavaScript writes an exponent.
  if (magnitude < 1e-6) return magnitude < 5e-7 ? 0n : value < 0 ? -1n : 1n;
  const [whole = "0", fraction = ""] = String(magnitude).split(".");
  const kept = BigInt(whole + fraction.slice(0, decimals).padEnd(decimals, "0"));
  const rounded = fraction.charCodeAt(decimals) >= 53 ? kept + 1n : kept;
  return value < 0 ? -rounded : rounded;
}

/** The number that is nearest to so many millionths. */
export function ofMillionths(value: bigint): number {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, "0");
  const magnitude = Number(`${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`);
  return value < 0n ? -magnitude : magnitude;
}

/** What counts of a JSON value: text of at most `maxTraitText` characters, a number to six decimals, a boolean. */
export function traitValue(value: Json | undefined): TraitValue | undefined {
  switch (typeof value) {
    case "boolean":
      return value;
    case "number": {
      const counted = millionths(value);
      return counted === undefined ? undefined : ofMillionths(counted);
    }
    case "string":
      return isTraitText(value) ? value : undefined;
    default:
      return undefined;
  }
}

/** Halves of pairs, which no UTF-8 can hold. */
const loneSurrogate = /\p{Cs}/u;

function isTraitText(text: string): boolean {
  if (text.length > 2 * maxTraitText || loneSurrogate.test(text)) return false;
  return text.length <= maxTraitText || [...text].length <= maxTraitText;
}

/** Compares by code point, which is the order of UTF-8 bytes and of both SQL engines. JavaScript's own is by UTF-16 unit. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let place = 0; place < length; place++) {
    const left = a.charCodeAt(place);
    const right = b.charCodeAt(place);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Units of pairs, which stand for what is beyond the basic plane, come after all others. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

const kinds = { boolean: 0, number: 1, string: 2 };
const kindOf = (value: TraitValue): number => kinds[typeof value as keyof typeof kinds];

/** The order of values: booleans, numbers, texts by code point. */
export function compareValues(a: TraitValue, b: TraitValue): number {
  if (typeof a === "string" && typeof b === "string") return compareCodePoints(a, b);
  if (typeof a === typeof b) return Number(a) - Number(b);
  return kindOf(a) - kindOf(b);
}
