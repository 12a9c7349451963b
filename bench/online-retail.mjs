// The whole Online Retail file through the platform, against plain SQL over the file.
// TRIBUTARY_DATA names the folder with `online-retail/orders-2010-12_2011-10.csv.gz` (default: ../shared/data).
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { per, root, scratch, tributary } from "./support.mjs";

export async function bench() {
  const file = join(
    resolve(root, process.env.TRIBUTARY_DATA ?? "../shared/data"),
    "online-retail/orders-2010-12_2011-10.csv.gz",
  );
  if (!existsSync(file)) return [`skipped: ${file} is absent`];
  const { DuckDBInstance } = createRequire(join(root, "packages/local/package.json"))("@duckdb/node-api");
  const connection = await (await DuckDBInstance.create()).connect();
  const columns =
    "{'InvoiceNo':'VARCHAR','StockCode':'VARCHAR','Description':'VARCHAR','Quantity':'INTEGER','InvoiceDate':'TIMESTAMP','UnitPrice':'DECIMAL(18,4)','CustomerID':'VARCHAR','Country':'VARCHAR'}";
  const plain = `read_csv('${file}', header = true, columns = ${columns})`;
  const one = async (sql) => (await (await connection.runAndReadAll(sql)).getRowsJson())[0].map(String);

  const { path, remove } = scratch();
  try {
    const began = performance.now();
    const expected = await one(
      `select count(*), sum(Quantity * UnitPrice), count(distinct InvoiceNo), count(distinct CustomerID) from ${plain}`,
    );
    const plainSeconds = (performance.now() - began) / 1000;
    const mapping = join(root, "examples/reference/mappings/online-retail.json");
    const load = await tributary("load", file, "--source", "shop", "--mapping", mapping, "--data", path);
    const run = await tributary("pipeline", "run", "nightly", "--data", path);
    const query =
      "select count(*) as n, sum(quantity * unit_price) as revenue, count(distinct invoice) as orders, count(distinct customer_id) as customers from curated.order_lines";
    const [got] = JSON.parse((await tributary("sql", query, "--data", path)).stdout);
    const loaded = JSON.parse(load.stdout);
    const same = [got.n, got.revenue, got.orders, got.customers].every(
      (value, index) => Number(value) === Number(expected[index]),
    );
    return [
      `load: ${loaded.read} lines read, ${loaded.accepted} accepted, ${loaded.quarantined} quarantined; ${loaded.seconds.toFixed(1)} s until accepted, ${load.seconds.toFixed(1)} s until every profile was done (${per(loaded.read, load.seconds)} lines/s all in), peak ${load.megabytes.toFixed(0)} MB`,
      `nightly pipeline: ${run.seconds.toFixed(1)} s with start-up, peak ${run.megabytes.toFixed(0)} MB (plain SQL over the file: ${plainSeconds.toFixed(1)} s)`,
      `${same ? "equal" : "DIFFERENT"}: lines, revenue, orders, customers = ${JSON.stringify(got)}; plain SQL ${expected.join(", ")}`,
    ];
  } finally {
    remove();
  }
}
