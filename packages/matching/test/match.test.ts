import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type MatchRulesInput, matchingSchema, profileIdOf } from "@tributary/model";
import { MatchingError, match } from "../src";
import type { MatchInput } from "../src/result";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-match-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const people: MatchRulesInput = {
  attributes: [
    { column: "first", type: "NAME_FIRST", matchKey: "first" },
    { column: "last", type: "NAME_LAST", matchKey: "last" },
    { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
  ],
  rules: [
    { name: "email", matchKeys: ["email"] },
    { name: "name", matchKeys: ["first", "last"] },
  ],
};

const rows = [
  "id,first,last,email,who",
  "r1, Ann ,Lee,ann@x.org,a",
  "r2,Ann,Lee,,a",
  "r3,A.,Lee,ANN@x.org,a",
  "r4,Bob,Ray,bob@x.org,b",
  "r5,Bob,Roy,bob@y.org,b",
];

const run = (input: Partial<MatchInput>, rules: MatchRulesInput = people) =>
  match({ files: [], idColumn: "id", workFolder: join(folder, "work"), ...input, rules: matchingSchema.parse(rules) });

const read = (path: string) =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));

describe("matching a file", () => {
  test("links by rules, writes profiles, scores against the truth", async () => {
    const out = join(folder, "out.csv");
    const { summary } = await run({ files: [file("people.csv", rows.join("\n"))], out, truthColumn: "who" });
    expect(summary).toMatchObject({ records: 5, profiles: 3, largest: 3, links: { email: 1, name: 1 } });
    expect(summary.evaluation).toMatchObject({
      precision: 1,
      recall: 0.75,
      truePairs: 4,
      foundPairs: 3,
      correctPairs: 3,
    });
    const [head, ...lines] = read(out);
    expect(head).toEqual(["record_id", "profile_id", "id", "first", "last", "email", "who"]);
    const ids = new Map(lines.map(([record, profile]) => [record, profile]));
    expect(ids.get("r3")).toBe(profileIdOf("record:r1"));
    expect(new Set(ids.values()).size).toBe(3);
    expect(readdirSync(join(folder, "work"))).toEqual([]);
  });

  test("writes no column twice: an id named record_id stands there already, another column of that name does not", async () => {
    const out = join(folder, "once.csv");
    const [head = "", ...others] = rows;
    const named = file("named.csv", [head.replace("id,", "record_id,"), ...others].join("\n"));
    await run({ files: [named], out, idColumn: "record_id" });
    expect(read(out)[0]).toEqual(["record_id", "profile_id", "first", "last", "email", "who"]);
    await run({ files: [named], out, idColumn: undefined });
    expect(read(out)[0]).toEqual(["record_id", "profile_id", "record_id_2", "first", "last", "email", "who"]);
  });

  test("rows in another order, other formats and several files give the same profiles", async () => {
    const [head = "", ...records] = rows;
    const reversed = file(
      "reversed.csv.gz",
      gzipSync([head, ...records.toReversed()].join("\n").replaceAll(",", "\t")),
    );
    const json = file(
      "people.jsonl",
      records
        .map((line) => JSON.stringify(Object.fromEntries(line.split(",").map((v, i) => [head.split(",")[i], v]))))
        .join("\n"),
    );
    const halves = [
      file("half-1.csv", [head, ...records.slice(0, 2)].join("\n")),
      file("half-2.jsonl", readFileSync(json, "utf8").split("\n").slice(2).join("\n")),
    ];
    const plain = file("plain.csv", rows.join("\n"));
    const results = [];
    for (const files of [[plain], [reversed], [json], halves, [join(folder, "half-*")]]) {
      const out = join(folder, "same.csv");
      await run({ files, out });
      results.push(
        read(out)
          .slice(1)
          .map(([record, profile]) => `${record} ${profile}`)
          .sort(),
      );
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  test("many rows, read by several threads, keep their values", async () => {
    const lines = Array.from({ length: 300_000 }, (_, at) => `k${at},u${at >> 1}@x.org,${at >> 1}`);
    const { summary } = await run(
      {
        files: [file("many.csv", ["id,email,who", ...lines].join("\n"))],
        truthColumn: "who",
        threads: 4,
      },
      { attributes: people.attributes.slice(2), rules: people.rules?.slice(0, 1) },
    );
    expect(summary).toMatchObject({ profiles: 150_000, largest: 2, evaluation: { precision: 1, recall: 1 } });
  });

  test("constraints: a limit, a veto, must-link and cannot-link", async () => {
    const files = [file("constrained.csv", rows.join("\n"))];
    const constrained = async (constraints: MatchRulesInput["constraints"]) =>
      (await run({ files }, { ...people, constraints })).summary;
    expect((await constrained({ cannotLink: [["r1", "r2"]] })).profiles).toBe(4);
    expect((await constrained({ mustLink: [["r4", "r5"]] })).profiles).toBe(2);
    expect((await constrained({ mustLink: [["r4", "nobody"]] })).profiles).toBe(3);
    expect((await constrained({ maxSize: 2 })).profiles).toBe(4);
    const limited = await constrained({ limits: [{ matchKey: "email", limit: 1 }], mustLink: [["r2", "r4"]] });
    expect(limited.profiles).toBe(3);
  });

  test("junk that many people have links nobody, and is reported", async () => {
    const lines = Array.from({ length: 60 }, (_, at) => `p${at},first${at},last${at % 30},test@test.com`);
    const path = file("junk.csv", ["id,first,last,email", ...lines].join("\n"));
    const { summary, suppressed } = await run({ files: [path] });
    expect(summary.profiles).toBe(60);
    expect(suppressed).toEqual([
      { of: "email", value: "test@test.com", records: 60, reason: "about 60 people have it" },
    ]);
  });
});

describe("what is wrong with an input is said, with where and how to mend it", () => {
  const failing = async (input: Partial<MatchInput>, rules?: MatchRulesInput): Promise<string> => {
    const error = await run(input, rules).catch((caught) => caught);
    expect(error).toBeInstanceOf(MatchingError);
    expect(readdirSync(join(folder, "work"))).toEqual([]);
    return error.message;
  };

  test("files", async () => {
    expect(await failing({})).toMatch("No input");
    expect(await failing({ files: [join(folder, "none.csv")] })).toMatch(/none\.csv: there is no such file/);
    expect(await failing({ files: [join(folder, "none-*.csv")] })).toMatch(/no file matches/);
    expect(await failing({ files: [folder] })).toMatch(/is a folder\. Name its files/);
    expect(await failing({ files: [file("a.xlsx", "x")] })).toMatch(/a\.xlsx: the ending says no format/);
    expect(await failing({ files: [file("empty.csv", "")] })).toMatch(/empty\.csv is empty/);
    expect(await failing({ files: [file("head.csv", "id,first,last,email\n")] })).toMatch(
      /no record, only a head line/,
    );
    expect(await failing({ files: [file("broken.parquet", "PAR1, not really")] })).toMatch(
      /broken\.parquet: cannot be read/,
    );
    const cut = file(
      "cut.csv.gz",
      gzipSync(["id,x", ...Array.from({ length: 9_000 }, (_, at) => `${at},${Math.sin(at)}`)].join("\n")),
    );
    truncateSync(cut, 20_000);
    expect(await failing({ files: [cut] })).toMatch(/cut\.csv\.gz: cannot be read to its end/);
  });

  test("columns and ids", async () => {
    const path = file("twice.csv", [...rows, "r1,X,Y,,"].join("\n"));
    expect(await failing({ files: [path] })).toBe(
      'id is not unique: "r1" (2 times). Name a column that is, or none: then the row\'s number is the id.',
    );
    expect(await failing({ files: [file("blank.csv", [...rows, ",X,Y,,"].join("\n"))] })).toMatch(
      /1 of 6 records have no id, the first is record 6/,
    );
    expect(await failing({ files: [path], idColumn: "key" })).toMatch(/no column "key".* It has: id, first/);
    expect(await failing({ files: [path], truthColumn: "truth" })).toMatch(
      /no column "truth", which is to be the truth/,
    );
    const fine = file("fine.csv", rows.join("\n"));
    const attributes = [...people.attributes, { column: "tel", type: "PHONE" as const }];
    expect(await failing({ files: [fine] }, { ...people, attributes })).toMatch(
      /no column "tel", which is to be a PHONE/,
    );
    const wrong = [{ name: "w", condition: "Exact(email) OR Soundex(last)" }];
    expect(await failing({ files: [fine] }, { ...people, rules: wrong })).toMatch(
      /rule "w": a fuzzy function needs an exact one/,
    );
  });

  test("what a killed run left is swept away by the next, after a day", async () => {
    const work = join(folder, "sweep");
    const [old, fresh, own] = [
      `tributary-match-999999999-a`,
      `tributary-match-999999998-b`,
      `tributary-match-${process.pid}-c`,
    ];
    for (const name of [old, fresh, own]) mkdirSync(join(work, name), { recursive: true });
    for (const name of [old, own]) utimesSync(join(work, name), 0, 0);
    await run({ files: [file("swept.csv", rows.join("\n"))], workFolder: work });
    expect(readdirSync(work).sort()).toEqual([fresh, own].sort());
  });

  test("an output that cannot be written leaves nothing behind", async () => {
    const out = join(folder, "no-such-folder", "out.csv");
    expect(await failing({ files: [file("ok.csv", rows.join("\n"))], out })).toMatch(/out\.csv cannot be written/);
    expect(existsSync(out)).toBe(false);
  });
});

describe("the probabilistic stage", () => {
  const attributes: MatchRulesInput["attributes"] = [
    { column: "first", type: "NAME_FIRST", matchKey: "first" },
    { column: "last", type: "NAME_LAST", matchKey: "last" },
    { column: "dob", type: "DATE", matchKey: "dob" },
    { column: "city", type: "ADDRESS_CITY" },
  ];
  /** Forty people of two records, of which the second has another city or a slip in the name. */
  const lines = Array.from({ length: 40 }, (_, at) => {
    const name = (letter: number) => String.fromCharCode(97 + (letter % 26));
    const first = `${name(at)}${name(at * 7 + 3)}anna${name(at * 5)}`;
    const last = `${name(at * 3)}ork${name(at * 11 + 1)}ston`;
    const dob = `19${50 + at}-0${1 + (at % 9)}-1${at % 9}`;
    return [
      `a${at},${first},${last},${dob},town${at % 8},${at}`,
      `b${at},${first}${at % 2 === 0 ? "x" : ""},${last},${dob},,${at}`,
    ];
  }).flat();

  test("finds what rules do not, keeps what they found, obeys cannot-link even between equal records", async () => {
    const path = file(
      "scores.csv",
      [
        "id,first,last,dob,city,who",
        ...lines,
        "c0,quentina,zimberlake,1999-01-01,town1,c",
        "c1,quentina,zimberlake,1999-01-01,town1,c",
      ].join("\n"),
    );
    const alone = await run({ files: [path], truthColumn: "who" }, { attributes });
    expect(alone.summary.evaluation?.f1).toBeGreaterThan(0.95);
    expect(alone.summary.links.probabilistic).toBeGreaterThan(30);
    const rules = [{ name: "dob", matchKeys: ["last", "dob"] }];
    const both = await run({ files: [path], truthColumn: "who" }, { attributes, rules, probabilistic: true });
    expect(both.summary.evaluation?.recall).toBe(1);
    const profilesOf = async (rulesGiven: MatchRulesInput) => {
      const out = join(folder, "scores.out.csv");
      await run({ files: [path], out }, rulesGiven);
      return new Map(read(out).map(([record, profile]) => [record, profile]));
    };
    const together = await profilesOf({ attributes });
    expect(together.get("a3")).toBe(together.get("b3"));
    expect(together.get("c0")).toBe(together.get("c1"));
    const cannotLink: [string, string][] = [
      ["c0", "c1"],
      ["a3", "b3"],
    ];
    const apart = await profilesOf({ attributes, constraints: { cannotLink } });
    expect(apart.get("a3")).not.toBe(apart.get("b3"));
    expect(apart.get("c0")).not.toBe(apart.get("c1"));
  });

  test("has no part in Entity Resolution's modes", async () => {
    const path = file("mode.csv", rows.join("\n"));
    await expect(run({ files: [path] }, { ...people, mode: "aws-waterfall", probabilistic: true })).rejects.toThrow(
      /that of rules alone|probabilistic/,
    );
  });
});
