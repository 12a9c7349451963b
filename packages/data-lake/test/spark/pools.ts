import fc from "fast-check";

/** Input rows for the comparison of functions: by pool, columns with DuckDB types and rows as DuckDB literals. */
export interface Pool {
  readonly columns: Readonly<Record<string, string>>;
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
  /** Column to group by, where the expressions are aggregates. */
  readonly groupBy?: string;
}

/** Text that engines like to disagree about. */
export const oddTexts: readonly (string | null)[] = [
  null,
  "",
  " ",
  "a",
  "Hello World",
  "  padded  ",
  "hello world-foo bar  baz",
  "ÀÉÎõ",
  "e\u0301te\u0301", // combining accents
  "👩‍👩‍👧 family 🇩🇪",
  "𝒳𝒴𝒵", // outside of the basic plane
  "Straße",
  "İstanbul ıI",
  "ΣΑΣ ὀδυσσεύς",
  "a,b,,c,",
  ",",
  ",,",
  "a1b22c333",
  "tab\tnew\nline\r\n",
  "x".repeat(300),
  "123",
  "日本語テキスト",
  "quote ' and \" double",
  "back\\slash",
  "$1 costs $0",
  "%per_cent%",
  "\u00a0nbsp\u00a0",
  "a.b.c",
  "O'Neill-McDonald jr.",
  "aGVsbG8=",
  "\ufeffbom",
];

export const oddTimes: readonly (string | null)[] = [
  null,
  "",
  " ",
  "garbage",
  "2024-02-29",
  "2023-02-29",
  "1900-02-29",
  "2000-02-29T00:00:00Z",
  "2024-2-9",
  "2024-01-01T10:00:00Z",
  "2024-01-01T10:00:00.1Z",
  "2024-01-01T10:00:00.123456Z",
  "2024-01-01T10:00:00.123456789Z",
  "2024-01-01T10:00:00.999999999Z",
  "2024-01-01T10:00:00.Z",
  "2024-01-01 10:00:00+02:00",
  "2024-01-01T10:00:00-05:30",
  "2024-01-01T10:00:00+0200",
  "2024-01-01T10:00:00+02",
  "2024-01-01T10:00:00 UTC",
  "2024-03-31T00:30:00Z",
  "2024-11-03T01:30:00-04:00",
  " 2024-01-01T10:00:00Z ",
  "2024-01-01T10:00",
  "2024-01-01T10",
  "2024-01-01 1:2:3",
  "2024-01-01t10:00:00z",
  "2024-01-01T24:00:00Z",
  "2024-01-01T23:59:60Z",
  "2024-01-01T10:60:00Z",
  "2024-13-01",
  "2024-00-10",
  "2024-01-32",
  "2024",
  "2024-05",
  "20240101",
  "2024/01/02",
  "01/02/2024",
  "2024-01-01Tabc",
  "2024-01-01 10:00:00 rest",
  "infinity",
  "-infinity",
  "epoch",
  "now",
  "1704103200",
  "0001-01-01T00:00:00Z",
  "1582-10-10T00:00:00Z",
  "9999-12-31T23:59:59.999999Z",
  "10000-01-01T00:00:00Z",
  "0044-03-15 (BC)",
  "+2024-01-01",
  "1969-12-31T23:59:59.999999Z",
];

export const oddNumbers: readonly (string | null)[] = [
  null,
  "",
  " ",
  "0",
  "-0",
  "1",
  "1.5",
  "2.5",
  "1.9",
  "-1.9",
  " 12 ",
  "\t12\n",
  "1e3",
  "1E-2",
  "12e-1",
  ".5",
  "5.",
  "+7",
  "--1",
  "0x10",
  "0b1",
  "1,000",
  "NaN",
  "inf",
  "Infinity",
  "true",
  "1d",
  "1f",
  "12L",
  "000012",
  "1e400",
  "1e38",
  "2147483647",
  "2147483648",
  "-2147483648",
  "9223372036854775807",
  "9223372036854775808",
  "99999999999999.9999",
  "99999999999999.99995",
  "99999999999999.99994",
  "100000000000000",
  "1.00005",
  "0.00005",
  "-0.00005",
  "0.00004",
  "1.00015",
  "12abc",
  "1 2",
  "-",
  ".",
  "1e",
  "1.2.3",
  "{}",
];

