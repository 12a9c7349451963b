import type { AttributeType } from "./attribute-types";
import {
  addressWords,
  countryCodes,
  delimiters,
  directions,
  numberWords,
  phonePrefixes,
  specialCharacters,
  stateCodes,
} from "./aws-maps";
import { familyOf } from "./families";

/**
 * Whose word is taken for what Entity Resolution's ApplyNormalization does. They contradict each other:
 * `aws-glossary` is the user guide's glossary, `aws-sample` AWS's sample library for Entity Resolution (MIT-0).
 */
export type AwsNormalisation = "aws-glossary" | "aws-sample";

export interface AwsNormaliseOptions {
  readonly source: AwsNormalisation;
  /** The value is of a group. A sub-type that stands alone (NAME_FIRST, PHONE_NUMBER…) is not normalised. */
  readonly grouped?: boolean;
  /** The value is a hash: only blanks around it are removed. */
  readonly hashed?: boolean;
  /** ISO 3166 code or English name of the country of phones and addresses. */
  readonly country?: string | undefined;
}

type Step = (value: string) => string;

const trim: Step = (value) => value.trim();
const lowercase: Step = (value) => value.toLowerCase();
/** Decomposes and drops the marks: é is e. Letters that do not decompose (ø, ß, ł) stay. */
const convertAccent: Step = (value) => value.normalize("NFD").replace(/\p{M}/gu, "");
const keep =
  (unwanted: RegExp): Step =>
  (value) =>
    value.replace(unwanted, "");
const onlyAlpha = keep(/[^a-zA-Z]/g);
const onlyAlphanumeric = keep(/[^a-zA-Z0-9]/g);
const onlyDigits = keep(/[^0-9]/g);
const withoutLeadingZeroes: Step = (value) => value.replace(/^0+/, "");
/** The sample leaves a value of nothing but zeroes alone. */
const sampleLeadingZeroes: Step = (value) => (/^0+$/.test(value) ? value : withoutLeadingZeroes(value));
const replaceWords =
  (map: ReadonlyMap<string, string>): Step =>
  (value) =>
    value
      .split(" ")
      .map((word) => map.get(word) ?? word)
      .join(" ");
const replaceCharacters =
  (map: ReadonlyMap<string, string>): Step =>
  (value) =>
    [...value].map((character) => map.get(character) ?? character).join("");

const ensurePrefix =
  (country: string | undefined): Step =>
  (value) => {
    const prefix = country === undefined ? undefined : phonePrefixes.get(country);
    return prefix === undefined || value === "" || value.startsWith(prefix) ? value : `${prefix}${value}`;
  };

const apply = (value: string, ...steps: readonly Step[]): string =>
  steps.reduce((current, step) => step(current), value);

/** "Standardizes common domain variations": AWS does not say which; these are one provider's by its own word. */
const domainVariants: ReadonlyMap<string, string> = new Map([["googlemail.com", "gmail.com"]]);

const glossaryEmail: Step = (value) => {
  const at = value.lastIndexOf("@");
  if (at < 0) return value;
  const domain = value.slice(at + 1);
  const [user = ""] = value.slice(0, at).split("+");
  return `${user.replaceAll(".", "")}@${domainVariants.get(domain) ?? domain}`;
};

const insideBrackets: Step = (value) => /<([^>]*)>/.exec(value)?.[1] ?? value;
const withoutBlanks = keep(/\s+/g);
const atSign: Step = (value) => value.replaceAll("(at)", "@");

/** The sample's converter writes å as aa before it decomposes. */
const sampleAccent: Step = (value) => convertAccent(value.replaceAll("å", "aa"));

/** A number of the North American plan without its country code; the sample asks libphonenumber, for the USA alone. */
const nationalNumber: Step = (value) => /^1?([2-9]\d{2}[2-9]\d{6})$/.exec(value)?.[1] ?? value;

const name =
  (accent: Step): Step =>
  (value) =>
    apply(value, trim, lowercase, accent, onlyAlpha);

