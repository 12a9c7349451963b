import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readRows } from "../src/rows";

const folder = mkdtempSync(join(tmpdir(), "tributary-rows-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function rowsOf(name: string, content: string | Buffer) {
  const file = join(folder, name);
  writeFileSync(file, content);
  const rows: { line: number; row: unknown; fault?: string; original: string }[] = [];
  for await (const { original, ...row } of readRows(file, () => undefined)) rows.push({ ...row, original: original() });
  return rows;
}

test("JSON lines: either line end, blank lines, no end at the end, across chunks, zipped or not", async () => {
  const long = JSON.stringify({ text: "ü".repeat(700_000) });
  const text = `{"n":1}\r\n\n${long}\n{"n":3}\r\n[4]\n{oops`;
  for (const [name, content] of [["a.jsonl", text] as const, ["a.ndjson.gz", gzipSync(text)] as const]) {
    const rows = await rowsOf(name, content);
    expect(rows.map(({ line }) => line)).toEqual([1, 3, 4, 5, 6]);
    expect(rows.map(({ original }) => original)).toEqual(['{"n":1}', long, '{"n":3}', "[4]", "{oops"]);
    expect(rows[1]?.row).toEqual(JSON.parse(long));
    expect(rows[3]).toMatchObject({ row: undefined, fault: "not a JSON object" });
    expect(rows[4]).toMatchObject({ row: undefined, fault: expect.stringMatching(/^not JSON: /) });
  }
});

test("CSV: quoted line ends stay within their row; too few cells are told", async () => {
  const rows = await rowsOf("b.csv", '\ufeffa,b\r\n1,"x\ny"\r\n2\r\n');
  expect(rows).toEqual([
    { line: 3, row: { a: "1", b: "x\ny" }, original: '1,"x\ny"' },
    { line: 4, row: undefined, fault: "1 columns where the header has 2", original: "2" },
  ]);
});

test.each(["c.csv.gz", "c.jsonl.gz"])(
  "%s that was cut off, and one that is no gzip, reject instead of ending the process",
  async (name) => {
    const zipped = gzipSync(Buffer.from("a,b\n".repeat(10_000)));
    await expect(rowsOf(name, zipped.subarray(0, -12))).rejects.toThrow(/unexpected end of file/);
    await expect(rowsOf(name, "a,b\n1,2\n")).rejects.toThrow(/incorrect header check/);
  },
);
