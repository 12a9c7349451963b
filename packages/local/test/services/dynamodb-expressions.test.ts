import fc from "fast-check";
import { Expressions } from "../../src/services/dynamodb/expressions/bind";
import { holds } from "../../src/services/dynamodb/expressions/condition";
import { project } from "../../src/services/dynamodb/expressions/project";
import { applyUpdate, updatedPaths } from "../../src/services/dynamodb/expressions/update";
import {
  addNumbers,
  compareNumbers,
  normaliseNumber,
  sortableNumber,
  subtractNumbers,
} from "../../src/services/dynamodb/numbers";
import { sortable } from "../../src/services/dynamodb/schema";
import { type AttributeValue, type Item, itemSize, normaliseItem } from "../../src/services/dynamodb/values";

const item: Item = {
  pk: { S: "user#1" },
  age: { N: "42" },
  price: { N: "19.99" },
  tags: { SS: ["a", "b"] },
  scores: { NS: ["1", "2"] },
  active: { BOOL: true },
  nothing: { NULL: true },
  bytes1: { B: new Uint8Array([1, 2, 3]) },
  entries: { L: [{ S: "x" }, { N: "7" }, { M: { deep: { S: "found" } } }] },
  place: { M: { city: { S: "Ghent" }, "dotted.name": { S: "d" } } },
};

type Values = Record<string, AttributeValue>;
const values: Values = {
  ":u": { S: "user" },
  ":age": { N: "42" },
  ":low": { N: "-1e3" },
  ":high": { N: "42.0" },
  ":s": { S: "SS" },
  ":a": { S: "a" },
  ":z": { S: "zz" },
  ":two": { N: "2" },
  ":x": { S: "x" },
  ":n": { N: "3" },
  ":set": { SS: ["b", "a"] },
  ":bytes": { B: new Uint8Array([2, 3]) },
  ":found": { S: "found" },
  ":null": { NULL: true },
};
const names: Record<string, string> = { "#n": "nothing", "#d": "dotted.name", "#m": "place" };

/** Only the placeholders that an expression uses, since unused ones are refused. */
function pick<T>(all: Record<string, T>, text: string): Record<string, T> | undefined {
  const used = Object.entries(all).filter(([name]) => new RegExp(`${name}(?![A-Za-z0-9_])`).test(text));
  return used.length > 0 ? Object.fromEntries(used) : undefined;
}

function evaluate(text: string, given: { values?: Values; item?: Item } = {}): boolean {
  const expressions = new Expressions({
    ExpressionAttributeNames: pick(names, text),
    ExpressionAttributeValues: pick(given.values ?? values, text),
  });
  const condition = expressions.condition("ConditionExpression", text);
  expressions.finish();
  if (!condition) throw new Error("no condition");
  return holds(condition, given.item ?? item, expressions);
}

function update(text: string, from: Item = item, given: Values = values): Item {
  const expressions = new Expressions({
    ExpressionAttributeNames: pick(names, text),
    ExpressionAttributeValues: pick(given, text),
  });
  const parsed = expressions.update(text);
  expressions.finish();
  if (!parsed) throw new Error("no update");
  updatedPaths(parsed, expressions, ["pk"]);
  return applyUpdate(parsed, from, expressions);
}

