import { Random } from "./random";

/** First names with the short forms that people use for them. */
const known: readonly (readonly string[])[] = [
  ["James", "Jim", "Jimmy"],
  ["Mary", "Molly"],
  ["Robert", "Bob", "Rob"],
  ["Patricia", "Pat", "Trish"],
  ["John", "Jack"],
  ["Jennifer", "Jen", "Jenny"],
  ["Michael", "Mike", "Mick"],
  ["Elizabeth", "Liz", "Beth"],
  ["William", "Bill", "Will"],
  ["Barbara", "Barb"],
  ["David", "Dave"],
  ["Susan", "Sue"],
  ["Richard", "Dick", "Rick"],
  ["Margaret", "Maggie", "Peggy"],
  ["Joseph", "Joe"],
  ["Thomas", "Tom"],
  ["Charles", "Charlie", "Chuck"],
  ["Christopher", "Chris"],
  ["Daniel", "Dan", "Danny"],
  ["Matthew", "Matt"],
  ["Anthony", "Tony"],
  ["Katherine", "Kate", "Kathy"],
  ["Steven", "Steve"],
  ["Andrew", "Andy", "Drew"],
  ["Deborah", "Deb", "Debbie"],
  ["Joshua", "Josh"],
  ["Kenneth", "Ken"],
  ["Rebecca", "Becky"],
  ["Edward", "Ed", "Ted"],
  ["Samantha", "Sam"],
  ["Timothy", "Tim"],
  ["Alexander", "Alex", "Sandy"],
  ["Benjamin", "Ben"],
  ["Victoria", "Vicky"],
  ["Nicholas", "Nick"],
  ["Theodore", "Theo", "Ted"],
  ["Gregory", "Greg"],
  ["Frederick", "Fred"],
  ["Jonathan", "Jon"],
  ["Abigail", "Abby"],
  ["Raymond", "Ray"],
  ["Pamela", "Pam"],
  ["Philip", "Phil"],
  ["Isabella", "Bella"],
  ["Eugene", "Gene"],
  ["Jacqueline", "Jackie"],
  ["Lawrence", "Larry"],
  ["Zoë", "Zoe"],
  ["François", "Frank"],
  ["Siobhán", "Shiv"],
];

const starts = "b br c ch d f g gr h j k l m n p r s sh st t th v w z".split(" ");
const middles = "a e i o u ai ea ou ie".split(" ");
const ends = "n r l s m tt ck rd nd th x".split(" ");
const surnameEnds = ["son", "er", "ton", "ley", "man", "field", "worth", "wood", "s", "ham", ""];

function invented(count: number, seed: number, syllables: number, endings: readonly string[]): string[] {
  const random = new Random(seed);
  const found = new Set<string>();
  while (found.size < count) {
    let name = "";
    for (let at = 0; at < syllables; at++) name += random.pick(starts) + random.pick(middles);
    name += random.pick(ends) + random.pick(endings);
    found.add(name.charAt(0).toUpperCase() + name.slice(1));
  }
  return [...found];
}

/** First names by frequency, each with its short forms behind it. */
export const firstNames: readonly (readonly string[])[] = [
  ...known,
  ...invented(2_950, 11, 1, ["", "a", "o", "ie", "us"]).map((name) => [name]),
];

const frequentSurnames =
  "Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts Green Hall Wood Jackson Clarke O'Brien Smith-Jones García Müller".split(
    " ",
  );

/** Surnames by frequency. */
export const surnames: readonly string[] = [...frequentSurnames, ...invented(29_976, 12, 2, surnameEnds)];
export const streets: readonly string[] = invented(4_000, 13, 2, surnameEnds);
export const cities: readonly string[] = invented(800, 14, 2, ["ton", "ville", "bury", "ford", ""]);
