// docs/reference/tables.md, from the lake's own declarations (the built packages).
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** The page, or undefined where the packages are not built. */
export function tablesPage(root) {
  const built = join(root, "packages/data-lake/dist/index.js");
  if (!existsSync(built)) return undefined;
  const require = createRequire(built);
  const { planLake } = require(built);
  const { lakeFormationTags, redshiftTable, ruleName, tableName } = require("@tributary/model");
  const { count, event, segment } = require("@tributary/model");
  const ordered = event("Order Completed");
  const declared = { traits: { orders: count(ordered) }, segments: { regulars: segment(ordered.atLeast(2)) } };
  const { tables, steps } = planLake({ foundation: {}, peopleToMatch: true, ...declared });
  const made = new Map(Object.values(steps).flatMap((all) => all.map((step) => [tableName(step.table), step])));
  const cell = (text) => text.replace(/\|/g, "\\|");
  const tableSection = (table) => {
    const name = tableName(table);
    const { table: strictest } = lakeFormationTags(table);
    const step = made.get(name);
    const facts = [
      [
        "Made",
        step && !existsSync(join(root, "packages/data-lake/sql", `${name}.sql`))
          ? `by a SELECT of what is [declared](../lake/traits.md), from ${step.reads.join(", ")}`
          : step
            ? `by [${name}.sql](../../packages/data-lake/sql/${name}.sql), from ${step.reads.join(", ")}`
            : "as it arrives",
      ],
      [
        "Files",
        `${table.format === "json" ? "gzipped JSON lines" : "Parquet"}${table.partitionBy.length > 0 ? `, by \`${table.partitionBy.join("`, `")}\`` : ""}`,
      ],
      ["Key", table.primaryKey.length > 0 ? `\`${table.primaryKey.join("`, `")}\`` : "none"],
      ["Strictest class", strictest],
      [
        "Rules",
        (table.quality ?? [])
          .map((rule) => `\`${ruleName(rule)}\`${rule.threshold ? ` (${rule.threshold * 100}% may break it)` : ""}`)
          .join(", ") || "none",
      ],
    ];
    return [
      `## ${name}`,
      "",
      `${table.description}.`,
      "",
      ...facts.map(([what, value]) => `- ${what}: ${value}`),
      "",
      "| column | type | class | holds |",
      "| --- | --- | --- | --- |",
      ...table.columns.map(
        (column) => `| \`${column.name}\` | ${column.type} | ${column.dataClass} | ${cell(column.description)} |`,
      ),
      ...table.partitionBy.map((key) => `| \`${key}\` | string | internal | Partition: day, UTC |`),
    ].join("\n");
  };
  const lineage = [...made.entries()].flatMap(([name, { reads }]) => reads.map((read) => `  ${read} --> ${name}`));
  return `${[
    "# Tables of the lake",
    "",
    "Made from `packages/data-lake/src/tables` by `npm run reference`. `clean.people_to_match` is there where asked for; `curated.trait_facts`, `traits`, `segments` and `segment_changes` where [traits or segments](../lake/traits.md) are declared. How to add your own: [Tables](../lake/tables.md).",
    "",
    "```mermaid",
    "flowchart LR",
    ...lineage,
    "```",
    "",
    ...tables.map(tableSection).join("\n\n").split("\n"),
    "",
    "## As Redshift tables",
    "",
    "Of the curated zone; the same declarations.",
    "",
    "```sql",
    tables
      .filter(({ zone }) => zone === "curated")
      .map((table) => `${redshiftTable(table)};`)
      .join("\n\n"),
    "```",
  ].join("\n")}\n`;
}