describe("conditions", () => {
  it.each<[string, boolean]>([
    ["attribute_exists(pk)", true],
    ["attribute_exists(absent)", false],
    ["attribute_not_exists(absent)", true],
    ["attribute_exists(entries[2].deep)", true],
    ["attribute_exists(entries[3])", false],
    ["attribute_exists(#m.#d)", true],
    ["attribute_not_exists(pk.nested)", true],
    ["attribute_type(tags, :s)", true],
    ["attribute_type(pk, :s)", false],
    ["begins_with(pk, :u)", true],
    ["begins_with(age, :u)", false],
    ["begins_with(absent, :u)", false],
    ["contains(pk, :u)", true],
    ["contains(tags, :a)", true],
    ["contains(tags, :z)", false],
    ["contains(scores, :two)", true],
    ["contains(entries, :x)", true],
    ["contains(bytes1, :bytes)", true],
    ["size(entries) = :n", true],
    ["size(tags) = :two", true],
    ["size(bytes1) = :n", true],
    ["size(age) = :two", false],
    ["size(place) BETWEEN :two AND :n", true],
    ["age = :age", true],
    ["age = :high", true],
    ["age <> :age", false],
    ["absent <> :age", true],
    ["absent = :age", false],
    ["age > :low", true],
    ["pk > :age", false],
    ["age BETWEEN :low AND :high", true],
    ["age IN (:n, :age)", true],
    ["age IN (:n, :two)", false],
    ["tags = :set", true],
    ["#n = :null", true],
    ["NOT age = :age", false],
    ["NOT (age = :age AND pk = :u)", true],
    ["age = :age OR pk = :u AND pk = :a", true],
    ["(age = :age OR pk = :u) AND pk = :a", false],
    ["attribute_exists(pk) and not attribute_exists(vanished) Or pk = :u", true],
    ["entries[2].deep = :found", true],
    [":age = age", true],
  ])("%s is %s", (text, expected) => {
    expect(evaluate(text)).toBe(expected);
  });

  it.each([
    ["age = ", 'Syntax error; token: "<EOF>", near: "="'],
    ["age == :n", 'Syntax error; token: "=", near: "== :n"'],
    ["age = :n pk", 'Syntax error; token: "pk", near: ":n pk"'],
    ["a ! :n", 'Syntax error; token: "!"'],
    ["_id = :n", 'Syntax error; token: "_"'],
    ["(age = :n", 'Syntax error; token: "<EOF>"'],
    ["status = :n", "Attribute name is a reserved keyword; reserved keyword: status"],
    ["a.Name = :n", "Attribute name is a reserved keyword; reserved keyword: Name"],
    ["age = :undefined", "attribute value used in expression is not defined; attribute value: :undefined"],
    ["#u = :n", "attribute name used in the document path is not defined; attribute name: #u"],
    ["begins_with(pk, :n)", "operator or function: begins_with, operand type: N"],
    ["age < :null", "operator: <, operand type: NULL"],
    ["foo(pk)", "Invalid function name; function: foo"],
    ["", "The expression can not be empty;"],
    ["attribute_type(pk, :a)", "Invalid attribute type name found; type: a"],
  ])("refuses %j", (text, message) => {
    expect(() => evaluate(text)).toThrow(message);
  });

  it("refuses placeholders that no expression uses", () => {
    const unused = new Expressions({ ExpressionAttributeValues: { ":a": { S: "a" }, ":b": { S: "b" } } });
    unused.condition("ConditionExpression", "pk = :a");
    expect(() => unused.finish()).toThrow(
      "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}",
    );
    const none = new Expressions({ ExpressionAttributeNames: { "#a": "a" } });
    expect(() => none.finish()).toThrow("ExpressionAttributeNames can only be specified when using expressions");
    expect(() => new Expressions({ ExpressionAttributeValues: {} })).toThrow("must not be empty");
  });

  it("never looks into an object's prototype", () => {
    expect(evaluate("attribute_exists(toString)")).toBe(false);
    const odd = normaliseItem(JSON.parse('{"pk":{"S":"a"},"__proto__":{"S":"b"}}'));
    expect(Object.keys(odd)).toEqual(["pk", "__proto__"]);
    expect(Object.getPrototypeOf(odd)).toBe(Object.prototype);
  });
});

