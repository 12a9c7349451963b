import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { CollectedRecord, Mapping } from "@tributary/model";
import * as fc from "fast-check";
import { readRows } from "../../cli/src/rows";
import { formatByName, isPassedOver, landedPlace, routeOf } from "../src/domain/files/landed";
import { loadFile, maxFileBytes } from "../src/domain/files/load";
import type { Checkpoint, FilePort, LandedFile, LoaderParts } from "../src/domain/files/ports";
import { csvRows } from "../src/domain/files/rows";
import { NotDurable } from "../src/domain/stream-writer";
import type { FileRoute } from "../src/loader-env";

const at = new Date("2026-11-23T10:00:00Z");
const day = "dt=2026-11-23";
const mapping: Mapping = {
  version: 1,
  event: {
    type: { $value: "track" },
    event: { $value: "Bought" },
    userId: { $column: "who", required: true },
    properties: { what: { $column: "what" } },
  },
};
const csv: FileRoute = { folder: "", format: "csv", rows: "events", mapping };
const json: FileRoute = { folder: "", format: "json", rows: "events" };

/** The two buckets in memory, the stream as a list, and faults at will. */
class World {
  readonly landed = new Map<string, { bytes: Buffer; version: number; size?: number }>();
  readonly kept = new Map<string, Buffer>();
  readonly checkpoints = new Map<string, Checkpoint>();
  readonly stream: CollectedRecord[] = [];
  readonly warned: string[] = [];
  /** Batches until time is over; undefined: never. */
  batches: number | undefined;
  refusals = 0;
  private left = Number.POSITIVE_INFINITY;

  constructor(private readonly routes: Record<string, readonly FileRoute[]> = { shop: [csv] }) {}

  land(key: string, content: string | Buffer, version = 1): void {
    this.landed.set(key, { bytes: Buffer.from(content), version });
  }

  files(): FilePort {
    const slice = (bytes: Buffer | undefined, start: number, end: number) => {
      if (!bytes) throw new Error("PreconditionFailed");
      return Promise.resolve(new Uint8Array(bytes.subarray(start, end)));
    };
    const same = (file: LandedFile) => {
      const there = this.landed.get(file.key);
      return there && `"${there.version}"` === file.etag ? there.bytes : undefined;
    };
    return {
      find: async (key) => {
        const there = this.landed.get(key);
        return there && { key, etag: `"${there.version}"`, size: there.size ?? there.bytes.length, at };
      },
      read: (file, start, end) => slice(same(file), start, end),
      keep: async (file, key) => {
        this.kept.set(key, same(file) ?? Buffer.alloc(0));
      },
      keptSize: async (key) => this.kept.get(key)?.length,
      readKept: (key, start, end) => slice(this.kept.get(key), start, end),
      remove: async (file) => {
        if (same(file)) this.landed.delete(file.key);
      },
      saveCheckpoint: async (checkpoint) => {
        this.checkpoints.set(checkpoint.key, checkpoint);
      },
      removeCheckpoint: async (key) => {
        this.checkpoints.delete(key);
      },
    };
  }

  async load(key: string) {
    this.left = this.batches ?? Number.POSITIVE_INFINITY;
    const checkpoint = this.checkpoints.get(key);
    const parts: LoaderParts = {
      files: this.files(),
      routes: new Map(Object.entries(this.routes)),
      rawBucket: "raw",
      parquetRows: async function* (_size, _read, onHeader) {
        onHeader(["who", "what"]);
        yield { line: 1, row: { who: "u", what: "x" }, original: () => "{}" };
      },
      write: async (records) => {
        if (this.refusals-- > 0) throw new NotDurable("busy", false);
        this.left -= 1;
        this.stream.push(...records);
      },
      hasTime: () => this.left > 0,
      warn: (message) => this.warned.push(message),
    };
    return await loadFile({ key, ...(checkpoint ? { checkpoint } : {}) }, parts);
  }

