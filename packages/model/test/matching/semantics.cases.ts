import type { MatchingSemantics } from "../../src";
import type { Source } from "./sources";

/** A record: values by match key; several values are several fields of the key, `_` is an empty one. */
export type Values = Readonly<Record<string, string>>;

export interface SemanticsCase {
  readonly source: Source;
  readonly name: string;
  readonly rules: readonly string[];
  readonly mode: MatchingSemantics["mode"];
  readonly comparison?: MatchingSemantics["comparison"];
  readonly records: Readonly<Record<string, Values>>;
  /** Groups as `rule: members`; the rule of each record, in brackets where it is not the first's. */
  readonly gives: readonly string[];
}

/** Rules are named r1, r2, …; "email+phone" is a simple rule, anything with a parenthesis an Advanced one. */
const make =
  (mode: MatchingSemantics["mode"], comparison?: MatchingSemantics["comparison"]) =>
  (
    source: Source,
    name: string,
    rules: readonly string[],
    records: SemanticsCase["records"],
    gives: readonly string[],
  ): SemanticsCase => ({ source, name, rules, records, gives, mode, ...(comparison && { comparison }) });

const waterfall = make("aws-waterfall");
const transitive = make("aws-transitive");
const closure = make("closure");
const oneToOne = make("aws-waterfall", "ONE_TO_ONE");
const manyToMany = make("aws-waterfall", "MANY_TO_MANY");

const phones = {
  sameMobile: { a: { phone: "1|9" }, b: { phone: "1|8" } },
  sameHome: { a: { phone: "1|9" }, b: { phone: "2|9" } },
  crossed: { a: { phone: "1|9" }, b: { phone: "9|8" } },
  crossedBack: { a: { phone: "1|9" }, b: { phone: "8|1" } },
};
/** b bridges: it agrees with a on the e-mail address, and with c on the phone. */
const bridge = { a: { email: "x" }, b: { email: "x", phone: "1" }, c: { phone: "1" } };
/** b and c are each of a group of their own before a rule finds them alike. */
const groups = {
  a: { email: "x" },
  b: { email: "x", phone: "1" },
  c: { email: "y", phone: "1" },
  d: { email: "y" },
};
const names = (...values: string[]): SemanticsCase["records"] =>
  Object.fromEntries(values.map((name, index) => ["abcdefgh".charAt(index), { zip: "1", name }]));

