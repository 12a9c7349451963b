import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RecordLog, Store } from "../../src/kernel";

interface Entry {
  readonly t: number;
  readonly text: string;
}

describe("a record log", () => {
  let folder: string;
  let store: Store;
  let log: RecordLog<Entry>;

  const open = () => {
    store = Store.open(folder);
    log = new RecordLog<Entry>(store, "test", "one", 2, { prefix: "9" });
  };
  const reopen = async () => {
    await store.close();
    open();
  };
  const append = (text: string, t = 1_000, shard = 0) => store.write(() => log.append(shard, { t, text }));
  const texts = (after?: string, limit = 1_000, shard = 0) =>
    [...log.records(shard, after, limit)].map(({ value }) => value.text);
  const files = (shard = 0) => {
    const path = join(folder, "logs", "test", "one", String(shard));
    return existsSync(path) ? readdirSync(path) : [];
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tributary-log-"));
    open();
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("gives each shard's records in order, from any sequence number on, also after a restart", async () => {
    const first = await append("a");
    const [second] = await Promise.all([append("b"), append("c"), append("other", 1_000, 1)]);
    expect(texts()).toEqual(["a", "b", "c"]);
    expect(texts(first)).toEqual(["b", "c"]);
    expect(texts(second, 1)).toEqual(["c"]);
    expect(texts(undefined, 10, 1)).toEqual(["other"]);
    await reopen();
    expect(texts(first)).toEqual(["b", "c"]);
    const later = await append("d");
    expect(later > second).toBe(true);
    expect(log.newest(0)).toBe(later);
    expect(texts(second)).toEqual(["c", "d"]);
  });

  it("keeps nothing of a write that throws, and all of its neighbours in the same commit", async () => {
    const outcomes = await Promise.allSettled([
      append("before"),
      store.write(() => {
        log.append(0, { t: 1_000, text: "lost" });
        throw new Error("on second thoughts");
      }),
      append("behind"),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(texts()).toEqual(["before", "behind"]);
    await reopen();
    expect(texts()).toEqual(["before", "behind"]);
  });

  it("cuts off what a killed process wrote and did not commit", async () => {
    await append("kept");
    const [file] = files();
    await store.close();
    appendFileSync(join(folder, "logs", "test", "one", "0", String(file)), Buffer.alloc(500, 7));
    open();
    expect(texts()).toEqual(["kept"]);
    await append("next");
    expect(texts()).toEqual(["kept", "next"]);
  });

  it("goes on in another segment when one is full, and reads across them in pieces", async () => {
    const large = "x".repeat(6 * 2 ** 20);
    const numbers: string[] = [];
    for (let index = 0; index < 7; index += 1) numbers.push(await append(`${index}${large}`, 1_000 + index));
    expect(files()).toHaveLength(3);
    const heads = (after?: string) => texts(after).map((text) => text[0]);
    expect(heads()).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
    expect(heads(numbers[3])).toEqual(["4", "5", "6"]);
    await reopen();
    // Nobody remembers where the reader stood: the place is searched.
    expect(heads(numbers[4])).toEqual(["5", "6"]);
    expect(log.before(0, 1_002)).toBe(log.preceding(String(numbers[2])));

    expect(await store.write(() => log.trim(0, 1_004, 100))).toBe(4);
    expect(heads()).toEqual(["4", "5", "6"]);
    expect(log.oldest(0)).toBe(1_004);
    expect(files()).toHaveLength(2);
    await reopen();
    expect(heads()).toEqual(["4", "5", "6"]);
  });

  it("forgets everything but its numbers when it is trimmed, and all when it is cleared", async () => {
    const last = await append("a");
    expect(await store.write(() => log.trim(0, 2_000, 100))).toBe(1);
    expect(log.newest(0)).toBeUndefined();
    expect(log.oldest(0)).toBeUndefined();
    await reopen();
    const next = await append("b", 0);
    expect(next > last).toBe(true);
    await store.write(() => log.clear());
    expect(texts()).toEqual([]);
    expect(files()).toEqual([]);
    await append("c");
    expect(texts()).toEqual(["c"]);
  });

  it("writes nothing more once a commit failed", async () => {
    await append("a");
    const broken = store.write(() => {
      store.join({
        abort() {},
        flush() {
          throw new Error("no space left");
        },
      });
    });
    await expect(broken).rejects.toThrow(/could not commit: no space left[\s\S]*start again/);
    await expect(append("b")).rejects.toThrow(/could not commit/);
    await reopen();
    expect(texts()).toEqual(["a"]);
  });
});