  /** As the queue has it: again and again until nothing of the file is left to do. */
  async loadToTheEnd(key: string): Promise<number> {
    for (let runs = 1; ; runs++) {
      if ((await this.load(key)).outcome !== "continued") return runs;
      if (runs > 1_000) throw new Error("no end");
    }
  }
}

const hash = (content: string | Buffer) => createHash("sha256").update(content).digest("hex").slice(0, 16);
const summary = (records: readonly CollectedRecord[]) =>
  records.map(({ message_id, reason, payload }) => (reason ? [message_id, reason, payload] : [message_id]));

describe("one file", () => {
  const content = 'who,what\nu1,"a\nb"\n,c\nu3\nu4,"d ""q"""\r\n';

  test("rows are events by content and line, bad ones keep their line, the bytes are kept and the file leaves", async () => {
    const world = new World();
    world.land("source=shop/in/a.csv", content);
    expect(await world.load("source=shop/in/a.csv")).toEqual({ outcome: "loaded", accepted: 2, rejected: 2 });
    const id = hash(content);
    expect(summary(world.stream)).toEqual([
      [`${id}:3`],
      [`${id}:4`, "unmappable", ",c"],
      [`${id}:5`, "unmappable", "u3"],
      [`${id}:6`],
    ]);
    expect(world.stream[3]).toMatchObject({ source_id: "shop", user_id: "u4", received_at: at.toISOString() });
    expect(world.landed.size).toBe(0);
    expect(world.kept).toEqual(new Map([[`files/source=shop/${day}/in/a.csv`, Buffer.from(content)]]));
  });

  test("a repeat of the same bytes, under any name changes nothing", async () => {
    const world = new World();
    for (const name of ["a.csv", "a.csv", "b.csv"]) {
      world.land(`source=shop/${name}`, content);
      await world.load(`source=shop/${name}`);
    }
    expect(new Set(world.stream.map(({ message_id }) => message_id)).size).toBe(4);
    expect(await world.load("source=shop/a.csv")).toMatchObject({ outcome: "gone" });
  });

  test("another content under a name that is taken keeps both", async () => {
    const world = new World();
    for (const text of ["who,what\nu1,a\n", "who,what\nu1,b\n", "who,what\nu1,b\n"]) {
      world.land("source=shop/a.csv", text);
      await world.load("source=shop/a.csv");
    }
    const second = hash("who,what\nu1,b\n");
    expect([...world.kept.keys()]).toEqual([
      `files/source=shop/${day}/a.csv`,
      `files/source=shop/${day}/${second}-a.csv`,
    ]);
  });

  test("a file that was overwritten while it was loaded stays for its own announcement", async () => {
    const world = new World();
    world.land("source=shop/a.csv", content);
    const files = world.files();
    const file = await files.find("source=shop/a.csv");
    world.land("source=shop/a.csv", "who,what\nu9,z\n", 2);
    if (file) await files.remove(file);
    expect(world.landed.has("source=shop/a.csv")).toBe(true);
  });

  test.each([
    ["a missing column", "source=shop/a.csv", "whom,what\nu,a\n", /does not have: who \(did you mean whom\?\)/],
    ["a broken zip", "source=shop/a.csv.gz", gzipSync(content).subarray(0, 30), /cannot be read beyond line/],
    ["a name without a format", "source=shop/a.dat", content, /name does not tell its format/],
    ["another format", "source=shop/a.parquet", content, /it is parquet by its name, and the source takes csv/],
    ["an unknown source", "source=nobody/a.csv", content, /there is no source "nobody"/],
    ["a source without files", "source=web/a.csv", content, /takes no files/],
  ])("%s is one entry in quarantine, and the file is kept", async (_, key, bytes, detail) => {
    const world = new World({ shop: [csv], web: [] });
    world.land(key, Buffer.from(bytes));
    expect((await world.load(key)).outcome).toBe("loaded");
    const told = world.stream.filter(({ reason }) => reason !== null);
    expect(told).toHaveLength(1);
    expect(told[0]?.detail).toMatch(detail);
    expect(told[0]?.payload).toBe(`s3://raw/${[...world.kept.keys()][0]}`);
    expect(world.kept.size).toBe(1);
    expect(world.landed.size).toBe(0);
  });

  test("rows before the break of a broken file are loaded", async () => {
    const rows = Array.from(
      { length: 20_000 },
      (_, index) => `u${index},${createHash("md5").update(`${index}`).digest("hex")}`,
    );
    const whole = gzipSync(`who,what\n${rows.join("\n")}\n`);
    const world = new World();
    world.land("source=shop/a.csv.gz", whole.subarray(0, whole.length - 1000));
    const { accepted, rejected } = await world.load("source=shop/a.csv.gz");
    expect(accepted).toBeGreaterThan(10_000);
    expect(rejected).toBe(1);
  });

  test("JSON lines without a mapping are events as they are; a table without one is only kept", async () => {
    const kept: FileRoute = { folder: "public/stores", format: "parquet", rows: "kept" };
    const world = new World({ app: [json], db: [{ ...csv, folder: "public/orders", format: "parquet" }, kept] });
    world.land("source=app/a.jsonl", '\uFEFF{"type":"track","event":"e","userId":"u","messageId":"m"}\n[1]\nnot\n');
    expect(await world.load("source=app/a.jsonl")).toMatchObject({ accepted: 1, rejected: 2 });
    expect(summary(world.stream).map(([id]) => id)).toEqual([
      "m",
      expect.stringMatching(/:2$/),
      expect.stringMatching(/:3$/),
    ]);
    world.land("source=db/public/stores/1.parquet", "PAR1");
    expect(await world.load("source=db/public/stores/1.parquet")).toMatchObject({ outcome: "kept", accepted: 0 });
    world.land("source=db/public/orders/1.parquet", "PAR1");
    expect(await world.load("source=db/public/orders/1.parquet")).toMatchObject({ outcome: "loaded", accepted: 1 });
  });

  test("unfinished uploads and folders are passed over; what is too large stays, and says so", async () => {
    const world = new World();
    for (const key of ["source=shop/a.csv.part", "source=shop/.a.csv", "source=shop/sub/", "other/a.csv"]) {
      world.land(key, content);
      expect(await world.load(key)).toMatchObject({ outcome: "passed-over" });
    }
    world.landed.set("source=shop/big.csv", { bytes: Buffer.alloc(1), version: 1, size: maxFileBytes + 1 });
    expect(await world.load("source=shop/big.csv")).toMatchObject({ outcome: "left", rejected: 1 });
    expect(world.landed.has("source=shop/big.csv")).toBe(true);
    expect(world.stream[0]?.detail).toMatch(/split it, let the parts land/);
  });

  test("a busy stream is waited for; a run that takes nothing fails, to be tried again", async () => {
    const world = new World();
    world.land("source=shop/a.csv", content);
    world.refusals = 3;
    expect(await world.load("source=shop/a.csv")).toMatchObject({ outcome: "loaded", accepted: 2 });
    world.land("source=shop/b.csv", content);
    world.refusals = 1_000;
    world.batches = 0;
    await expect(world.load("source=shop/b.csv")).rejects.toThrow(/took no line/);
    expect(world.landed.has("source=shop/b.csv")).toBe(true);
  });

  test("columns in another order than the table's are told in the log", async () => {
    const world = new World({ shop: [{ ...csv, columns: ["what", "who"] }] });
    world.land("source=shop/a.csv", content);
    await world.load("source=shop/a.csv");
    expect(world.warned).toEqual([expect.stringMatching(/not those of its table/)]);
  });
});