export const oddJson: readonly (string | null)[] = [
  null,
  "",
  " ",
  "null",
  "1",
  '"text"',
  "[]",
  "{}",
  '{"a":1}',
  '{"a":1.0,"b":1.10,"n":1e2,"big":12345678901234567890,"long":0.1000000000000000055511151231257827}',
  '{"a":true,"b":false,"n":null}',
  '{"a":""}',
  '{"a":" x "}',
  '{"a":null}',
  ' { "a" : { "b" : [ 1 , 2.50 , "x y" ] } , "z" : 1 } ',
  '{"a":{"b":{"c":{"d":{"e":"deep"}}}}}',
  '{"a":[]}',
  '{"a":[1,2,3]}',
  '{"a":[{"b":1},{"b":2},{"c":3}]}',
  '{"a":[[1,2],[3]]}',
  '{"a":[null,"x"]}',
  '[{"a":1},{"a":2}]',
  "[1,2,3]",
  '{"a":1,"a":2}',
  '{"a":{"b":1},"a":{"b":2}}',
  '{"A":1}',
  '{"a b":1,"a.b":2,"":3,"a-b":4}',
  '{"a":"é ü 日本 👩‍👧"}',
  '{"a":"\\u00e9 \\ud83d\\udc69 \\/ \\" \\\\ \\n \\t \\b \\f"}',
  '{"a":{"b":"👩"},"b":"👩"}',
  '{"a":{"b":"\\ud83d\\udc69"},"b":null}',
  '{"a":{"b":"\\\\ud83d"},"b":"\\\\ud83d"}',
  '{"a":{"b":"\\u00e9 \\/ \\" \\\\ \\n \\u0001 \\u007f \\u2028 <>&"}}',
  '{"é":{"b":1},"a":{"é":"ü"}}',
  '{"a":{"b":1,"b":2,"A":3}}',
  '{"a":1',
  "{a:1}",
  '{"a":01}',
  '{"a":undefined}',
  '{"b":2}',
  '{"a":{"b":null}}',
  '{"a":"null"}',
  '{"a":"[1,2]"}',
  '{"a":"{\\"b\\":1}"}',
  "not json",
  '\ufeff{"a":1}',
  `{"a":"${"y".repeat(400)}"}`,
  `${"[".repeat(60)}1${"]".repeat(60)}`,
];

/** Text that the engines read differently; the cases over it say how (`knownDifferences`). */
export const strange = {
  times: ["2024-03-31 02:30:00 Europe/Berlin", "12:30:00", "T12:30:00", "-0044-03-15"],
  numerals: ["1_000", "१२", "１２"],
  json: [
    '{"a":-0.0,"b":-0,"n":1E400,"big":1e22,"long":123456789012345678901234567890.5}',
    '{"a":9223372036854775807,"b":9223372036854775808,"n":0.00001,"big":1e-7,"long":1.7976931348623157e308}',
    '{"a":{"b":1.0,"c":1e2,"d":1.10,"e":12345678901234567890,"f":0.00001,"g":1E400,"h":100000000000000000000000.0}}',
    '{"a":{"b":-0.0,"c":1e-7,"d":1.7976931348623157e308,"e":123456.789e3,"f":1e7,"g":0.001}}',
    '{"a":1} trailing',
    '{"a":1}{"a":2}',
    '{"a":1,}',
    "{'a':1}",
    '{"a":NaN}',
  ],
} as const;

/** Seeded inputs beside the hand-made ones. */
const generated = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { seed: 20261123, numRuns: 150 });
const instant = fc.date({
  min: new Date("0001-01-02T00:00:00Z"),
  max: new Date("9999-12-30T00:00:00Z"),
  noInvalidDate: true,
});
const generatedTimes = generated(
  fc
    .record({
      at: instant,
      length: fc.constantFrom(10, 13, 16, 19, 21, 23),
      zone: fc.constantFrom("", "Z", "+01:00", "-0930", "+14:00", " UTC"),
      separator: fc.constantFrom("T", " "),
    })
    .map(({ at, length, zone, separator }) => {
      const text = at.toISOString().slice(0, length).replace("T", separator);
      return length > 10 ? text + zone : text;
    }),
);
// Without letters whose case is special, or younger than Java's Unicode.
const generatedTexts = generated(
  fc
    .string({ unit: "grapheme", maxLength: 12 })
    .filter((text) => !/[\0ßﬀ-ﬆŉǰΐΰևẖ-ẚἀ-῾\u{10000}-\u{1f000}]/u.test(text)),
);
const generatedNumbers = generated(
  fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 8 })).map(([n, scale]) => {
    const digits = String(n < 0n ? -n : n).padStart(scale + 1, "0");
    const point = digits.length - scale;
    return `${n < 0n ? "-" : ""}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ""}`;
  }),
);

const column = (values: readonly (string | null)[]) => values.map((value) => [value]);

const bigints = ["0", "1", "-1", "7", "-7", "2147483647", "-2147483648", "9007199254", "1704103200", "-1"];

