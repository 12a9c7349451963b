import { readFileSync } from "node:fs";
import { join } from "node:path";
import { quarantineReasons } from "../src";

test("docs/quarantine.md explains each reason, and none that there is not", () => {
  const page = readFileSync(join(__dirname, "..", "..", "..", "docs", "quarantine.md"), "utf8");
  const table = page.slice(page.indexOf("## Reasons"), page.indexOf("## Commands"));
  const explained = [...table.matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, reason]) => reason);
  expect(explained.sort()).toEqual([...quarantineReasons].sort());
});