test("however a file is cut into runs, refused and repeated: the same events, each under the same id, nothing lost", async () => {
  // Running counts too: they depend on every row before.
  const counting: Mapping = { ...mapping, event: { ...mapping.event, properties: { nth: { $count: "{who}" } } } };
  const row = fc.tuple(fc.constantFrom("u1", "u2", ""), fc.stringMatching(/^[a-z",\n ]{0,6}$/));
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 30, max: 120 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 5 }),
      fc.boolean(),
      fc.constantFrom("", 'u1,"never closed\nu2,x\n'),
      async (rows, repeat, batches, refusals, zipped, tail) => {
        const lines = rows.map(([who, what]) => `${who},"${what.replaceAll('"', '""')}"\n`).join("");
        const content = Buffer.from(`who,what\n${lines.repeat(repeat)}${tail}`);
        const key = `source=shop/a.csv${zipped ? ".gz" : ""}`;
        const bytes = zipped ? gzipSync(content) : content;
        const [whole, cut] = [
          new World({ shop: [{ ...csv, mapping: counting }] }),
          new World({ shop: [{ ...csv, mapping: counting }] }),
        ];
        whole.land(key, bytes);
        await whole.loadToTheEnd(key);
        cut.land(key, bytes);
        cut.batches = batches;
        cut.refusals = refusals;
        await cut.loadToTheEnd(key);
        const byId = ({ stream }: World) => new Map(stream.map((record) => [record.message_id, record]));
        expect(byId(cut)).toEqual(byId(whole));
        expect(byId(whole).size).toBe(rows.length * repeat + (tail ? 1 : 0));
        expect([...cut.checkpoints.keys(), ...cut.landed.keys()]).toEqual([]);
      },
    ),
    { numRuns: 25, seed: 20261123 },
  );
});

