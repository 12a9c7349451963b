import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { attributeTypes, awsNormalise, awsNormaliseMl } from "../../src";
import { type NormaliseCase, normaliseCases } from "./normalise.cases";

function normalise({ by, type, value, country, grouped, hashed }: NormaliseCase): string {
  if (by === "ml") return awsNormaliseMl(value, type, country);
  return awsNormalise(value, type, { source: by, country, grouped: grouped === true, hashed: hashed === true });
}

describe("normalisation of Entity Resolution", () => {
  test.each(
    normaliseCases.map((given) => {
      const options = [given.country, given.grouped && "grouped", given.hashed && "hashed"].filter(Boolean).join(" ");
      return [given.source, given.by, given.type, options, JSON.stringify(given.value), given] as const;
    }),
  )("%s: %s, %s %s: %s", (_source, _by, _type, _options, _value, given) => {
    expect(normalise(given)).toBe(given.gives);
  });

  test("normal forms are of the characters that the steps leave, and stay as they are", () => {
    const forms: Partial<Record<(typeof attributeTypes)[number], RegExp>> = {
      NAME: /^[a-z]*$/,
      EMAIL_ADDRESS: /^[a-z0-9.@_-]*$/,
      PHONE: /^[0-9]*$/,
      ADDRESS: /^[a-z0-9 ]*$/,
    };
    const word = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.constantFrom("São", "ß@x.y", "#1", "Str."));
    const value = fc.array(word, { maxLength: 4 }).map((words) => words.join(" "));
    fc.assert(
      fc.property(value, fc.constantFrom("aws-glossary" as const, "aws-sample" as const), (text, source) => {
        for (const type of attributeTypes) {
          const once = awsNormalise(text, type, { source });
          const form = forms[type];
          if (form) expect(once).toMatch(form);
          if (type === "NAME" || (type === "PHONE" && source === "aws-glossary")) {
            expect(awsNormalise(once, type, { source })).toBe(once);
          }
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  const file = join(__dirname, "../../../../data/identity/aws_er_normalization_sample_501.csv");
  const withData = existsSync(file) ? test : test.skip;
  withData("the 501 sample records keep what identifies them", () => {
    const [header = "", ...lines] = readFileSync(file, "utf8").trim().split(/\r?\n/);
    const columns = header.split(",");
    const rows = lines.map((line) => line.split(",")).filter((cells) => cells.length === columns.length);
    const cell = (row: string[], name: string) => row[columns.indexOf(name)] ?? "";
    expect(rows.length).toBeGreaterThan(300);
    for (const source of ["aws-glossary", "aws-sample"] as const) {
      const emails = rows.map((row) => awsNormalise(cell(row, "email_address"), "EMAIL_ADDRESS", { source }));
      expect(new Set(emails).size).toBe(new Set(rows.map((row) => cell(row, "email_address").toLowerCase())).size);
      for (const row of rows) {
        const phone = cell(row, "phone_nbr");
        const normal = awsNormalise(phone, "PHONE", { source, country: cell(row, "country_code") });
        const digits = phone.replace(/\D/g, "").replace(/^0+/, "");
        if (digits !== "") expect(normal.endsWith(digits.replace(/^1/, ""))).toBe(true);
      }
    }
  });
});
