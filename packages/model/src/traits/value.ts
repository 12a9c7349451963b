import type { Json } from "../json";
import { maxTraitText } from "./definition";

/** A value that a trait can be made of. */
export type TraitValue = string | number | boolean;

/** Numbers count to six decimals: in millionths. */
const decimals = 6;

/** Where numbers end: from here on a double no longer holds every whole number. */
const most = 10n ** 15n * 1_000_000n;
const numeral = /^([-+]?)(?:([0-9]+)(?:[.]([0-9]*))?|[.]([0-9]+))(?:[eE]([-+]?[0-9]{1,3}))?$/;
/** Longest text that is read as a number. */
const maxNumeral = 30;

/** A number in millionths, rounded half away from zero from its shortest decimal text; undefined from 10^15 on. */
export function millionths(value: number): bigint | undefined {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return BigInt(value) * 1_000_000n;
  return Number.isFinite(value) ? millionthsOfText(String(value)) : undefined;
}

/** Of text that is a decimal number, such as `12.50` or `1e3`; undefined of any other. */
function millionthsOfText(text: string): bigint | undefined {
  const found = text.length > maxNumeral ? null : numeral.exec(text);
  if (!found) return undefined;
  const [, sign, whole = "", fraction = found[4] ?? "", , exponent = "0"] = found;
  // A digit more than is kept, so that it can be rounded.
  const shift = decimals + 1 + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift > 30 && digits !== 0n) return undefined;
  const tenths = shift >= 0 ? digits * 10n ** BigInt(Math.min(shift, 30)) : digits / 10n ** BigInt(-shift);
  const rounded = (tenths + 5n) / 10n;
  if (rounded >= most) return undefined;
  return sign === "-" ? -rounded : rounded;
}

/** What counts as a number where one is asked for: a number, or text that is one. */
export function traitNumber(value: Json | undefined): number | undefined {
  const counted =
    typeof value === "number" ? millionths(value) : typeof value === "string" ? millionthsOfText(value) : undefined;
  return counted === undefined ? undefined : ofMillionths(counted);
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
