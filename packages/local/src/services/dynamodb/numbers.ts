import { AwsError } from "../../kernel";

/**
 * DynamoDB's numbers: up to 38 significant decimal digits, magnitude 1E-130 to 9.99…E+125, exact. They are kept as
 * text in one canonical form (no exponent, no superfluous zeros), so that equal numbers are equal texts.
 */

interface Decimal {
  readonly negative: boolean;
  /** Without leading or trailing zeros; empty for zero. */
  readonly digits: string;
  /** The value is 0.digits × 10^exponent. */
  readonly exponent: number;
}

const simple = /^(0|-?[1-9]\d{0,14})$/;
const numeral = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?\s*$/;
const maxDigits = 38;
const maxExponent = 126;
const minExponent = -129;

function refuse(message: string): AwsError {
  return new AwsError("ValidationException", message);
}

/** The canonical text of a number; throws DynamoDB's error for what is none or does not fit. */
export function normaliseNumber(text: string): string {
  return simple.test(text) ? text : format(parse(text));
}

function parse(text: string): Decimal {
  const match = numeral.exec(text);
  const whole = match?.[2] ?? "";
  const fraction = match?.[3] ?? "";
  if (!match || whole.length + fraction.length === 0) {
    throw refuse(
      text === ""
        ? "The parameter cannot be converted to a numeric value"
        : `The parameter cannot be converted to a numeric value: ${text}`,
    );
  }
  const all = whole + fraction;
  const digits = all.replace(/^0+/, "");
  const exponent = whole.length - (all.length - digits.length) + Number(match[4] ?? 0);
  return checked({ negative: match[1] === "-", digits: digits.replace(/0+$/, ""), exponent });
}

function checked(value: Decimal): Decimal {
  if (value.digits === "") return { negative: false, digits: "", exponent: 0 };
  if (value.digits.length > maxDigits) throw refuse("Attempting to store more than 38 significant digits in a Number");
  if (value.exponent > maxExponent) {
    throw refuse("Number overflow. Attempting to store a number with magnitude larger than supported range");
  }
  if (value.exponent < minExponent) {
    throw refuse("Number underflow. Attempting to store a number with magnitude smaller than supported range");
  }
  return value;
}

function format({ negative, digits, exponent }: Decimal): string {
  if (digits === "") return "0";
  const sign = negative ? "-" : "";
  if (exponent <= 0) return `${sign}0.${"0".repeat(-exponent)}${digits}`;
  if (exponent >= digits.length) return sign + digits + "0".repeat(exponent - digits.length);
  return `${sign}${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
}

/** Less than, equal to or greater than zero, as `a` is to `b`. Both canonical. */
export function compareNumbers(a: string, b: string): number {
  if (a === b) return 0;
  if (simple.test(a) && simple.test(b)) return Number(a) - Number(b);
  return sortableNumber(a) < sortableNumber(b) ? -1 : 1;
}

/** A text that sorts, character by character, as the number does. Takes a canonical number. */
export function sortableNumber(text: string): string {
  const { negative, digits, exponent } = parse(text);
  if (digits === "") return "1";
  const shifted = exponent + 500;
  if (!negative) return `2${shifted}${digits}`;
  // Of two negative numbers the longer one with the same beginning is the smaller: "~" sorts after every digit.
  return `0${999 - shifted}${[...digits].map((digit) => 9 - Number(digit)).join("")}~`;
}

/** `a + b`, exact; throws where the result has more than 38 digits or does not fit. */
export function addNumbers(a: string, b: string): string {
  if (simple.test(a) && simple.test(b)) return String(Number(a) + Number(b));
  const left = parse(a);
  const right = parse(b);
  const scale = Math.max(decimals(left), decimals(right));
  const sum = scaled(left, scale) + scaled(right, scale);
  const text = String(sum < 0n ? -sum : sum);
  const digits = text.replace(/^0+/, "");
  const exponent = digits.length - scale;
  return format(checked({ negative: sum < 0n, digits: digits.replace(/0+$/, ""), exponent }));
}

/** `a − b`, exact, under the rules of `addNumbers`. */
export function subtractNumbers(a: string, b: string): string {
  if (b === "0") return a;
  return addNumbers(a, b.startsWith("-") ? b.slice(1) : `-${b}`);
}

function decimals({ digits, exponent }: Decimal): number {
  return digits.length - exponent;
}

function scaled(value: Decimal, scale: number): bigint {
  const integer = BigInt(value.digits || "0") * 10n ** BigInt(scale - decimals(value));
  return value.negative ? -integer : integer;
}