test("a quote that is never closed takes its rest of the file to quarantine, and nothing of what was before", async () => {
  const world = new World();
  world.land("source=shop/a.csv", 'who,what\nu1,a "b" c\r\nu2,"x"y\nu3,"never\nu4,d\n');
  expect(await world.load("source=shop/a.csv")).toMatchObject({ accepted: 2, rejected: 1 });
  expect(world.stream.at(-1)).toMatchObject({ reason: "unmappable", payload: 'u3,"never\nu4,d\n' });
});

test("rows have the lines that `tributary load` gives them, so that either way makes the same message ids", async () => {
  const content = '\uFEFFwho,what\r\n\r\nu1,"a\r\nb"\r\nu2,c\r\n\r\nu3,"d""e"\r\n';
  const folder = mkdtempSync(join(tmpdir(), "loader-"));
  writeFileSync(join(folder, "a.csv"), content);
  const lines: [number, unknown][] = [];
  for await (const { line, row } of readRows(join(folder, "a.csv"), () => undefined)) lines.push([line, row]);
  rmSync(folder, { recursive: true });
  const ours: [number, unknown][] = [];
  const chunks = (async function* () {
    for (const byte of Buffer.from(content)) yield Uint8Array.of(byte);
  })();
  for await (const { line, row } of csvRows(chunks, { gzipped: false }, () => undefined)) ours.push([line, row]);
  expect(ours).toEqual(lines);
  expect(ours).toHaveLength(3);
});

test("names: places, routes, formats", () => {
  expect(landedPlace("source=a/b/c.csv")).toEqual({ sourceId: "a", name: "b/c.csv" });
  expect(landedPlace("source=a")).toBeUndefined();
  expect(landedPlace("a/b.csv")).toBeUndefined();
  expect(["a.csv.tmp", "x/.hidden", "f/", "a.FILEPART"].map(isPassedOver)).toEqual([true, true, true, true]);
  expect(["a.CSV.gz", "a.ndjson", "a.tsv", "a.gz.parquet", "a.gz", "a"].map(formatByName)).toEqual([
    "csv",
    "json",
    "csv",
    "parquet",
    undefined,
    undefined,
  ]);
  const routes = ["*/db/public.a", "s/t"].map((folder): FileRoute => ({ folder, format: "parquet", rows: "kept" }));
  expect(routeOf(routes, "x/db/public.a/1/p.parquet")).toBe(routes[0]);
  expect(routeOf(routes, "s/t/1.parquet")).toBe(routes[1]);
  expect(routeOf(routes, "s/t.parquet")).toBeUndefined();
});
