import type { Column } from "./encode";
import { firstLevels, firstName, type Level, lastLevels, lastName, middleLevels, middleName, oneName } from "./names";
import { isOneEdit, isUnlike, nearness, width } from "./near";
import { tokensOf, usersOf } from "./parts";
import { bits, editDistance, jaroWinkler, withinOneEdit } from "./strings";

/** One column (or what several say together) of two records, as one of a few levels. */
export interface Comparison {
  readonly name: string;
  /** Columns of the input. */
  readonly columns: readonly string[];
  /** The encoded column whose values are compared; blocking on it leaves this comparison out of training. */
  readonly column: Column;
  /** Level 0 is "missing" (says nothing), 1 is "differs", the last one is equality. */
  readonly levels: readonly string[];
  /** Says something of the person and not of the household: members of one are as different in it as strangers. */
  readonly personal: boolean;
  /** Level of two distinct records whose values are known and different. Symmetric. */
  readonly unlike: Level;
}

const textLevels = ["missing", "differs", "similar", "words in common", "very similar", "one edit", "equal"];
function text(column: Column): Level {
  const { dictionary } = column;
  const tokens = tokensOf(dictionary);
  return (a, b) => {
    const near = nearness(dictionary, a, b);
    if (near === 3) return 5;
    if (near === 2) return 4;
    if (tokens.shared(a, b)) return 3;
    return near === 1 ? 2 : 1;
  };
}

const streetLevels = [
  "missing",
  "differs",
  "similar",
  "words in common",
  "very similar",
  "in the other line",
  "one edit",
  "equal",
];
function street(column: Column, siblings: readonly Column[]): Level {
  const plain = text(column);
  return (a, b, i, j) => {
    const level = plain(a, b, i, j);
    if (level === 5) return 6;
    for (const sibling of siblings) {
      if (a === sibling.codes[j] || b === sibling.codes[i]) return 5;
    }
    return level;
  };
}

const codeLevels = ["missing", "differs", "two edits", "one edit", "equal"];
function code(column: Column, twoEdits = true): Level {
  const { units, values } = column.dictionary;
  const most = twoEdits ? 2 : 1;
  return (a, b) => {
    const maskA = values[a * width + 2] as number;
    const maskB = values[b * width + 2] as number;
    if (bits(maskA & ~maskB) > most || bits(maskB & ~maskA) > most) return 1;
    const x = values[a * width] as number;
    const y = values[b * width] as number;
    const m = values[a * width + 1] as number;
    const n = values[b * width + 1] as number;
    const longest = Math.max(m, n);
    if (longest < 3) return 1;
    if (withinOneEdit(units, x, m, y, n)) return 3;
    return twoEdits && longest >= 6 && Math.abs(m - n) <= 2 && editDistance(units, x, m, y, n) <= 2 ? 2 : 1;
  };
}

const phoneLevels = ["missing", "differs", "one edit", "another number of the other", "equal"];
function phone(column: Column, siblings: readonly Column[]): Level {
  const plain = code(column, false);
  return (a, b, i, j) => {
    const level = plain(a, b, i, j);
    for (const sibling of siblings) {
      if (a === sibling.codes[j] || b === sibling.codes[i]) return 3;
    }
    return level === 3 ? 2 : 1;
  };
}

const postcodeLevels = ["missing", "differs", "same area", "one edit", "equal"];
function postcode(column: Column): Level {
  const { units, values } = column.dictionary;
  const plain = code(column, false);
  return (a, b, i, j) => {
    const level = plain(a, b, i, j);
    if (level === 3) return level;
    const x = values[a * width] as number;
    const y = values[b * width] as number;
    const m = values[a * width + 1] as number;
    const n = values[b * width + 1] as number;
    const area = Math.max(2, Math.min(m, n) - 3);
    if (Math.min(m, area) !== Math.min(n, area)) return 1;
    for (let at = 0; at < area && at < m; at++) if (units[x + at] !== units[y + at]) return 1;
    return 2;
  };
}

const categoryLevels = ["missing", "differs", "equal"];
const differs: Level = () => 1;

