import { randomInt } from "node:crypto";

const lowercase = "abcdefghijklmnopqrstuvwxyz";
const numbers = "0123456789";
const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/** Secrets Manager's GetRandomPassword: 32 characters by default, of the classes that are not excluded. */
export function randomPassword(args: Record<string, unknown>): Record<string, unknown> {
  const length = typeof args.passwordLength === "number" ? args.passwordLength : 32;
  const excluded = typeof args.excludeCharacters === "string" ? args.excludeCharacters : "";
  const alphabet = [
    ...(args.excludeLowercase ? "" : lowercase),
    ...(args.excludeUppercase ? "" : lowercase.toUpperCase()),
    ...(args.excludeNumbers ? "" : numbers),
    ...(args.excludePunctuation ? "" : punctuation),
    ...(args.includeSpace ? " " : ""),
  ].filter((character) => !excluded.includes(character));
  const randomPassword = Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
  return { id: "aws", randomPassword };
}
