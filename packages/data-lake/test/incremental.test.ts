import { readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import * as path from "node:path";
import type { CollectedRecord } from "@tributary/model";
import fc from "fast-check";
import { LakeEngine, scanOf } from "../../local/src/services/duckdb";
import { catalogOf, relationOf } from "../../local/src/services/glue/catalog";
import * as plans from "../../local/src/services/glue/plan-step";
import { TestLake } from "../../local/test/services/lake-support";
import { rawEvents, rawProfiles } from "../src";
import { lakeServices, putRaw, runJob, runLocally } from "./spark/lakes";
import { rawProfiles as profileRows } from "./spark/rows";

jest.setTimeout(240_000);

/** Runs that make only what changed, held to runs that make everything: the same files, byte for byte. */
const seed = Number(process.env.SEED ?? 20261123);
const days = ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"] as const;

const order = { order_id: "o", products: [{ sku: "s", quantity: 2, price: 1.5 }] };
/** Few messages on few days, so that copies and late days meet. */
const arrival = fc.record({
  day: fc.constantFrom<string>(...days),
  message: fc.integer({ min: 0, max: 11 }),
  /** Two sources may give two messages the same id. */
  source: fc.constantFrom("shop", "shop", "till"),
  received: fc.integer({ min: 0, max: 3 }),
  type: fc.constantFrom("track", "track", "track", "identify", "rejected"),
  twist: fc.constantFrom("a", "b"),
});
type Arrival = typeof arrival extends fc.Arbitrary<infer T> ? T : never;
/** What comes in a night, on a day or two. */
const night = fc.record({
  arrivals: fc
    .tuple(
      fc.uniqueArray(fc.constantFrom(...days), { minLength: 1, maxLength: 2 }),
      fc.array(arrival, { minLength: 3, maxLength: 10 }),
    )
    .map(([on, all]) => all.map((each, index) => ({ ...each, day: on[index % on.length] ?? each.day }))),
  /** Whether a file of the raw zone goes, as erasure makes it. */
  gone: fc.option(fc.nat(), { freq: 6, nil: undefined }),
  profiles: fc.boolean(),
});
/** New messages, of old orders too, on a day more: what is made by key is not made whole again after it. */
const next = fc
  .array(arrival, { minLength: 3, maxLength: 6 })
  .map((all) => all.map((each) => ({ ...each, day: "2026-11-05", message: each.message + 12 })));

const record = ({ day, message, source, received, type, twist }: Arrival): CollectedRecord => ({
  source_id: source,
  message_id: `m${message}`,
  type,
  event: type !== "track" ? null : message % 4 === 3 ? "Order Refunded" : "Order Completed",
  user_id: `u${message % 3}`,
  anonymous_id: null,
  timestamp: `2026-10-01T00:00:0${received}.000Z`,
  original_timestamp: null,
  sent_at: null,
  received_at: `${day}T0${received}:00:00.000Z`,
  // It says all that there is, so that no two copies are of one rank.
  payload: JSON.stringify({
    type,
    properties: { ...order, order_id: message % 4 === 0 ? null : `o${message % 6}`, currency: twist },
  }),
  encoding: "utf8",
  reason: null,
  detail: null,
});

/** A profile has one change of a number: what says another thing under it is none of a store's. */
function saidOnce(): (row: ReturnType<typeof profileRows>[number]) => boolean {
  const said = new Map<string, string>();
  return (row) => {
    const { profile_id, sequence, kind, identifier_value } = row;
    const [name, text] = [JSON.stringify([profile_id, sequence, kind, identifier_value]), JSON.stringify(row)];
    if (!said.has(name)) said.set(name, text);
    return said.get(name) === text;
  };
}

describe("a run that makes only what changed", () => {
  let lake: TestLake;
  const made = async () => [...(await lake.keys("clean")), ...(await lake.keys("curated"))];
  const statistics = async (given: Readonly<Record<string, string>> = {}) => {
    const steps: Record<string, { rows: number; partitions: number; skipped: boolean }> = {};
    const failed = await runJob(lake.kernel, given, ({ name, rows, partitions, skipped }) => {
      steps[name] = { rows, partitions, skipped };
    });
    expect(failed).toBeUndefined();
    return steps;
  };
  let files = 0;
  const put = async (arrivals: readonly Arrival[]) => {
    const name = `f${String(++files).padStart(4, "0")}`;
    await putRaw(
      lake,
      path.join(lake.dataDir, "aside"),
      rawEvents,
      arrivals.map(record),
      ({ received_at }) => received_at.slice(0, 10),
      name,
    );
  };

  beforeAll(async () => {
    lake = TestLake.open((kernel) => {
      kernel.authorizer = { check: () => {} };
      return lakeServices.flatMap((service) => service.install(kernel));
    });
    await runLocally(lake);
  });
  afterAll(() => lake.close());

  it(`comes to the files of a full run, whatever arrived when (seed ${seed}; SEED sets another)`, async () => {
    const planned = jest.spyOn(plans, "planStep");
    await fc.assert(
      fc.asyncProperty(fc.array(night, { minLength: 4, maxLength: 5, size: "max" }), next, async (nights, more) => {
        for (const { bucket, key } of (await lake.keys("raw")).map((key) => ({ bucket: "raw", key }))) {
          await lake.kernel.call("s3", "DeleteObject", { Bucket: bucket, Key: key });
        }
        const once = saidOnce();
        for (const { arrivals, gone, profiles } of nights) {
          await put(arrivals);
          if (profiles) {
            const rows = profileRows(seed + files)
              .slice(0, 20)
              .filter(once);
            await putRaw(
              lake,
              path.join(lake.dataDir, "aside"),
              rawProfiles,
              rows,
              () => days[files % 4] ?? days[0],
              `p${files}`,
            );
          }
          const raw = await lake.keys("raw");
          if (gone !== undefined && raw.length > 0) {
            await lake.kernel.call("s3", "DeleteObject", { Bucket: "raw", Key: raw[gone % raw.length] });
          }
          expect(await runJob(lake.kernel)).toBeUndefined();
        }
        await put(more);
        expect(await runJob(lake.kernel)).toBeUndefined();
        const incremental = await made();
        // Files are called by their content: other bytes would be other names.
        expect(await runJob(lake.kernel, { "--full": "true" })).toBeUndefined();
        expect(incremental).toEqual(await made());
      }),
      { seed, numRuns: Number(process.env.RUNS ?? 6), endOnFailure: true },
    );
    const kinds = new Set(planned.mock.results.map(({ value }) => value.kind));
    planned.mockRestore();
    expect(kinds).toEqual(new Set(["skip", "whole", "partitions", "fold", "keys"]));
  });

  it("does nothing where nothing came, makes a late day again alone, and reopens a range", async () => {
    const message = (day: (typeof days)[number], number: number): Arrival => ({
      day,
      message: number,
      source: "shop",
      received: 1,
      type: "track",
      twist: "a",
    });
    await put(days.map((day, index) => message(day, 20 + index)));
    await statistics({ "--full": "true" });
    expect(Object.values(await statistics()).every(({ skipped, rows }) => skipped && rows === 0)).toBe(true);

    await put([message("2026-11-02", 30)]);
    const late = await statistics();
    expect(late["clean.events"]).toMatchObject({ partitions: 1, skipped: false });
    expect(late["curated.order_lines"]).toMatchObject({ partitions: 1 });
    expect(late["clean.profiles"]).toMatchObject({ skipped: true });

    // A copy on an earlier day takes the message out of the later one.
    await put([message("2026-11-01", 23)]);
    expect((await statistics())["clean.events"]).toMatchObject({ partitions: 2 });

    const before = await made();
    const reopened = await statistics({ "--from": "2026-11-02", "--to": "2026-11-03" });
    // Made again, to the same bytes: so nothing was replaced, and what is made from it has not changed.
    expect(reopened["clean.events"]).toMatchObject({ partitions: 0, skipped: false });
    expect(reopened["clean.events"]?.rows).toBeGreaterThan(0);
    expect(await made()).toEqual(before);
  });

  it("makes days side by side, and keeps a message in the first day that it counts on", async () => {
    const on = (day: (typeof days)[number], message: number, type = "track"): Arrival => ({
      day,
      message,
      source: "shop",
      received: 2,
      type: type as Arrival["type"],
      twist: "b",
    });
    // What was rejected on a day claims nothing for it, what is rejected everywhere is nowhere.
    const arrivals = [
      ...days.map((day) => on(day, 50)),
      on(days[0], 51, "rejected"),
      ...days.slice(1).map((day) => on(day, 51)),
      ...days.map((day) => on(day, 52, "rejected")),
      on(days[2], 53),
      on(days[3], 53),
    ];
    for (const arrival of arrivals) await put([arrival]);
    const { rows } = (await statistics({ "--full": "true" }))["clean.events"] ?? {};
    const table = scanOf(lake.kernel, relationOf(catalogOf(lake.kernel).requireTable("clean", "events"))).sql;
    const [counted, placed] = await LakeEngine.of(lake.kernel).with("duckdb", async ({ connection }) => [
      (await connection.runAndReadAll(`SELECT count(*)::INT FROM (${table})`)).getRows()[0]?.[0],
      (
        await connection.runAndReadAll(
          `SELECT message_id, dt FROM (${table}) WHERE message_id IN ('m50', 'm51', 'm52', 'm53') ORDER BY ALL`,
        )
      ).getRows(),
    ]);
    expect(rows).toBe(counted);
    expect(placed).toEqual([
      ["m50", days[0]],
      ["m51", days[1]],
      ["m53", days[2]],
    ]);
  });

  it("knows the keys of other days by an index, which it makes again where it is broken, and keeps for what is there", async () => {
    const keys = path.join(lake.dataDir, "keys", "clean.events");
    const index = () =>
      readdirSync(keys, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => path.join(parentPath, name));
    const copy = { message: 60, source: "shop", received: 1, type: "track", twist: "a" } as const;
    await put([{ ...copy, day: days[1] }]);
    await statistics();
    const files = index();
    expect(files).toHaveLength((await lake.keys("clean")).filter((key) => key.startsWith("events/")).length);
    for (const file of files) truncateSync(file);
    // A later copy is none of its day's, and one of a day before takes it away from the later day.
    await put([{ ...copy, day: days[2] }]);
    expect((await statistics())["clean.events"]).toMatchObject({ partitions: 0 });
    // That of the day itself was not asked.
    expect(index().filter((file) => statSync(file).size === 0)).toHaveLength(1);
    rmSync(keys, { recursive: true });
    await put([{ ...copy, day: days[0] }]);
    expect((await statistics())["clean.events"]).toMatchObject({ partitions: 2 });
    const before = await made();
    await statistics({ "--full": "true" });
    expect(await made()).toEqual(before);
  });

  it("makes again what somebody removed, and what another SELECT makes otherwise", async () => {
    const before = await made();
    const removed = before.find((key) => key.startsWith("order_lines/")) ?? "";
    await lake.kernel.call("s3", "DeleteObject", { Bucket: "curated", Key: removed });
    expect((await statistics())["curated.order_lines"]).toMatchObject({ partitions: 1 });
    expect(await made()).toEqual(before);
    await lake.putText(
      "scripts",
      "curated.orders.sql",
      `${await lake.getText("scripts", "curated.orders.sql")}\n-- other`,
    );
    const steps = await statistics();
    expect(
      Object.entries(steps)
        .filter(([, { skipped }]) => !skipped)
        .map(([name]) => name),
    ).toEqual(["curated.orders"]);
  });

  it("makes a step again that died between its files and its bookmark, to the same bytes", async () => {
    const bookmark = await lake.getText("scripts", "bookmark.json");
    await put([{ day: "2026-11-03", message: 40, source: "shop", received: 1, type: "track", twist: "a" }]);
    expect((await statistics())["clean.events"]).toMatchObject({ partitions: 1 });
    const after = await made();
    await lake.putText("scripts", "bookmark.json", bookmark);
    expect((await statistics())["clean.events"]).toMatchObject({ partitions: 0, skipped: false });
    expect(await made()).toEqual(after);
    // One that cannot be read costs a full run, nothing else.
    await lake.putText("scripts", "bookmark.json", "{");
    expect((await statistics())["curated.orders"]).toMatchObject({ partitions: 0, skipped: false });
    expect(await made()).toEqual(after);
  });

  it("says what is wrong with the job's arguments", async () => {
    const given = {
      "--full": "yes",
      "--from": "2026-13-01",
      "--to": "2026-11-02",
      "--as_of": "soon",
      "--unreadable": "drop",
    };
    expect(await runJob(lake.kernel, given)).toBe(
      "the job's arguments: --full yes must be true or false; --from 2026-13-01 must be a day such as 2026-11-23; --from 2026-13-01 is after --to 2026-11-02; --as_of soon must be an instant such as 2026-11-23T03:00:00Z; --unreadable drop must be stop or set-aside",
    );
  });
});