function glossary(family: string, country: string | undefined): Step {
  switch (family) {
    case "NAME":
      return name(convertAccent);
    case "EMAIL":
      return (value) => apply(value, trim, lowercase, convertAccent, glossaryEmail, keep(/[^a-zA-Z0-9.@-]/g));
    case "PHONE":
      return (value) => apply(value, trim, onlyDigits, withoutLeadingZeroes, ensurePrefix(country));
    case "ADDRESS": {
      // In the order of the page: what is not a letter goes first, house numbers and blanks with it.
      const renamed = [addressWords, directions, numberWords].map(replaceWords);
      const [words = trim, direction = trim, numbers = trim] = renamed;
      const marks = [replaceCharacters(delimiters), direction, numbers, replaceCharacters(specialCharacters)];
      return (value) => apply(value, trim, lowercase, convertAccent, onlyAlpha, words, ...marks);
    }
    default:
      return (value) => value;
  }
}

function sample(family: string, country: string | undefined): Step {
  switch (family) {
    case "NAME":
      return name(sampleAccent);
    case "EMAIL": {
      const norm = [insideBrackets, lowercase, withoutBlanks, atSign];
      return (value) => apply(value, trim, lowercase, sampleAccent, ...norm, keep(/[^\w.@-]+/g));
    }
    case "PHONE": {
      const american = country === undefined || country === "us";
      const national: Step = american ? nationalNumber : (value) => value;
      return (value) => apply(value, trim, onlyDigits, national, sampleLeadingZeroes, ensurePrefix(country));
    }
    case "ADDRESS":
      return sampleAddress;
    default:
      return (value) => value;
  }
}

/** Without the sample's maps of street words by country. */
const sampleAddress: Step = (value) =>
  apply(
    value,
    trim,
    lowercase,
    replaceWords(addressWords),
    replaceCharacters(delimiters),
    replaceWords(directions),
    replaceWords(numberWords),
    replaceCharacters(specialCharacters),
    sampleAccent,
    replaceWords(addressWords),
    onlyAlphanumeric,
  );

/** Parts of an address that the sample treats in ways of their own. */
function samplePart(type: AttributeType): Step | undefined {
  const plain = [trim, lowercase, sampleAccent, onlyAlphanumeric] as const;
  switch (type) {
    case "ADDRESS_CITY":
      return (value) => apply(value, ...plain);
    case "ADDRESS_STATE": {
      const special = replaceCharacters(specialCharacters);
      return (value) =>
        apply(value, trim, lowercase, special, sampleAccent, onlyAlphanumeric, replaceWords(stateCodes));
    }
    case "ADDRESS_COUNTRY":
      return (value) => apply(value, ...plain, replaceWords(countryCodes));
    case "ADDRESS_POSTALCODE":
      return (value) => apply(value, trim, lowercase, keep(/-.*$/s), onlyAlphanumeric);
    default:
      return undefined;
  }
}

/** A country's code, from its code or its English name. */
export function countryOf(country: string | undefined): string | undefined {
  if (country === undefined) return undefined;
  const plain = apply(country, trim, lowercase, onlyAlphanumeric);
  return plain === "" ? undefined : (countryCodes.get(plain) ?? plain);
}

/**
 * What Entity Resolution's ApplyNormalization makes of a value in rule-based matching, by one of AWS's own accounts.
 * Types other than names, addresses, phones and e-mail addresses are left as they are. Pure; never throws.
 */
export function awsNormalise(value: string, type: AttributeType, options: AwsNormaliseOptions): string {
  if (options.hashed || type === "UNIQUE_ID") return value.trim();
  const family = familyOf(type);
  const whole = type === "NAME" || type === "ADDRESS" || type === "PHONE" || type === "EMAIL_ADDRESS";
  if (!whole && !options.grouped) return value;
  const country = countryOf(options.country);
  if (options.source === "aws-glossary") return glossary(family, country)(value);
  return (samplePart(type) ?? sample(family, country))(value);
}

/**
 * What ApplyNormalization makes of a value in machine learning matching; addresses are left as they are.
 * Source: glossary, "Normalization (ApplyNormalization) – ML-based only".
 */
export function awsNormaliseMl(value: string, type: AttributeType, country?: string): string {
  switch (familyOf(type)) {
    case "NAME":
      return apply(value, trim, lowercase);
    case "EMAIL":
      return apply(value, lowercase, atSign, withoutBlanks, insideBrackets);
    case "PHONE":
      return apply(value, trim, onlyDigits, withoutLeadingZeroes, ensurePrefix(countryOf(country)));
    default:
      return value;
  }
}
