import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MatchingSemantics, type MatchRules, matchingSchema, matchRecords } from "@tributary/model";
import * as fc from "fast-check";
import { match } from "../src";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-aws-modes-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seed = Number(process.env.SEED ?? 20_261_123);

/** Two match keys of two columns each, and one of one. */
const columns = [
  ["mail", "mail1"],
  ["mail", "mail2"],
  ["name", "name1"],
  ["name", "name2"],
  ["city", "city1"],
] as const;

const value = fc.constantFrom("", "", "anna", "anne", "hanna", "bert", "robert", "rupert");
const records = fc.array(fc.tuple(value, value, value, value, value), { minLength: 2, maxLength: 9 });
const rule = fc.constantFrom(
  "mail",
  "name",
  "mail+name",
  "city+name",
  "Exact(mail) AND Exact(city, EmptyValues=Process)",
  "ExactManyToMany(mail, name)",
  "Exact(city) AND Levenshtein(name, 1)",
  "Exact(city) AND (Soundex(name) OR Cosine(mail, 40))",
);
const setting = fc.record({
  mode: fc.constantFrom("closure", "aws-waterfall", "aws-transitive"),
  comparison: fc.constantFrom("ONE_TO_ONE", "MANY_TO_MANY"),
  rules: fc.uniqueArray(rule, { minLength: 1, maxLength: 3 }),
}) as fc.Arbitrary<{ mode: MatchRules["mode"]; comparison: MatchRules["comparison"]; rules: string[] }>;

/** The partition as text: each group's ids, groups in order. */
const partition = (groups: Iterable<readonly string[]>): string =>
  [...groups]
    .map((ids) => [...ids].sort().join(" "))
    .sort()
    .join(" | ");

describe("the batch engine groups records as the reference of Entity Resolution does", () => {
  test("whatever the mode, the comparison and the rules, and in whatever order rows come", async () => {
    await fc.assert(
      fc.asyncProperty(records, setting, fc.nat(), async (rows, given, turn) => {
        const semantics: MatchingSemantics = {
          ...given,
          rules: given.rules.map((text, at) =>
            text.includes("(") ? { name: `r${at}`, condition: text } : { name: `r${at}`, matchKeys: text.split("+") },
          ),
        };
        const id = (row: number) => `id${row}`;
        const expected = matchRecords(
          rows.map((values, row) => {
            const keys: Record<string, { field: string; value: string }[]> = {};
            for (const [at, [key, field]] of columns.entries()) {
              keys[key] = [...(keys[key] ?? []), { field, value: values[at] as string }];
            }
            return { id: id(row), keys };
          }),
          semantics,
        );
        const groups = new Map<string, string[]>();
        for (const row of rows.keys()) {
          const group = expected.find((found) => found.id === id(row))?.group;
          const name = group === undefined ? `alone ${row}` : `group ${group}`;
          groups.set(name, [...(groups.get(name) ?? []), id(row)]);
        }

        const lines = rows.map((values, row) => [id(row), ...values].join(","));
        const at = turn % lines.length;
        const turned = [...lines.slice(at), ...lines.slice(0, at)];
        const path = join(folder, "in.csv");
        writeFileSync(path, [["id", ...columns.map(([, field]) => field)].join(","), ...turned].join("\n"));
        const out = join(folder, "out.csv");
        const attributes = columns.map(([matchKey, column]) => ({
          column,
          type: "STRING" as const,
          matchKey,
          hashed: true,
        }));
        // Combinations that rules may not have are compared too.
        const rules = {
          ...matchingSchema.parse({ attributes, probabilistic: false, rules: [{ name: "mail", matchKeys: ["mail"] }] }),
          ...semantics,
        } as MatchRules;
        await match({ files: [path], rules, idColumn: "id", out, suppress: false, workFolder: folder });
        const found = new Map<string, string[]>();
        for (const line of readFileSync(out, "utf8").trim().split("\n").slice(1)) {
          const [record = "", profile = ""] = line.split(",");
          found.set(profile, [...(found.get(profile) ?? []), record]);
        }
        expect(partition(found.values())).toBe(partition(groups.values()));
      }),
      { seed, numRuns: 60 },
    );
  }, 120_000);

  test("values in Entity Resolution's own forms, by the model's own code", async () => {
    const path = join(folder, "forms.csv");
    writeFileSync(path, "id,first,last,mail\n1,José,O'Neil,j.o+x@a.org\n2,JOSE,Oneil,JO@a.org\n3,Joe,Oneil,jo@b.org\n");
    const given = (normalisation: MatchRules["normalisation"], keys: string[]) =>
      match({
        files: [path],
        idColumn: "id",
        workFolder: folder,
        rules: matchingSchema.parse({
          normalisation,
          mode: "aws-waterfall",
          attributes: [
            { column: "first", type: "NAME_FIRST", group: "name", matchKey: "name" },
            { column: "last", type: "NAME_LAST", group: "name", matchKey: "name" },
            { column: "mail", type: "EMAIL_ADDRESS", matchKey: "mail" },
          ],
          rules: [{ name: "r", matchKeys: keys }],
          probabilistic: false,
        }),
      }).then(({ summary }) => summary.profiles);
    expect(await given("aws-glossary", ["name"])).toBe(2);
    expect(await given("aws-glossary", ["mail"])).toBe(2);
    expect(await given("aws-sample", ["mail"])).toBe(3);
  });
});