describe("updates", () => {
  const given: Values = {
    ":one": { N: "1" },
    ":half": { N: "0.5" },
    ":s": { S: "new" },
    ":l": { L: [{ S: "y" }] },
    ":empty": { L: [] },
    ":m": { M: {} },
    ":ss": { SS: ["b", "c"] },
    ":all": { SS: ["a", "b"] },
    ":ns": { NS: ["2", "3"] },
    ":text": { S: "t" },
  };
  const entries = item.entries?.L ?? [];

  it.each<[string, Item]>([
    ["SET age = age + :one", { age: { N: "43" } }],
    ["SET age = :one - age", { age: { N: "-41" } }],
    ["SET price = price + :half", { price: { N: "20.49" } }],
    ["SET fresh = if_not_exists(fresh, :one)", { fresh: { N: "1" } }],
    ["SET age = if_not_exists(age, :one) + :one", { age: { N: "43" } }],
    ["SET fresh = if_not_exists(fresh, :one) + :one", { fresh: { N: "2" } }],
    ["SET #m.city = :s", { place: { M: { city: { S: "new" }, "dotted.name": { S: "d" } } } }],
    ["SET #m.nested = :m", { place: { M: { ...item.place?.M, nested: { M: {} } } } }],
    ["SET entries[0] = :s", { entries: { L: [{ S: "new" }, ...entries.slice(1)] } }],
    ["SET entries[9] = :s, entries[7] = :one", { entries: { L: [...entries, { N: "1" }, { S: "new" }] } }],
    ["SET entries = list_append(entries, :l)", { entries: { L: [...entries, { S: "y" }] } }],
    ["SET entries = list_append(:l, entries)", { entries: { L: [{ S: "y" }, ...entries] } }],
    ["SET fresh = list_append(if_not_exists(fresh, :empty), :l)", { fresh: { L: [{ S: "y" }] } }],
    // Operands see the item as it was before the update.
    ["SET age = price, price = age", { age: { N: "19.99" }, price: { N: "42" } }],
    ["REMOVE entries[0], entries[1]", { entries: { L: entries.slice(2) } }],
    ["REMOVE entries[5], vanished", {}],
    ["REMOVE #m.city", { place: { M: { "dotted.name": { S: "d" } } } }],
    ["ADD age :one, fresh :half", { age: { N: "43" }, fresh: { N: "0.5" } }],
    ["ADD tags :ss", { tags: { SS: ["a", "b", "c"] } }],
    ["ADD scores :ns", { scores: { NS: ["1", "2", "3"] } }],
    ["DELETE tags :ss", { tags: { SS: ["a"] } }],
    ["DELETE vanished :ss", {}],
    [
      "set age = :one remove nothing add fresh :one",
      { age: { N: "1" }, fresh: { N: "1" }, nothing: undefined as never },
    ],
    ["DELETE tags :all", { tags: undefined as never }],
  ])("%s", (text, changed) => {
    const before = structuredClone(item);
    const expected = Object.fromEntries(Object.entries({ ...item, ...changed }).filter(([, value]) => value));
    expect(update(text, item, given)).toEqual(expected);
    // What was stored is never changed in place.
    expect(item).toEqual(before);
  });

  it.each([
    ["SET pk = :s", "Cannot update attribute pk. This attribute is part of the key"],
    ["SET age = :one, age = :half", "Two document paths overlap with each other"],
    ["SET #m = :m, #m.city = :s", "path one: [place], path two: [place, city]"],
    ["SET fresh = vanished", "The provided expression refers to an attribute that does not exist in the item"],
    [
      "SET fresh = age + :s",
      "Incorrect operand type for operator or function; operator or function: +, operand type: S",
    ],
    ["SET fresh = tags + :one", "An operand in the update expression has an incorrect data type"],
    ["SET fresh = list_append(age, :l)", "An operand in the update expression has an incorrect data type"],
    ["SET vanished.nested = :s", "The document path provided in the update expression is invalid for update"],
    ["SET age[0] = :s", "The document path provided in the update expression is invalid for update"],
    ["REMOVE vanished.nested", "The document path provided in the update expression is invalid for update"],
    ["ADD age :ss", "An operand in the update expression has an incorrect data type"],
    ["ADD age :text", "operator: ADD, operand type: S"],
    ["DELETE tags :one", "operator: DELETE, operand type: N"],
    ["SET age = :one SET fresh = :one", 'The "SET" section can only be used once in an update expression;'],
    ["SET age = :one + :half + :one", 'Syntax error; token: "+"'],
    ["UPSERT age = :one", 'Syntax error; token: "UPSERT"'],
    ["SET age", 'Syntax error; token: "<EOF>"'],
  ])("refuses %j", (text, message) => {
    expect(() => update(text, item, given)).toThrow(message);
  });

  it("projects what is asked for, and lists close up", () => {
    const paths = new Expressions({}).projection("pk, entries[2].deep, entries[0], place.city, vanished");
    expect(project(item, paths ?? [])).toEqual({
      pk: { S: "user#1" },
      entries: { L: [{ S: "x" }, { M: { deep: { S: "found" } } }] },
      place: { M: { city: { S: "Ghent" } } },
    });
    expect(() => new Expressions({}).projection("a, a.b")).toThrow("Two document paths overlap");
  });
});

