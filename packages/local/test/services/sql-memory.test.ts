import { memoryLimit } from "../../src/services/duckdb/engine";

it.each([
  ["a small container", 1, "512MiB"],
  ["a laptop", 8, "2048MiB"],
  ["a large machine", 64, "4096MiB"],
])("gives DuckDB a quarter of the memory within bounds: %s", (_, gigabytes, limit) => {
  expect(memoryLimit(gigabytes * 2 ** 30)).toBe(limit);
});