export const semanticsCases: readonly SemanticsCase[] = [
  // Simple rules: match keys are ANDed, exactly.
  waterfall("glossary", "equal values match", ["email"], { a: { email: "x" }, b: { email: "x" } }, ["r1: a b"]),
  waterfall("glossary", "unequal values do not", ["email"], { a: { email: "x" }, b: { email: "X" } }, []),
  waterfall(
    "glossary",
    "all match keys of a rule must match",
    ["email+phone"],
    { a: { email: "x", phone: "1" }, b: { email: "x", phone: "1" }, c: { email: "x", phone: "2" } },
    ["r1: a b"],
  ),
  waterfall(
    "glossary",
    "three equal records are one set",
    ["email"],
    { a: { email: "x" }, b: { email: "x" }, c: { email: "x" } },
    ["r1: a b c"],
  ),
  waterfall(
    "glossary",
    "two sets are two",
    ["email"],
    { a: { email: "x" }, b: { email: "y" }, c: { email: "x" }, d: { email: "y" } },
    ["r1: a c", "r1: b d"],
  ),
  waterfall("glossary", "a record alone is in no set", ["email"], { a: { email: "x" }, b: { email: "y" } }, []),
  waterfall("glossary", "no records", ["email"], {}, []),
  waterfall("undocumented", "an empty value matches nothing", ["email"], { a: { email: "" }, b: { email: "" } }, []),
  waterfall("undocumented", "a missing value matches nothing", ["email"], { a: {}, b: {} }, []),
  waterfall(
    "undocumented",
    "nor does one empty value of a rule's several",
    ["email+phone"],
    { a: { email: "x", phone: "" }, b: { email: "x", phone: "" } },
    [],
  ),

  // One-to-one and many-to-many. The two phones are mobile and home, as in the glossary.
  oneToOne("glossary", "1:1, mobile = mobile", ["phone"], phones.sameMobile, ["r1: a b"]),
  oneToOne("glossary", "1:1, home = home (or)", ["phone"], phones.sameHome, ["r1: a b"]),
  oneToOne("glossary", "1:1, home is not compared with mobile", ["phone"], phones.crossed, []),
  oneToOne("glossary", "1:1, mobile is not compared with home", ["phone"], phones.crossedBack, []),
  manyToMany("glossary", "N:N, mobile = mobile", ["phone"], phones.sameMobile, ["r1: a b"]),
  manyToMany("glossary", "N:N, home = home", ["phone"], phones.sameHome, ["r1: a b"]),
  manyToMany("glossary", "N:N, home = mobile", ["phone"], phones.crossed, ["r1: a b"]),
  manyToMany("glossary", "N:N, mobile = home", ["phone"], phones.crossedBack, ["r1: a b"]),
  oneToOne(
    "undocumented",
    "1:1, an empty home is not equal to an empty home",
    ["phone"],
    { a: { phone: "1|_" }, b: { phone: "2|_" } },
    [],
  ),
  manyToMany(
    "undocumented",
    "N:N, an empty home is equal to no empty mobile",
    ["phone"],
    { a: { phone: "1|_" }, b: { phone: "_|2" } },
    [],
  ),
  oneToOne(
    "glossary",
    "1:1, different match keys are ANDed",
    ["mobile+home"],
    { a: { mobile: "1", home: "2" }, b: { mobile: "1", home: "2" }, c: { mobile: "1", home: "3" } },
    ["r1: a b"],
  ),
  oneToOne(
    "undocumented",
    "1:1, a matches b on mobile and b matches c on home: one set",
    ["phone"],
    { a: { phone: "1|5" }, b: { phone: "1|6" }, c: { phone: "7|6" } },
    ["r1: a b c"],
  ),
  manyToMany(
    "undocumented",
    "N:N, a chain over both fields is one set",
    ["phone"],
    { a: { phone: "1|2" }, b: { phone: "2|3" }, c: { phone: "4|3" } },
    ["r1: a b c"],
  ),
  oneToOne(
    "glossary",
    "1:1 within a rule of two keys",
    ["name+phone"],
    { a: { name: "n", phone: "1|2" }, b: { name: "n", phone: "2|1" }, c: { name: "n", phone: "3|2" } },
    ["r1: a c"],
  ),
  manyToMany(
    "glossary",
    "N:N within a rule of two keys",
    ["name+phone"],
    { a: { name: "n", phone: "1|2" }, b: { name: "n", phone: "2|4" }, c: { name: "m", phone: "1|2" } },
    ["r1: a b"],
  ),

  // Waterfall: what a rule matched, later rules do not see.
  waterfall("transitive", "the later record stays alone", ["email", "phone"], bridge, ["r1: a b"]),
  waterfall(
    "transitive",
    "only unmatched records are evaluated by the next rule",
    ["email", "phone"],
    {
      a: { email: "x", phone: "1" },
      b: { email: "x", phone: "2" },
      c: { email: "y", phone: "1" },
      d: { email: "z", phone: "1" },
    },
    ["r1: a b", "r2: c d"],
  ),
  waterfall("transitive", "a record matched by the first rule is not matched again", ["email", "phone"], groups, [
    "r1: a b",
    "r1: c d",
  ]),
  waterfall("transitive", "the order of rules decides", ["phone", "email"], bridge, ["r1: b c"]),
  waterfall(
    "transitive",
    "three levels",
    ["email", "phone", "name"],
    {
      a: { email: "x" },
      b: { email: "x", phone: "1" },
      c: { phone: "1", name: "n" },
      d: { phone: "2", name: "n" },
      e: { phone: "2" },
    },
    ["r1: a b", "r2: d e"],
  ),
  waterfall(
    "transitive",
    "the third rule takes who is left",
    ["email", "phone", "name"],
    {
      a: { email: "x" },
      b: { email: "x" },
      c: { phone: "1", name: "n" },
      d: { phone: "2", name: "n" },
    },
    ["r1: a b", "r3: c d"],
  ),
  // The glossary's example: Rule 1 is name and address, Rule 2 those and the phone.
  waterfall(
    "glossary",
    "a superset after its subset finds nothing",
    ["name+address", "name+address+phone"],
    {
      a: { name: "n", address: "s", phone: "1" },
      b: { name: "n", address: "s", phone: "1" },
      c: { name: "n", address: "s", phone: "2" },
    },
    ["r1: a b c"],
  ),
  waterfall(
    "glossary",
    "reordered, the phone tells them apart",
    ["name+address+phone", "name+address"],
    {
      a: { name: "n", address: "s", phone: "1" },
      b: { name: "n", address: "s", phone: "1" },
      c: { name: "n", address: "s", phone: "2" },
    },
    ["r1: a b"],
  ),
  waterfall(
    "glossary",
    "and the looser rule finds the rest",
    ["name+address+phone", "name+address"],
    {
      a: { name: "n", address: "s", phone: "1" },
      b: { name: "n", address: "s", phone: "1" },
      c: { name: "n", address: "s", phone: "2" },
      d: { name: "n", address: "s", phone: "3" },
    },
    ["r1: a b", "r2: c d"],
  ),
  waterfall("transitive", "Advanced rules fall alike", ["Exact(email)", "Exact(phone)"], bridge, ["r1: a b"]),

  // Transitive: "processing all records across all rule levels".
  transitive(
    "transitive",
    "a matched record links an unmatched one to its group",
    ["Exact(email)", "Exact(phone)"],
    bridge,
    ["r1: a b c(r2)"],
  ),
  transitive(
    "transitiveSteps",
    "no prior match: a new match ID",
    ["Exact(email)", "Exact(phone)"],
    {
      a: { email: "x" },
      b: { email: "x" },
      c: { phone: "1" },
      d: { phone: "1" },
    },
    ["r1: a b", "r2: c d"],
  ),
  transitive(
    "transitiveSteps",
    "the group inherits the earlier match ID",
    ["Exact(email)", "Exact(phone)"],
    {
      a: { email: "x", phone: "1" },
      b: { email: "x" },
      c: { phone: "1" },
      d: { phone: "1" },
    },
    ["r1: a b c(r2) d(r2)"],
  ),
  // "Once a record matches a rule, its match ID is fixed" (guide); "records that match through different rules are grouped
  // together into the same match group" (API reference, MatchingConfig): only a live run can tell.
  transitive(
    "undocumented",
    "a match ID is fixed: two earlier groups are not merged by a later bridge",
    ["Exact(email)", "Exact(phone)"],
    groups,
    ["r1: a b", "r1: c d"],
  ),
  transitive(
    "transitiveSteps",
    "of two candidates of one level the smallest match ID is taken",
    ["Exact(email)", "Exact(phone)"],
    {
      ...groups,
      e: { phone: "1" },
    },
    ["r1: a b e(r2)", "r1: c d"],
  ),
  transitive(
    "transitiveSteps",
    "of candidates of two levels that of the earliest is taken",
    ["Exact(email)", "Exact(phone)", "Exact(name)"],
    {
      a: { phone: "1", name: "n" },
      b: { phone: "1" },
      c: { email: "x", name: "n" },
      d: { email: "x" },
      e: { name: "n" },
    },
    ["r1: c d e(r3)", "r2: a b"],
  ),
  transitive(
    "transitive",
    "links over three levels",
    ["Exact(email)", "Exact(phone)", "Exact(name)"],
    {
      a: { email: "x" },
      b: { email: "x", phone: "1" },
      c: { phone: "1", name: "n" },
      d: { name: "n" },
    },
    ["r1: a b c(r2) d(r3)"],
  ),
  transitive(
    "transitive",
    "the order of levels matters: a link that comes first is not there yet",
    ["Exact(name)", "Exact(email)", "Exact(phone)"],
    {
      a: { email: "x" },
      b: { email: "x", phone: "1" },
      c: { phone: "1", name: "n" },
      d: { name: "n" },
    },
    ["r1: c d", "r2: a b"],
  ),
  transitive(
    "transitiveLimits",
    "rules with more attributes first keep people apart",
    ["Exact(name) AND Exact(born)", "Exact(name)"],
    {
      a: { name: "n", born: "1" },
      b: { name: "n", born: "1" },
      c: { name: "n", born: "2" },
      d: { name: "n", born: "2" },
    },
    ["r1: a b", "r1: c d"],
  ),
  transitive(
    "transitiveLimits",
    "in the wrong order they are grouped",
    ["Exact(name)", "Exact(name) AND Exact(born)"],
    {
      a: { name: "n", born: "1" },
      b: { name: "n", born: "1" },
      c: { name: "n", born: "2" },
      d: { name: "n", born: "2" },
    },
    ["r1: a b c d"],
  ),
  transitive(
    "undocumented",
    "two groups of one level may inherit one match ID",
    ["Exact(email)", "Exact(phone)"],
    {
      a: { email: "x", phone: "1" },
      b: { email: "x", phone: "2" },
      c: { phone: "1" },
      d: { phone: "2" },
    },
    ["r1: a b c(r2) d(r2)"],
  ),
  transitive(
    "undocumented",
    "a group that inherits is judged by earlier levels only",
    ["Exact(email)", "ExactManyToMany(phone, mobile)"],
    {
      a: { email: "x", phone: "1" },
      b: { email: "x" },
      c: { mobile: "1", phone: "2" },
      d: { mobile: "2" },
    },
    ["r1: a b c(r2) d(r2)"],
  ),
  transitive(
    "transitiveLimits",
    "empty values do not overmatch",
    ["Exact(email)", "Exact(phone)"],
    {
      a: { email: "x", phone: "" },
      b: { email: "x", phone: "" },
      c: { email: "", phone: "" },
      d: {},
    },
    ["r1: a b"],
  ),

  // Closure, our own mode: everybody who is linked is one.
  closure("undocumented", "a bridge joins", ["email", "phone"], bridge, ["r1: a b c(r2)"]),
  closure("undocumented", "a bridge joins two groups", ["email", "phone"], groups, ["r1: a b c d"]),
  closure("undocumented", "whatever the order of rules", ["phone", "email"], groups, ["r2: a b(r1) c(r1) d"]),
  closure(
    "undocumented",
    "a fuzzy function may stand alone",
    ["Levenshtein(email, 1)"],
    { a: { email: "abc" }, b: { email: "abd" }, c: { email: "xyz" } },
    ["r1: a b"],
  ),

  // EmptyValues.
  waterfall(
    "advanced",
    "Process takes part with an empty value",
    ["Exact(phone, EmptyValues=Process)"],
    { a: { phone: "" }, b: { phone: "" }, c: { phone: "1" } },
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "Process in AND",
    ["Exact(phone,EmptyValues=Process) AND Exact(email)"],
    {
      a: { phone: "", email: "x" },
      b: { phone: "", email: "x" },
      c: { phone: "1", email: "x" },
    },
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "Process does not make empty equal to a value",
    ["Exact(phone, EmptyValues=Process)"],
    { a: { phone: "" }, b: { phone: "1" } },
    [],
  ),
  waterfall(
    "advanced",
    "Ignore leaves an empty value out",
    ["Exact(phone, EmptyValues=Ignore)"],
    { a: { phone: "" }, b: { phone: "" }, c: { phone: "1" }, d: { phone: "1" } },
    ["r1: c d"],
  ),
  waterfall(
    "undocumented",
    "without the modifier, as with Ignore",
    ["Exact(phone)"],
    { a: { phone: "" }, b: { phone: "" } },
    [],
  ),
  // AWS's own example of the modifier.
  waterfall(
    "advanced",
    "the guide's example",
    ['Exact(Phone,EmptyValues=Process) AND Levenshtein("Email address",2)'],
    {
      a: { Phone: "", "Email address": "john@x.com" },
      b: { Phone: "", "Email address": "jon@x.com" },
      c: { Phone: "", "Email address": "mary@x.com" },
    },
    ["r1: a b"],
  ),
  waterfall(
    "undocumented",
    "Process in one of two alternatives",
    ["Exact(email) OR Exact(phone, EmptyValues=Process)"],
    {
      a: { email: "x", phone: "1" },
      b: { email: "x", phone: "2" },
      c: { email: "y", phone: "" },
      d: { email: "z", phone: "" },
    },
    ["r1: a b", "r1: c d"],
  ),
  waterfall(
    "undocumented",
    "fuzzy functions take no empty value",
    ["Exact(zip) AND Levenshtein(name, 5)"],
    names("", "", "abc"),
    [],
  ),
  waterfall(
    "undocumented",
    "ExactManyToMany takes no empty value",
    ["ExactManyToMany(home, work)"],
    { a: { home: "", work: "1" }, b: { home: "", work: "2" } },
    [],
  ),

  // ExactManyToMany.
  waterfall(
    "advanced",
    "HomeAddress matches BillingAddress",
    ["ExactManyToMany(home, billing, shipping)"],
    {
      a: { home: "s", billing: "t" },
      b: { billing: "s" },
    },
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "HomeAddress matches ShippingAddress",
    ["ExactManyToMany(home, billing, shipping)"],
    { a: { home: "s" }, b: { shipping: "s" } },
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "each with itself",
    ["ExactManyToMany(home, billing)"],
    { a: { billing: "s" }, b: { billing: "s" } },
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "all three alike",
    ["ExactManyToMany(home, billing, shipping)"],
    {
      a: { home: "s", billing: "t", shipping: "u" },
      b: { home: "s", billing: "t", shipping: "u" },
    },
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "none alike",
    ["ExactManyToMany(home, billing)"],
    { a: { home: "s", billing: "t" }, b: { home: "u", billing: "v" } },
    [],
  ),

  // Clusters by the exact part, fuzzy filters within.
  waterfall(
    "advanced",
    "fuzzy compares only within a cluster",
    ["Exact(zip) AND Levenshtein(name, 1)"],
    {
      a: { zip: "1", name: "john" },
      b: { zip: "1", name: "jon" },
      c: { zip: "2", name: "john" },
    },
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "Levenshtein of one edit: a typo",
    ["Exact(zip) AND Levenshtein(name, 1)"],
    names("john", "jahn"),
    ["r1: a b"],
  ),
  waterfall("advanced", "a deletion", ["Exact(zip) AND Levenshtein(name, 1)"], names("john", "jon"), ["r1: a b"]),
  waterfall("advanced", "an insertion", ["Exact(zip) AND Levenshtein(name, 1)"], names("john", "johnn"), ["r1: a b"]),
  waterfall(
    "advanced",
    "two edits are too many for 1",
    ["Exact(zip) AND Levenshtein(name, 1)"],
    names("john", "jane"),
    [],
  ),
  waterfall(
    "advanced",
    "the default is 2",
    ["Exact(zip) AND Levenshtein(name)"],
    names("katharina", "catarina", "katrin"),
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "neighbours changed places are two edits",
    ["Exact(zip) AND Levenshtein(name, 1)"],
    names("john", "jhon"),
    [],
  ),
  waterfall(
    "advanced",
    "Levenshtein of 0 is equality",
    ["Exact(zip) AND Levenshtein(name, 0)"],
    names("john", "john", "jon"),
    ["r1: a b"],
  ),
  waterfall(
    "undocumented",
    "a chain of near names is one set",
    ["Exact(zip) AND Levenshtein(name, 1)"],
    names("jon", "john", "johns"),
    ["r1: a b c"],
  ),
  waterfall(
    "advanced",
    "the guide's example of clusters",
    ["Exact(FullName) AND Exact(DOB) AND Exact(Address) and Levenshtein(InternalID, 1)"],
    {
      a: { FullName: "n", DOB: "1", Address: "s", InternalID: "A100" },
      b: { FullName: "n", DOB: "1", Address: "s", InternalID: "A101" },
      c: { FullName: "n", DOB: "2", Address: "s", InternalID: "A100" },
      d: { FullName: "n", DOB: "1", Address: "s", InternalID: "B222" },
    },
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "Soundex: what sounds alike",
    ["Exact(zip) AND Soundex(name)"],
    names("robert", "rupert", "rubin"),
    ["r1: a b"],
  ),
  waterfall(
    "advanced",
    "Soundex: Smith and Smyth",
    ["Exact(zip) AND Soundex(name)"],
    names("smith", "smyth", "schmidt", "jones"),
    ["r1: a b c"],
  ),
  waterfall(
    "undocumented",
    "Soundex of what has no Latin letter",
    ["Exact(zip) AND Soundex(name)"],
    names("123", "456"),
    [],
  ),
  waterfall(
    "undocumented",
    "Cosine of 0 is equality",
    ["Exact(zip) AND Cosine(name, 0)"],
    names("johnsmith", "johnsmith", "johnsmyth"),
    ["r1: a b"],
  ),
  waterfall(
    "undocumented",
    "Cosine, taken as a greatest distance in percent",
    ["Exact(zip) AND Cosine(name, 30)"],
    names("johnsmith", "johnsmit", "maryjones"),
    ["r1: a b"],
  ),
  waterfall(
    "undocumented",
    "Cosine of 100 is all of the cluster",
    ["Exact(zip) AND Cosine(name, 100)"],
    names("ab", "cd"),
    ["r1: a b"],
  ),

  // AND, OR, parentheses.
  waterfall("advanced", "OR separates", ["Exact(email) OR Exact(phone)"], bridge, ["r1: a b c"]),
  waterfall("advanced", "AND combines", ["Exact(email) AND Exact(phone)"], bridge, []),
  waterfall(
    "advanced",
    "parentheses group",
    ["Exact(zip) AND (Exact(email) OR Soundex(name))"],
    {
      a: { zip: "1", email: "x", name: "robert" },
      b: { zip: "1", email: "y", name: "rupert" },
      c: { zip: "1", email: "x", name: "ann" },
      d: { zip: "2", email: "x" },
    },
    ["r1: a b c"],
  ),
  waterfall(
    "ruleCondition",
    "the API reference's example",
    ["(Cosine(a, 10) AND Exact(b)) OR ExactManyToMany(c, d)"],
    {
      a: { a: "john", b: "1" },
      b: { a: "john", b: "1" },
      c: { c: "s" },
      d: { d: "s" },
      e: { a: "john", b: "2" },
    },
    ["r1: a b", "r1: c d"],
  ),
  waterfall(
    "undocumented",
    "AND binds more tightly than OR",
    ["Exact(email) OR Exact(phone) AND Exact(name)"],
    {
      a: { email: "x" },
      b: { email: "x" },
      c: { phone: "1", name: "n" },
      d: { phone: "1", name: "m" },
    },
    ["r1: a b"],
  ),
];