describe("numbers", () => {
  it.each([
    ["1", "1"],
    ["+1", "1"],
    ["007", "7"],
    ["1.50", "1.5"],
    [".5", "0.5"],
    ["5.", "5"],
    ["-0", "0"],
    ["0.000", "0"],
    ["1e3", "1000"],
    ["-1.5E-3", "-0.0015"],
    ["9".repeat(38), "9".repeat(38)],
    ["1e125", `1${"0".repeat(125)}`],
    ["1e-130", `0.${"0".repeat(129)}1`],
  ])("normalises %s", (given, expected) => {
    expect(normaliseNumber(given)).toBe(expected);
  });

  it.each([
    ["", "cannot be converted to a numeric value"],
    ["abc", "The parameter cannot be converted to a numeric value: abc"],
    ["1e", "cannot be converted"],
    [".", "cannot be converted"],
    ["NaN", "cannot be converted"],
    ["1e126", "Number overflow"],
    ["1e-131", "Number underflow"],
    ["1".repeat(39), "Attempting to store more than 38 significant digits in a Number"],
  ])("refuses %j", (given, message) => {
    expect(() => normaliseNumber(given)).toThrow(message);
  });

  /** Exact decimals as BigInt over 10^20: the oracle. */
  const decimal = fc
    .tuple(fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }), fc.integer({ min: 0, max: 15 }))
    .map(([digits, scale]) => {
      const negative = digits < 0n;
      const text = String(negative ? -digits : digits).padStart(scale + 1, "0");
      const cut = text.length - scale;
      const plain = scale > 0 ? `${text.slice(0, cut)}.${text.slice(cut)}` : text;
      return { text: (negative ? "-" : "") + plain, exact: digits * 10n ** BigInt(20 - scale) };
    });
  const exactOf = (text: string): bigint => {
    const [whole = "", fraction = ""] = text.replace("-", "").split(".");
    const value = BigInt(whole + fraction.padEnd(20, "0"));
    return text.startsWith("-") ? -value : value;
  };

  it("orders, adds and subtracts as exact decimals do", () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const [former, right] = [normaliseNumber(a.text), normaliseNumber(b.text)];
        const order = a.exact < b.exact ? -1 : a.exact > b.exact ? 1 : 0;
        expect(Math.sign(compareNumbers(former, right))).toBe(order);
        const [x, y] = [sortableNumber(former), sortableNumber(right)];
        expect(x < y ? -1 : x > y ? 1 : 0).toBe(order);
        expect(exactOf(addNumbers(former, right))).toBe(a.exact + b.exact);
        expect(exactOf(subtractNumbers(former, right))).toBe(a.exact - b.exact);
        expect(former === right).toBe(order === 0);
      }),
      { numRuns: 500 },
    );
  });
});

describe("sort keys", () => {
  it("keep the order of UTF-8 bytes for texts and of bytes for binary data", () => {
    const sign = (order: number) => Math.sign(order);
    const bytewise = (a: string, b: string) => sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(bytewise(sortable({ S: a }), sortable({ S: b }))).toBe(bytewise(a, b));
      }),
      { numRuns: 500 },
    );
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(bytewise(sortable({ B: a }), sortable({ B: b }))).toBe(sign(Buffer.compare(a, b)));
      }),
      { numRuns: 500 },
    );
  });
});

it("measures parts by DynamoDB's rules", () => {
  expect(itemSize({ pk: { S: "abc" } })).toBe(5);
  expect(itemSize({ é: { S: "é" } })).toBe(4);
  expect(itemSize({ n: { N: "123" } })).toBe(4);
  expect(itemSize({ b: { BOOL: true }, z: { NULL: true } })).toBe(4);
  expect(itemSize({ m: { M: { a: { S: "x" } } } })).toBe(1 + 3 + 1 + 2);
  expect(itemSize({ l: { L: [{ S: "x" }] } })).toBe(1 + 3 + 1 + 1);
});

it.each<[string, unknown, string]>([
  ["no type", {}, "Supplied AttributeValue is empty"],
  ["two types", { S: "a", N: "1" }, "has more than one datatypes set"],
  ["an empty set", { SS: [] }, "An string set  may not be empty"],
  ["a set with repeats", { NS: ["1", "1.0"] }, "contains duplicates"],
  ["a false NULL", { NULL: false }, "Null attribute value types must have the value of true"],
  ["a number that is none", { N: "x" }, "cannot be converted to a numeric value"],
  ["a bytes1 number", { N: 1 }, "Unexpected value type in payload"],
])("refuses a value with %s", (_, value, message) => {
  expect(() => normaliseItem({ a: value })).toThrow(message);
});
