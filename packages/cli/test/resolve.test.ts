import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../src/main";

const folder = mkdtempSync(join(tmpdir(), "tributary-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);

/** Runs the command in this process: what it printed, and its exit code. */
async function tributary(...argv: string[]) {
  const printed = { out: "", err: "" };
  const out = jest.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.out += String(text);
    return true;
  });
  const err = jest.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed.err += String(text);
    return true;
  });
  try {
    process.exitCode = 0;
    await main(["node", "tributary", ...argv]);
    return { ...printed, code: process.exitCode };
  } finally {
    process.exitCode = 0;
    out.mockRestore();
    err.mockRestore();
  }
}

const crm = file("crm.csv");
const people = [
  ["1", "Ann", "Miller", "1980-02-03", "ann@x.yz", "ann"],
  ["2", "Ann", "Miller", "1980-02-03", "", "ann"],
  ["3", "Anne", "Miller", "1980-02-03", "ANN@x.yz", "ann"],
  ["4", "Bob", "<b>Stone</b>", "1975-11-30", "bob@x.yz", "bob"],
  ["5", "Bob", "<b>Stone</b>", "1961-01-01", "bob@x.yz", "bob"],
  ["6", "Cy", "Young", "1990-05-06", "cy@x.yz", "cy"],
];
const rules = {
  attributes: [
    { column: "id", type: "UNIQUE_ID" },
    { column: "first", type: "NAME_FIRST", matchKey: "first" },
    { column: "last", type: "NAME_LAST", matchKey: "last" },
    { column: "dob", type: "DATE", matchKey: "dob" },
    { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
  ],
  rules: [
    { name: "email", matchKeys: ["email"] },
    { name: "name and birthday", matchKeys: ["first", "last", "dob"] },
  ],
};

beforeAll(() => {
  const lines = [["id", "first", "last", "dob", "email", "who"], ...people].map((row) => row.join(","));
  writeFileSync(crm, `${lines.join("\n")}\n`);
  writeFileSync(file("rules.json"), JSON.stringify(rules));
});

test("prints one document: records, profiles, the largest, links by rule, and the score against a truth", async () => {
  const { out, code } = await tributary("resolve", crm, "--rules", file("rules.json"), "--truth", "who", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    records: 6,
    profiles: 3,
    largest: 3,
    links: { email: 2, "name and birthday": 1 },
    seconds: expect.any(Number),
    evaluation: { precision: 1, recall: 1, f1: 1, truePairs: 4, foundPairs: 4, correctPairs: 4 },
  });
});

test("writes each record with its person, and a page that shows who contradicts himself", async () => {
  const [written, page] = [file("out/people.csv"), file("out/people.html")];
  const { out } = await tributary("resolve", crm, "--rules", file("rules.json"), "--out", written, "--report", page);
  expect(out).toContain("6 records are 3 people; the largest has 3 records.");
  const [head, ...rows] = readFileSync(written, "utf8").trim().split("\n");
  expect(head).toBe("record_id,profile_id,id,first,last,dob,email,who");
  const persons = new Map(rows.map((row) => row.split(",").slice(0, 2) as [string, string]));
  expect(persons.get("1")).toMatch(/^p_[0-9a-f]{32}$/);
  expect([persons.get("2"), persons.get("3")]).toEqual([persons.get("1"), persons.get("1")]);
  expect(new Set(persons.values()).size).toBe(3);
  const html = readFileSync(page, "utf8");
  expect(html).toContain("2 values of dob in 2 records");
  expect(html).toContain("&lt;b&gt;Stone&lt;/b&gt;");
  expect(html).not.toContain("<b>Stone");
  expect(html).not.toMatch(/<script|https?:/);
  expect(readdirSync(file("out")).sort()).toEqual(["people.csv", "people.html"]);
});

test("takes a whole rule set as TypeScript, with the match rules under `matching`", async () => {
  writeFileSync(
    file("identity.ts"),
    `import type { Nothing } from "./nowhere";\nexport default { matching: ${JSON.stringify(rules)} } as unknown as Nothing;\n`,
  );
  const { out, code } = await tributary("resolve", crm, "--rules", file("identity.ts"), "--json");
  expect([code, JSON.parse(out).profiles]).toEqual([0, 3]);
});

test("matches without rules by what the columns look like, and says so", async () => {
  const { out, err, code } = await tributary("resolve", crm, "--truth", "who", "--json");
  expect(code).toBe(0);
  expect(err).toContain("No --rules: matching by what the columns look like (id: UNIQUE_ID, first: NAME_FIRST");
  expect(err).not.toContain("who:");
  expect(JSON.parse(out).records).toBe(6);
});

test("suggests rules that it then takes, and replaces no file", async () => {
  const suggested = file("suggested.json");
  const { out, code } = await tributary("resolve", crm, "--suggest", "--truth", "who", "--out", suggested, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out).columns).toContainEqual({
    column: "email",
    type: "EMAIL_ADDRESS",
    reason: expect.stringContaining("100 %"),
  });
  expect((await tributary("resolve", crm, "--rules", suggested, "--json")).code).toBe(0);
  const again = await tributary("resolve", crm, "--suggest", "--out", suggested);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining("is there already")]);
});

test.each([
  ["a rules file that is not there", ["--rules", "nope.json"], 2, "Name the rules with --rules FILE."],
  ["a size that is none", ["--memory", "much"], 2, "Give a size such as 2GB."],
  ["a truth that is no column", ["--rules", "rules.json", "--truth", "nobody"], 1, 'no column "nobody"'],
  ["rules with faults, all at once", ["--rules", "faulty.json"], 1, "2 faults\n  attributes[0].type: "],
  ["a rules file without match rules", ["--rules", "empty.json"], 1, "has no match rules. Give `attributes`"],
  ["a rules file that is no JSON", ["--rules", "broken.json"], 1, "cannot be read as rules"],
  ["an output that cannot be", ["--rules", "rules.json", "--out", "people.xls"], 1, "people.xls"],
])("refuses %s", async (_what, options, code, says) => {
  writeFileSync(
    file("faulty.json"),
    JSON.stringify({ attributes: [{ column: "a", type: "NAMES" }], rules: [{ name: "r", matchKeys: [] }] }),
  );
  writeFileSync(file("empty.json"), "{}");
  writeFileSync(file("broken.json"), "{");
  const named = options.map((option) => (/\.(json|xls)$/.test(option) ? file(option) : option));
  const answer = await tributary("resolve", crm, ...named);
  expect({ code: answer.code, err: answer.err }).toEqual({ code, err: expect.stringContaining(says) });
  expect(answer.out).toBe("");
});

test("leaves nothing behind, also where an input is at fault", async () => {
  const ours = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`tributary-resolve-${process.pid}-`));
  await tributary("resolve", crm, "--rules", file("rules.json"));
  expect(ours()).toEqual([]);
  const answer = await tributary("resolve", file("nothing.csv"), "--out", file("none.csv"));
  expect([answer.code, answer.err]).toEqual([1, expect.stringContaining("there is no such file")]);
  expect(existsSync(file("none.csv"))).toBe(false);
  expect(ours()).toEqual([]);
});
