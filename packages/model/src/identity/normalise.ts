import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js/min";

/** The ways to bring an identifier's value to one form. A rule names them in the order in which they apply. */
export const normaliserNames = ["trim", "lowercase", "email", "gmail", "phone", "digits"] as const;
export type NormaliserName = (typeof normaliserNames)[number];

/** Gives the normal form, or undefined where the value cannot be an identifier of this kind. */
type Normaliser = (value: string, defaultCountry: string | undefined) => string | undefined;

/** Something before and after one `@`, a dot in the domain, no blanks: enough to tell an address from junk. */
const emailShape = /^[^\s@<>"(),;:]+@[^\s@<>"(),;:]+\.[^\s@<>"(),;:.]{2,}$/;

/** Providers that ignore dots and everything after `+` in the part before the `@`. */
const gmailDomains = new Set(["gmail.com", "googlemail.com"]);

const normalisers: Record<NormaliserName, Normaliser> = {
  trim: (value) => value.trim(),
  lowercase: (value) => value.toLowerCase(),
  email: (value) => {
    const address = value
      .trim()
      .normalize("NFKC")
      .toLowerCase()
      .replace(/^mailto:/, "");
    return address.length <= 254 && emailShape.test(address) ? address : undefined;
  },
  gmail: (value) => {
    const at = value.lastIndexOf("@");
    if (at < 0 || !gmailDomains.has(value.slice(at + 1))) return value;
    const user = value.slice(0, at).split("+")[0]?.replaceAll(".", "");
    return user ? `${user}@gmail.com` : undefined;
  },
  phone: (value, defaultCountry) => {
    const country = defaultCountry && isSupportedCountry(defaultCountry) ? (defaultCountry as CountryCode) : undefined;
    const parsed = parsePhoneNumberFromString(value.trim().replace(/^00/, "+"), country);
    return parsed?.isPossible() ? parsed.number : undefined;
  },
  digits: (value) => value.replace(/\D/g, "") || undefined,
};

/**
 * Applies normalisers in order. Undefined where one of them finds that the value is none of its kind (an `email` without
 * an `@`, a `phone` that no country could dial), and where nothing is left.
 */
export function normalise(
  value: string,
  names: readonly NormaliserName[],
  defaultCountry?: string,
): string | undefined {
  let current: string | undefined = value;
  for (const name of names) {
    current = normalisers[name](current, defaultCountry);
    if (!current) return undefined;
  }
  return current || undefined;
}
