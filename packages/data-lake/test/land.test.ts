import fc from "fast-check";
import { jobFailure } from "../src/domain/job-failure";
import { changedDays, type Landed, type LandRecord, type PendingRecord, recordAfter } from "../src/domain/landed";
import { readRange } from "../src/domain/run-input";
import { type LandStore, makeLand } from "../src/functions/land";

const files = (hash: string) => ({ files: 1, bytes: 10, hash });
const started = "2026-11-23T03:00:00.000Z";

/** A bucket in memory. */
class Memory implements LandStore {
  kept: LandRecord | undefined;
  readonly runs = new Map<string, PendingRecord>();
  record = async () => this.kept;
  saveRecord = async (record: LandRecord) => {
    this.kept = record;
  };
  savePending = async (execution: string, pending: PendingRecord) => void this.runs.set(execution, pending);
  pending = async (execution: string) => {
    const found = this.runs.get(execution);
    if (!found) throw new Error("gone");
    return found;
  };
}

const days = fc.dictionary(
  fc.constantFrom("2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"),
  fc.constantFrom("a", "b").map(files),
);
const landed: fc.Arbitrary<Landed> = fc.record({ events: days, profiles: days });

describe("what has landed", () => {
  let store: Memory;
  let now: Landed;
  let clock: number;
  const land = (plan = "p", everyNight = false) =>
    makeLand(
      store,
      async () => now,
      { plan, everyNight },
      () => clock++,
    );
  const look = async (execution: string, input: object = {}, of = land()) =>
    (await of({ action: "look", execution, startedAt: started, input })) as {
      run: boolean;
      why: string;
      changed: object;
    };
  const remember = async (execution: string) => await land()({ action: "remember", execution });
  beforeEach(() => {
    [store, now, clock] = [new Memory(), { events: { "2026-11-22": files("a") } }, Date.parse(started)];
  });

  it("is everything at first, nothing after a run, and each day whose files changed", async () => {
    expect(await look("1")).toMatchObject({ run: true, why: "no run has finished yet", files: 1, bytes: 10 });
    await remember("1");
    expect(await look("2")).toMatchObject({ run: false, changed: {}, files: 0 });
    now = { events: { "2026-11-20": files("late"), "2026-11-22": files("b") } };
    expect(await look("3")).toMatchObject({ run: true, changed: { events: ["2026-11-20", "2026-11-22"] }, files: 2 });
    // The run fails: nothing is remembered, so nothing is forgotten.
    expect(await look("4")).toMatchObject({ run: true, changed: { events: ["2026-11-20", "2026-11-22"] } });
    now = {};
    await remember("4");
    expect(await look("5")).toMatchObject({ changed: { events: ["2026-11-20", "2026-11-22"] }, files: 0 });
  });

  it("is not all that a run is for", async () => {
    await look("1");
    await remember("1");
    expect(await look("2", {}, land("other"))).toMatchObject({ run: true, why: expect.stringContaining("SQL") });
    expect(await look("3", {}, land("p", true))).toMatchObject({
      run: true,
      why: expect.stringContaining("freshness"),
    });
    expect(await look("4", { full: true })).toMatchObject({
      run: true,
      arguments: { "--as_of": started, "--full": "true" },
    });
    const asOf = "2026-11-01T00:00:00.000Z";
    expect(await look("5", { asOf })).toMatchObject({ run: true, arguments: { "--as_of": asOf } });
  });

  it("is remembered by the newest run, and not by one as of another moment", async () => {
    await look("old");
    now = { events: { "2026-11-22": files("b") } };
    await look("new");
    await remember("new");
    expect(await remember("old")).toEqual({ remembered: false });
    expect(await look("next")).toMatchObject({ run: false });
    now = { events: { "2026-11-22": files("c") } };
    await look("past", { asOf: "2026-11-01T00:00:00Z" });
    expect(await remember("past")).toEqual({ remembered: false });
    await expect(remember("never")).rejects.toThrow("gone");
  });

  it("is each day that is not as it was, once, and none after a run (property)", () => {
    fc.assert(
      fc.property(landed, landed, (was, is) => {
        const days = (of: Landed) =>
          Object.entries(of).flatMap(([table, all]) =>
            Object.entries(all).map(([day, { hash }]) => `${table} ${day} ${hash}`),
          );
        const unequal = [
          ...days(was).filter((each) => !days(is).includes(each)),
          ...days(is).filter((each) => !days(was).includes(each)),
        ];
        const told = Object.entries(changedDays(was, is)).flatMap(([table, all]) =>
          all.map((day) => `${table} ${day}`),
        );
        expect([...told].sort()).toEqual([...new Set(unequal.map((each) => each.slice(0, -2)))].sort());
        const record: LandRecord = { version: 1, listedAt: "1", plan: "p", landed: was };
        const after = recordAfter(record, { ...record, listedAt: "2", landed: is, asOfGiven: false });
        expect(changedDays(after?.landed ?? {}, is)).toEqual({});
      }),
      { numRuns: 300 },
    );
  });

  it("stops with what a job failed of until it is redriven", async () => {
    const cause = JSON.stringify({ Id: "jr_1", ErrorMessage: "QualityFailed: curated.orders: 5 rows" });
    const stop = { action: "stop", job: "Curate", error: "States.TaskFailed", cause };
    await expect(land()({ ...stop, redriven: false })).rejects.toMatchObject({
      name: "QualityFailed",
      message: "curated.orders: 5 rows",
    });
    expect(await land()({ ...stop, redriven: true })).toEqual({ resumed: true });
  });
});

test.each([
  [JSON.stringify({ Id: "jr_1", ErrorMessage: "disk full" }), "JobFailed", "the job Clean (run jr_1): disk full"],
  ["Rate exceeded", "JobFailed", "the job Clean: Glue.ThrottlingException: Rate exceeded"],
  [JSON.stringify({ ErrorMessage: "RuntimeError: QualityFailed: a: b\nc" }), "QualityFailed", "a: b\nc"],
])("a job's failure in words: %s", (cause, name, message) => {
  expect(jobFailure("Clean", "Glue.ThrottlingException", cause)).toEqual({ name, message });
});

describe("the input of an execution", () => {
  it("asks for nothing, a moment, days, or everything", () => {
    expect(readRange({}, "2026-11-23T03:00:00Z")).toEqual({
      asOf: started,
      from: null,
      to: null,
      full: false,
      asOfGiven: false,
    });
    expect(readRange({ asOf: "2026-11-01T00:00:00+01:00", from: "2026-11-01", to: null }, started)).toEqual({
      asOf: "2026-10-31T23:00:00.000Z",
      from: "2026-11-01",
      to: null,
      full: false,
      asOfGiven: true,
    });
  });

  it.each([
    [[], "the input must be an object"],
    [{ from: "2026-02-30" }, 'from must be a day such as "2026-11-01", not "2026-02-30"'],
    [{ from: "2026-11-02", to: "2026-11-01" }, "from (2026-11-02) must not be after to (2026-11-01)"],
    [{ full: true, to: "2026-11-01" }, "full is everything anew: leave from and to out, or full"],
    [{ asOf: "noon", full: 1 }, /^asOf must be a time .*; full must be true or false, not 1$/],
  ])("is refused: %j", (input, message) => {
    expect(() => readRange(input, started)).toThrow(message);
  });
});
