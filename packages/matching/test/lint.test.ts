import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lint, matchingSchema } from "@tributary/model";
import { match } from "../src";

test("the blocks of rules say which are too weak for the data", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tributary-lint-test-"));
  try {
    const file = join(folder, "people.csv");
    const rows = Array.from({ length: 900 }, (_, n) => `r${n},p${n >> 1}@x.org,${n % 5},code${n % 40}`);
    writeFileSync(file, ["id,email,zip,code", ...rows].join("\n"));
    const rules = matchingSchema.parse({
      attributes: [
        { column: "id", type: "UNIQUE_ID" },
        { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
        { column: "zip", type: "STRING", matchKey: "zip" },
        { column: "code", type: "STRING", matchKey: "code" },
      ],
      rules: [
        { name: "email", condition: "Exact(email)" },
        { name: "codes", condition: "Exact(zip) AND Exact(code) OR Exact(email)" },
        { name: "zip", condition: "Exact(zip) AND Levenshtein(email, 1)" },
      ],
      constraints: { maxSize: 100 },
    });
    const { blocks } = await match({ files: [file], rules, workFolder: join(folder, "work") });
    expect(blocks).toEqual({
      email: [{ records: 900, blocks: 450, largest: 2, pairs: 450 }],
      codes: [{ records: 900, blocks: 40, largest: 23, pairs: 9_680 }],
      zip: [{ records: 900, blocks: 5, largest: 180, pairs: 80_550 }],
    });
    expect(lint(rules, blocks).map(({ code, rule }) => `${rule}: ${code}`)).toEqual([
      "codes: blocks-grow",
      "zip: blocks-grow",
      "zip: large-block",
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
