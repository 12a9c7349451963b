import type { Condition } from "../../src/matching";
import type { Source } from "./sources";

export interface GrammarCase {
  readonly source: Source;
  readonly text: string;
  /** What is read, without places; a refusal is the place (from 0) and a part of the message. */
  readonly gives: Condition | { readonly at: number; readonly says: string };
}

const exact = (key: string, emptyValues?: "Process" | "Ignore"): Condition =>
  emptyValues ? { kind: "exact", key, emptyValues } : { kind: "exact", key };
const many = (...keys: string[]): Condition => ({ kind: "exactManyToMany", keys });
const levenshtein = (key: string, threshold: number): Condition => ({ kind: "levenshtein", key, threshold });
const cosine = (key: string, threshold: number): Condition => ({ kind: "cosine", key, threshold });
const soundex = (key: string): Condition => ({ kind: "soundex", key });
const and = (...operands: Condition[]): Condition => ({ kind: "and", operands });
const or = (...operands: Condition[]): Condition => ({ kind: "or", operands });

export const grammarCases: readonly GrammarCase[] = [
  // What is read. The first four are AWS's own examples.
  {
    source: "advanced",
    text: 'Exact(Phone,EmptyValues=Process) AND Levenshtein("Email address",2)',
    gives: and(exact("Phone", "Process"), levenshtein("Email address", 2)),
  },
  {
    source: "advanced",
    text: "ExactManyToMany(HomeAddress, BillingAddress, ShippingAddress)",
    gives: many("HomeAddress", "BillingAddress", "ShippingAddress"),
  },
  {
    source: "advanced",
    text: "Exact(FullName) AND Exact(DOB) AND Exact(Address) and Levenshtein(InternalID, 1)",
    gives: and(exact("FullName"), exact("DOB"), exact("Address"), levenshtein("InternalID", 1)),
  },
  {
    source: "ruleCondition",
    text: "(Cosine(a, 10) AND Exact(b)) OR ExactManyToMany(c, d)",
    gives: or(and(cosine("a", 10), exact("b")), many("c", "d")),
  },
  { source: "advanced", text: "Exact(email)", gives: exact("email") },
  { source: "advanced", text: "Exact(email, EmptyValues=Ignore)", gives: exact("email", "Ignore") },
  { source: "advanced", text: "Exact(email,EmptyValues=Process)", gives: exact("email", "Process") },
  { source: "advanced", text: 'Exact("Email address")', gives: exact("Email address") },
  { source: "advanced", text: 'Soundex("Last name")', gives: soundex("Last name") },
  { source: "advanced", text: "Levenshtein(name)", gives: levenshtein("name", 2) },
  { source: "advanced", text: "Levenshtein(name, 0)", gives: levenshtein("name", 0) },
  { source: "advanced", text: "Exact(a) OR Exact(b)", gives: or(exact("a"), exact("b")) },
  { source: "advanced", text: "(Exact(a))", gives: exact("a") },
  { source: "advanced", text: "((Exact(a) AND Exact(b)))", gives: and(exact("a"), exact("b")) },
  {
    source: "advanced",
    text: "Exact(a) AND (Levenshtein(b, 1) OR Soundex(b))",
    gives: and(exact("a"), or(levenshtein("b", 1), soundex("b"))),
  },
  {
    source: "advanced",
    text: "(Exact(a) OR Exact(b)) AND Cosine(c, 10)",
    gives: and(or(exact("a"), exact("b")), cosine("c", 10)),
  },
  // Parentheses of one operator say nothing.
  { source: "advanced", text: "Exact(a) AND (Exact(b) AND Exact(c))", gives: and(exact("a"), exact("b"), exact("c")) },
  { source: "advanced", text: "(Exact(a) OR Exact(b)) OR Exact(c)", gives: or(exact("a"), exact("b"), exact("c")) },
  // Blanks, and what AWS leaves open.
  {
    source: "undocumented",
    text: "  Exact ( email )\n\tAND\n Soundex(name) ",
    gives: and(exact("email"), soundex("name")),
  },
  {
    source: "undocumented",
    text: "Exact(a) AND Exact(b) OR Exact(c)",
    gives: or(and(exact("a"), exact("b")), exact("c")),
  },
  {
    source: "undocumented",
    text: "Exact(a) OR Exact(b) AND Exact(c)",
    gives: or(exact("a"), and(exact("b"), exact("c"))),
  },
  { source: "undocumented", text: "Exact(a) or Exact(b)", gives: or(exact("a"), exact("b")) },
  { source: "undocumented", text: "Exact(e-mail_1)", gives: exact("e-mail_1") },
  { source: "undocumented", text: 'Exact("AND")', gives: exact("AND") },
  { source: "undocumented", text: 'Exact("a (b), c=d")', gives: exact("a (b), c=d") },
  { source: "undocumented", text: "Exact(Adresse)", gives: exact("Adresse") },
  // What is refused, each with the place and the remedy.
  { source: "advanced", text: "", gives: { at: 0, says: "write a function such as Exact(email)" } },
  { source: "advanced", text: "   ", gives: { at: 3, says: "the condition is empty" } },
  { source: "advanced", text: "email", gives: { at: 0, says: "Exact, ExactManyToMany, Levenshtein, Cosine, Soundex" } },
  { source: "advanced", text: "Exakt(email)", gives: { at: 0, says: "write Exact" } },
  { source: "undocumented", text: "exact(email)", gives: { at: 0, says: "write Exact" } },
  { source: "undocumented", text: "LEVENSHTEIN(email, 1)", gives: { at: 0, says: "write Levenshtein" } },
  { source: "undocumented", text: "Exact(a) And Exact(b)", gives: { at: 9, says: "combine functions with AND or OR" } },
  { source: "advanced", text: "Metaphone(name)", gives: { at: 0, says: "the functions are" } },
  { source: "advanced", text: "Exact()", gives: { at: 6, says: "name one: Exact(email)" } },
  { source: "advanced", text: 'Exact("")', gives: { at: 6, says: "has no match key" } },
  { source: "advanced", text: 'Exact("Email address)', gives: { at: 6, says: "not closed" } },
  { source: "advanced", text: "Exact(Email address)", gives: { at: 12, says: '"Email address"' } },
  { source: "advanced", text: "Exact(email", gives: { at: 11, says: 'close Exact with ")"' } },
  { source: "advanced", text: "Exact email", gives: { at: 6, says: "open its match key" } },
  { source: "advanced", text: "Exact(a, b)", gives: { at: 9, says: "no modifier of Exact" } },
  { source: "advanced", text: "Exact(a, EmptyValues)", gives: { at: 20, says: "EmptyValues=Process" } },
  { source: "advanced", text: "Exact(a, EmptyValues=Maybe)", gives: { at: 21, says: 'cannot be "Maybe"' } },
  { source: "undocumented", text: "Exact(a, emptyValues=Process)", gives: { at: 9, says: "EmptyValues=Process" } },
  // The API reference writes this and does not say what `true` means.
  {
    source: "undocumented",
    text: "(Cosine(a, 10) AND Exact(b, true)) OR ExactManyToMany(c, d)",
    gives: { at: 28, says: "AWS does not document" },
  },
  { source: "advanced", text: "ExactManyToMany(a)", gives: { at: 0, says: "two or more" } },
  { source: "undocumented", text: "ExactManyToMany(a, b, a)", gives: { at: 0, says: 'names "a" twice' } },
  { source: "advanced", text: "Levenshtein(a, two)", gives: { at: 15, says: "whole number" } },
  { source: "advanced", text: "Levenshtein(a, -1)", gives: { at: 15, says: "whole number" } },
  { source: "undocumented", text: "Levenshtein(a, 1.5)", gives: { at: 15, says: "whole number" } },
  { source: "undocumented", text: "Cosine(a)", gives: { at: 8, says: "Cosine(key, 10)" } },
  { source: "advanced", text: "Soundex(a, 1)", gives: { at: 9, says: 'close Soundex with ")"' } },
  { source: "advanced", text: "Exact(a) Exact(b)", gives: { at: 9, says: "AND or OR" } },
  { source: "advanced", text: "Exact(a) AND", gives: { at: 12, says: "where a function should" } },
  { source: "advanced", text: "AND Exact(a)", gives: { at: 0, says: "where a function should" } },
  { source: "advanced", text: "Exact(a) OR OR Exact(b)", gives: { at: 12, says: "where a function should" } },
  { source: "advanced", text: "(Exact(a)", gives: { at: 9, says: "not closed" } },
  { source: "advanced", text: "Exact(a))", gives: { at: 8, says: "not opened" } },
  { source: "advanced", text: "NOT Exact(a)", gives: { at: 0, says: "no matching function" } },
];