const emailLevels = ["missing", "differs", "similar before the @", "one edit", "equal before the @", "equal"];
function email(column: Column): Level {
  const { dictionary } = column;
  const { units } = dictionary;
  const users = usersOf(dictionary);
  return (a, b) => {
    const m = users[a * width + 1] as number;
    const n = users[b * width + 1] as number;
    const maskA = users[a * width + 2] as number;
    const maskB = users[b * width + 2] as number;
    if (m === n && maskA === maskB && users[a * width + 3] === users[b * width + 3]) return 4;
    if (isOneEdit(dictionary, a, b)) return 3;
    const x = users[a * width] as number;
    const y = users[b * width] as number;
    if (isUnlike(units, x, m, y, n, maskA, maskB, 0.88)) return 1;
    return jaroWinkler(units, x, m, y, n) >= 0.88 ? 2 : 1;
  };
}

const dateLevels = [
  "missing",
  "differs",
  "same year",
  "two parts equal",
  "day and month swapped",
  "one digit",
  "equal",
];
function date(column: Column): Level {
  const { units, values, size } = column.dictionary;
  const number = (from: number, to: number): Int32Array => {
    const numbers = new Int32Array(size);
    for (let code = 0; code < size; code++) {
      const start = values[code * width] as number;
      for (let at = start + from; at < start + to; at++)
        numbers[code] = (numbers[code] as number) * 10 + (units[at] as number) - 48;
    }
    return numbers;
  };
  const [years, months, days] = [number(0, 4), number(5, 7), number(8, 10)];
  return (a, b) => {
    const year = years[a] === years[b];
    const month = months[a] === months[b];
    const day = days[a] === days[b];
    const x = a * width;
    const y = b * width;
    // One digit or two neighbours are in one part, or at the border of two.
    if (
      (year || month || day) &&
      withinOneEdit(units, values[x] as number, values[x + 1] as number, values[y] as number, values[y + 1] as number)
    )
      return 5;
    if (year && months[a] === days[b] && days[a] === months[b]) return 4;
    if ((year && (month || day)) || (month && day)) return 3;
    return year ? 2 : 1;
  };
}

/** Values of an id are seen about as few times as the most telling column's: twice as often is shared by some. */
function isPersonal(column: Column, columns: readonly Column[]): boolean {
  if (column.field.personal !== undefined) return column.field.personal;
  const perValue = (one: Column) => one.known / Math.max(1, one.distinct);
  return (
    column.role === "code" &&
    perValue(column) <= 1.5 * Math.min(...columns.filter((one) => one.distinct > 1).map(perValue))
  );
}

/** The comparisons that the columns' roles ask for. A column without two equal values tells nothing and has none. */
export function comparisonsOf(columns: readonly Column[]): Comparison[] {
  const of = (role: Column["role"]) => columns.filter((column) => column.role === role);
  const first = of("first")[0];
  const last = of("last")[0];
  return columns
    .filter((column) => column.distinct > 1 && column.known > column.distinct)
    .map((column): Comparison => {
      const siblings = of(column.role).filter((one) => one !== column && one.field.family === column.field.family);
      const built = ((): [readonly string[], Level] => {
        switch (column.role) {
          case "first":
            return last === undefined ? [lastLevels, oneName(column)] : [firstLevels, firstName(column, last)];
          case "last":
            return [lastLevels, lastName(column, first)];
          case "middle":
            return [middleLevels, middleName(column)];
          case "street":
            return [streetLevels, street(column, siblings)];
          case "phone":
            return [phoneLevels, phone(column, siblings)];
          case "postcode":
            return [postcodeLevels, postcode(column)];
          case "email":
            return [emailLevels, email(column)];
          case "date":
            return [dateLevels, date(column)];
          case "code":
            return [codeLevels, code(column)];
          case "category":
            return [categoryLevels, differs];
          case "place":
          case "text":
            return [textLevels, text(column)];
        }
      })();
      return {
        name: column.field.name,
        columns: column.field.columns,
        column,
        levels: built[0],
        personal: isPersonal(column, columns),
        unlike: built[1],
      };
    });
}
