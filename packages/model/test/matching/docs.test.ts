import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type LintCode, lint, matchingSchema, ruleSetSchema } from "../../src";
import { rules } from "./people-rules";

const page = readFileSync(join(__dirname, "../../../../docs/identity/rules.md"), "utf8");

describe("docs/identity/rules.md", () => {
  test("shows the rule set that is compiled here, without faults or findings", () => {
    const source = readFileSync(join(__dirname, "people-rules.ts"), "utf8").replace(
      '"../../src"',
      '"@tributary/model"',
    );
    expect(page).toContain(`\`\`\`ts\n${source}\`\`\``);
    const { matching } = ruleSetSchema.parse(rules);
    expect(matching && lint(matching)).toEqual([]);
  });

  const section = page.slice(page.indexOf("## Lint"), page.indexOf("## Entity Resolution on"));
  const rows = [...section.matchAll(/^\| `([a-z-]+)` +\| (.+?) +\|/gm)].map(([, code = "", example = ""]) => ({
    code: code as LintCode,
    conditions: [...example.matchAll(/`([^`]+)`/g)].map(([, condition = ""]) => condition),
  }));
  const attributes = [
    { column: "name", type: "NAME", matchKey: "name" },
    { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
    { column: "phone", type: "PHONE", matchKey: "phone" },
    { column: "zip", type: "ADDRESS_POSTALCODE", matchKey: "zip" },
  ];

  test("has a row for each code", () => {
    const codes: Record<LintCode, true> = {
      "fuzzy-without-exact": true,
      "finds-nothing-new": true,
      "general-before-specific": true,
      "empty-values-process": true,
      "low-entropy": true,
      "blocks-grow": true,
      "large-block": true,
      "many-simple-rules": true,
    };
    expect(rows.map(({ code }) => code).sort()).toEqual(Object.keys(codes).sort());
  });

  test.each(
    rows.filter(({ conditions }) => conditions.length > 0).map(({ code, conditions }) => [code, conditions] as const),
  )("%s: %j is named so", (code, conditions) => {
    const mode = code === "general-before-specific" ? "aws-waterfall" : "closure";
    const given = conditions.map((condition, index) => ({ name: `r${index}`, condition }));
    const found = lint(matchingSchema.parse({ attributes, mode, rules: given }));
    expect(found.map((finding) => finding.code)).toContain(code);
  });
});
