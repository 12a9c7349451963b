import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { lakeTables } from "../src";
import { icebergTableArgs, tableArgs } from "../src/resources/catalog";
import { shapeOf } from "../src/resources/evolution";

/** What the Spark driver decides about Iceberg tables. Iceberg itself is not there to run: only the decisions are. */
const root = path.join(__dirname, "..", "..", "..");
const setup = path.join(root, ".spark", "spark.json");
const python = existsSync(setup) ? (JSON.parse(readFileSync(setup, "utf8")) as { python: string }).python : "python3";

const manifest = {
  iceberg: { catalog: "glue_catalog", tables: { "q.orders": { columns: [["id", "string"]], partitionBy: ["dt"] } } },
};
const table = {
  columns: [
    ["id", "string"],
    ["paid", "decimal(21,6)"],
    ["at", "timestamp"],
    ["dt", "string"],
  ],
  partitionBy: ["dt"],
};
const as = (...columns: [string, string][]) => columns;
const whole = as(["id", "string"], ["paid", "decimal(21,6)"], ["at", "timestamp_ntz"], ["dt", "string"]);

const cases: readonly (readonly [string, string, unknown[], unknown])[] = [
  ["nothing to change", "evolution", ["g.q.t", table, whole, ["dt"]], []],
  ["a table that is new", "evolution", ["g.q.t", table, whole, []], ["ALTER TABLE g.q.t ADD PARTITION FIELD dt"]],
  [
    "a column that is added, one that is wider, one that goes",
    "evolution",
    ["g.q.t", table, as(["ID", "string"], ["paid", "decimal(18,6)"], ["old", "int"], ["dt", "string"]), ["dt"]],
    [
      "ALTER TABLE g.q.t ADD COLUMN at timestamp_ntz",
      "ALTER TABLE g.q.t ALTER COLUMN paid TYPE decimal(21,6)",
      "ALTER TABLE g.q.t DROP COLUMN old",
    ],
  ],
  ["all rows", "replaced_filter", [["dt"], null], "true"],
  ["a table without partitions", "replaced_filter", [[], [""]], "true"],
  ["no partition", "replaced_filter", [["dt"], []], null],
  ["partitions, in order", "replaced_filter", [["dt"], ["dt=b", "dt=a'"]], "(dt = 'a''') OR (dt = 'b')"],
  [
    "names, but not in text and comments",
    "in_catalog",
    ["select 'q.orders', q.orders.x from Q.Orders join q.other -- q.orders", manifest],
    "select 'q.orders', glue_catalog.q.orders.x from glue_catalog.q.orders join q.other -- q.orders",
  ],
  ["a manifest without Iceberg", "in_catalog", ["select 1 from q.orders", {}], "select 1 from q.orders"],
];

const script = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import iceberg
print(json.dumps([getattr(iceberg, name)(*given) for name, given in json.load(sys.stdin)]))
`;
const decided = (): unknown[] | undefined => {
  try {
    const folder = path.join(root, "packages", "data-lake", "glue");
    const input = JSON.stringify(cases.map(([, name, given]) => [name, given]));
    return JSON.parse(execFileSync(python, ["-c", script, folder], { input, encoding: "utf8" })) as unknown[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
};
const answers = decided();

(answers === undefined ? describe.skip : describe)("Iceberg in the driver", () => {
  it.each(cases.map(([what, , , expected], index) => [what, expected, index] as const))("%s", (_, expected, index) => {
    expect(answers?.[index]).toEqual(expected);
  });
});

test("a table's columns and partitions are compared alike, whatever its format", () => {
  for (const table of lakeTables.filter(({ zone }) => zone === "curated")) {
    const [iceberg, parquet] = [icebergTableArgs(table, "q", "s3://q/"), tableArgs(table, "q", "s3://q/")];
    expect(shapeOf(iceberg)).toEqual(shapeOf(parquet));
    expect(shapeOf(iceberg).partitionBy).toEqual(table.partitionBy);
  }
});
