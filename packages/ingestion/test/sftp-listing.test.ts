import { chooseFiles, type Ledger, type RemoteFile, recordResults } from "../src/domain/sftp-listing";
import { filesPerRun } from "../src/sftp-listing-env";

const now = Date.parse("2026-11-23T10:00:00Z");
const table = (): Ledger & { readonly rows: Map<string, string> } => {
  const rows = new Map<string, string>();
  return {
    rows,
    version: async (path) => rows.get(path),
    record: async ({ path, version }) => void rows.set(path, version),
  };
};
const listing = (files: object[], truncated = "false") =>
  JSON.stringify({ files, paths: [{ path: "/out/x" }], truncated });
const choose = async (files: object[], ledger: Ledger) =>
  (await chooseFiles(listing(files), "/out/", ledger, now)).groups.flat();

test("a file is chosen until this version of it came; another time or size is another version", async () => {
  const ledger = table();
  const file = { filePath: "/out/a.csv", modifiedTimestamp: "2026-11-22T00:00:00Z", size: 7 };
  const [chosen] = await choose([file], ledger);
  expect(chosen).toEqual({ path: "/out/a.csv", version: "2026-11-22T00:00:00Z/7" });
  expect(await choose([file], ledger)).toHaveLength(1); // It was not recorded.
  await ledger.record(chosen as RemoteFile);
  expect(await choose([file], ledger)).toEqual([]);
  expect(await choose([{ ...file, size: 8 }], ledger)).toHaveLength(1);
  expect(await choose([{ ...file, modifiedTimestamp: "2026-11-22T00:00:01Z" }], ledger)).toHaveLength(1);
});

test("what is being written is left for the next run; a server that tells neither time nor size is taken at its names", async () => {
  const files = [
    { filePath: "/out/b.csv", modifiedTimestamp: "2026-11-23T09:59:30Z" },
    { filePath: "/out/c.csv.part" },
    { filePath: "/out/.hidden" },
    { filePath: "/out/d.csv" },
    { filePath: "relative.csv" },
  ];
  expect((await choose(files, table())).map(({ path }) => path)).toEqual(["/out/d.csv", "/out/relative.csv"]);
});

test("ten files a transfer, in the order of names, a bounded number a run; a cut listing is told", async () => {
  const files = Array.from({ length: filesPerRun + 25 }, (_, index) => ({ filePath: `/out/${10_000 - index}.csv` }));
  const { groups, truncated } = await chooseFiles(listing(files, "true"), "/out", table(), now);
  expect(groups.map((group) => group.length)).toEqual(Array.from({ length: filesPerRun / 10 }, () => 10));
  const paths = groups.flat().map(({ path }) => path);
  expect(paths).toEqual([...paths].sort());
  expect(truncated).toBe(true);
  expect(await chooseFiles("{}", "/out", table(), now)).toEqual({ groups: [], truncated: false });
});

test("what came is recorded, what failed is not, what is under way or not told of counts as moving", async () => {
  const ledger = table();
  const files = ["a", "b", "c", "d"].map((name) => ({ path: `/out/${name}.csv`, version: "v" }));
  const result = await recordResults(
    files,
    [
      { FilePath: "/out/a.csv", StatusCode: "COMPLETED" },
      { FilePath: "out/b.csv", StatusCode: "FAILED" },
      { FilePath: "/out/c.csv", StatusCode: "IN_PROGRESS" },
    ],
    ledger,
  );
  expect(result).toEqual({ moving: 2, failed: 1 });
  expect([...ledger.rows.keys()]).toEqual(["/out/a.csv"]);
});