export const pools: Readonly<Record<string, Pool>> = {
  texts: { columns: { s: "VARCHAR" }, rows: column([...oddTexts, ...generatedTexts]) },
  times: { columns: { s: "VARCHAR" }, rows: column([...oddTimes, ...generatedTimes]) },
  numerals: { columns: { s: "VARCHAR" }, rows: column([...oddNumbers, ...generatedNumbers]) },
  json: { columns: { j: "VARCHAR" }, rows: column(oddJson) },
  jsonOnce: { columns: { j: "VARCHAR" }, rows: column(oddJson.filter((text) => !text?.includes(',"a":'))) },
  strangeTimes: { columns: { s: "VARCHAR" }, rows: column(strange.times) },
  strangeNumerals: { columns: { s: "VARCHAR" }, rows: column(strange.numerals) },
  strangeJson: { columns: { j: "VARCHAR" }, rows: column(strange.json) },
  pairs: {
    columns: { s: "VARCHAR", p: "VARCHAR", n: "INTEGER" },
    rows: ["hello", "", "日本語", "👩a👩", null].flatMap((s) =>
      ["l", "", "ab", "👩", null].flatMap((p) => [0, 1, 2, 4, 9, -1, -3, null].map((n) => [s, p, n])),
    ),
  },
  moments: {
    columns: { t: "TIMESTAMPTZ", d: "DATE", n: "INTEGER" },
    rows: [
      ["1970-01-01 00:00:00+00", "1970-01-01", 0],
      ["1969-12-31 23:59:59.999999+00", "1969-12-31", 1],
      ["1969-12-31 23:59:58.5+00", "1969-01-31", -1],
      ["2024-02-29 12:34:56.789+00", "2024-02-29", 12],
      ["2023-03-01 00:00:00+00", "2024-01-31", 1],
      ["2024-03-31 01:30:00+00", "2024-03-31", -1],
      ["2024-11-03 06:30:00.000001+00", "2024-11-03", -13],
      ["2000-02-29 23:59:59.999+00", "2000-02-29", -12],
      ["1900-02-28 00:00:00+00", "1900-02-28", 1200],
      ["0001-01-01 00:00:00+00", "0001-01-01", 1],
      ["1582-10-15 00:00:00+00", "1582-10-15", -11],
      ["1582-10-04 00:00:00+00", "1582-10-04", 3],
      ["9999-12-31 23:59:59.999999+00", "9999-12-31", 0],
      ["2011-01-02 03:04:05.678+00", "2011-01-02", 365],
      ["2024-12-30 13:00:00+00", "2024-12-30", null],
      ["2026-01-01 00:00:00+00", null, 5],
      [null, "2021-01-03", -2],
    ],
  },
  numbers: {
    columns: { i: "INTEGER", k: "INTEGER", b: "BIGINT", x: "DOUBLE", y: "DOUBLE", m: "DECIMAL(18,4)" },
    rows: [
      [0, 1, bigints[0] ?? 0, "0.0", "1.0", "0"],
      [1, 0, bigints[1] ?? 0, "-0.0", "0.0", "0.0001"],
      [-1, 3, bigints[2] ?? 0, "0.5", "2.0", "-0.0001"],
      [7, -3, bigints[3] ?? 0, "-0.5", "10.0", "1.5000"],
      [-7, 3, bigints[4] ?? 0, "1.5", "0.5", "-1.5000"],
      [-7, -3, bigints[5] ?? 0, "2.5", "-2.0", "2.5000"],
      [2147483647, 2, bigints[6] ?? 0, "-2.5", "3.0", "99999999999999.9999"],
      [-2147483648, 10, bigints[7] ?? 0, "1e17", "4.0", "-99999999999999.9999"],
      [5, 5, bigints[8] ?? 0, "1e-10", "1e10", "0.4999"],
      [6, 4, bigints[9] ?? 0, "123456.789", "NaN", "12345.6789"],
      [null, null, null, null, null, null],
    ],
  },
  doubles: {
    columns: { x: "DOUBLE" },
    rows: column(["0.0", "-0.0", "NaN", "Infinity", "-Infinity", "1e300", "-1e300", "9.3e18", "5e-324", "0.1", null]),
  },
  lists: {
    columns: { a: "VARCHAR[]", c: "INTEGER[]", s: "VARCHAR", n: "INTEGER" },
    rows: [
      [null, null, null, null],
      ["[]", "[]", "x", 1],
      ["['x']", "[1]", "x", 1],
      ["['b','a','c']", "[3,1,2]", "a", 2],
      ["['b',NULL,'a']", "[3,NULL,1]", "z", -1],
      ["[NULL]", "[NULL]", null, 1],
      ["['x','x']", "[2,2]", "x", -2],
      ["['','é','e','Z','👩','\ufeff']", "[-1,0,2147483647]", "é", 9],
    ],
  },
  groups: {
    columns: { g: "INTEGER", o: "INTEGER", s: "VARCHAR", x: "DOUBLE", i: "INTEGER", m: "DECIMAL(18,4)" },
    groupBy: "g",
    rows: [
      [1, 1, "a", "1.5", 1, "1.0001"],
      [1, 2, "b", "2.5", 2, "99999999999999.9999"],
      [1, 3, "a", "2.5", 3, "99999999999999.9999"],
      [1, 4, null, null, null, null],
      [2, 1, null, null, null, null],
      [2, null, null, null, null, null],
      [3, 1, "", "-1.0", -5, "-0.0001"],
      [3, 2, "é", "7.25", 2147483647, "-99999999999999.9999"],
      [3, null, "z", "100.0", 2147483646, "0.0000"],
      [4, 1, "only", "NaN", 0, "5.0000"],
    ],
  },
};
