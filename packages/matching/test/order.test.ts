import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { matchingSchema } from "@tributary/model";
import * as fc from "fast-check";
import { householdRecords, personColumns } from "../../testing/src/people";
import { match } from "../src";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-order-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seed = Number(process.env.SEED ?? 77);
const records = [...householdRecords(600, seed)];
const rules = matchingSchema.parse({
  attributes: [
    { column: "first_name", type: "NAME_FIRST", matchKey: "first" },
    { column: "last_name", type: "NAME_LAST", matchKey: "last" },
    { column: "dob", type: "DATE", matchKey: "dob" },
    { column: "email", type: "EMAIL_ADDRESS", matchKey: "email", identifier: "email" },
    { column: "phone", type: "PHONE", matchKey: "phone" },
    { column: "postcode", type: "ADDRESS_POSTALCODE", matchKey: "postcode" },
  ],
  rules: [
    { name: "email", condition: "Exact(email) AND Levenshtein(first, 2)" },
    { name: "phone", condition: "Exact(phone) AND Exact(last)" },
    { name: "household", condition: "Exact(last) AND Exact(postcode)" },
  ],
  probabilistic: true,
  constraints: {
    limits: [{ matchKey: "email", limit: 2 }],
    veto: [{ attribute: "dob" }, { attribute: "first_name" }],
    maxSize: 6,
    cannotLink: [[records[0]?.record_id ?? "", records[1]?.record_id ?? ""]],
  },
});

async function profilesOf(order: readonly number[], cut: number): Promise<string> {
  const lines = order.map((at) => personColumns.map((column) => records[at]?.[column]).join(","));
  const files = [lines.slice(0, cut), lines.slice(cut)].map((part, index) => {
    const path = join(folder, `part-${index}.csv`);
    writeFileSync(path, [personColumns.join(","), ...part].join("\n"));
    return path;
  });
  const out = join(folder, "out.csv");
  await match({ files, rules, idColumn: "record_id", out, workFolder: folder, truthColumn: "person" });
  const pairs = readFileSync(out, "utf8").trim().split("\n").slice(1);
  return pairs
    .map((line) => line.split(",").slice(0, 2).join(" "))
    .sort()
    .join("\n");
}

test("rules, scores, constraints and identifiers give the same profiles and ids for any order of rows and files", async () => {
  const given = records.map((_, at) => at);
  const expected = await profilesOf(given, 300);
  expect(new Set(expected.split("\n").map((line) => line.split(" ")[1])).size).toBeGreaterThan(150);
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(given, { minLength: given.length }),
      fc.integer({ min: 1, max: given.length - 1 }),
      async (order, cut) => {
        expect(await profilesOf(order, cut)).toBe(expected);
      },
    ),
    { seed, numRuns: 4, endOnFailure: true },
  );
}, 120_000);
