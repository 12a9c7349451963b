import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import fc from "fast-check";
import { planStep, type StepMemory, type StepState } from "../../local/src/services/glue/plan-step";

/** What a run makes again, decided alike by the local runtime and by the Spark driver. */
const root = path.join(__dirname, "..", "..", "..");
const setup = path.join(root, ".spark", "spark.json");
const python = existsSync(setup) ? (JSON.parse(readFileSync(setup, "utf8")) as { python: string }).python : "python3";

const script = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from incremental import plan_step
for line in sys.stdin:
    case = json.loads(line)
    kind, what = plan_step(case["follow"], case["state"], case["memory"], case["request"])
    print(json.dumps([kind, what]))
`;
const decided = (cases: readonly object[]): unknown[] | undefined => {
  try {
    const folder = path.join(root, "packages", "data-lake", "glue");
    const input = cases.map((each) => JSON.stringify(each)).join("\n");
    const out = execFileSync(python, ["-c", script, folder], { input, encoding: "utf8", maxBuffer: 1e8 });
    return out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
};

const print = fc.constantFrom("1:10:a", "1:20:b", "2:20:a", "2:30:c");
const day = fc.constantFrom("dt=2026-11-01", "dt=2026-11-02", "dt=2026-11-03");
const days = fc.dictionary(day, print, { maxKeys: 3, noNullPrototype: true });
const whole = fc
  .option(print, { nil: undefined })
  .map((each): Record<string, string> => (each === undefined ? {} : { "": each }));
const follow = fc.constantFrom("whole", "partition", "first", "fold", "key");
const memory = fc.record({
  hash: fc.constantFrom("h", "h", "h", "i"),
  sources: fc.record({ "raw.a": days, "raw.b": whole }),
  target: fc.oneof(days, whole),
});
/** Mostly little is different. */
const cases = fc
  .record({
    follow,
    memory,
    next: memory,
    keep: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    asOf: fc.boolean(),
    full: fc.boolean(),
    range: fc.boolean(),
    first: fc.boolean(),
    grown: fc.uniqueArray(day, { maxLength: 3 }),
  })
  .map(({ follow, memory, next, keep, asOf, full, range, first, grown }) => {
    const state: StepState = {
      hash: next.hash,
      ...(asOf && { asOf: "2026-11-23T00:00:00.000Z" }),
      sources: {
        "raw.a": keep[0] ? memory.sources["raw.a"] : next.sources["raw.a"],
        "raw.b": keep[1] ? memory.sources["raw.b"] : next.sources["raw.b"],
      },
      target: keep[2] ? memory.target : next.target,
      followed: follow === "whole" ? [] : ["raw.a"],
      grown,
    };
    const before: StepMemory | undefined = first ? undefined : { ...memory, ...(asOf && { asOf: state.asOf }) };
    return {
      follow,
      state,
      memory: before,
      full: full && keep[0] && keep[1],
      range: range ? { from: "2026-11-02", to: "2026-11-03" } : undefined,
    };
  });

it("is decided alike on Glue and on a laptop", () => {
  const seed = Number(process.env.SEED ?? 20261123);
  const sample = fc.sample(cases, { seed, numRuns: 2500 });
  const theirs = decided(
    sample.map(({ follow, state, memory, full, range }) => ({
      follow,
      state,
      memory: memory ?? null,
      request: { full, range: range ? [range.from, range.to] : null },
    })),
  );
  if (theirs === undefined) {
    console.warn("There is no Python: the driver's decisions are not compared.");
    return;
  }
  const kinds = new Set<string>();
  const ours = sample.map(({ follow, state, memory, full, range }) => {
    const plan = planStep(follow as "whole", state, memory, { full, range });
    kinds.add(plan.kind);
    if (plan.kind === "skip") return ["skip", null];
    // Spark makes all rows.
    if (plan.kind === "keys") return ["whole", "raw.a has changed"];
    return [plan.kind, plan.kind === "whole" ? plan.why : plan.partitions];
  });
  expect(theirs).toEqual(ours);
  expect(kinds).toEqual(new Set(["skip", "whole", "partitions", "fold", "keys"]));
});

it("makes again what changed, and no more", () => {
  const memory: StepMemory = {
    hash: "h",
    sources: { "raw.a": { "dt=2026-11-01": "1:1:a", "dt=2026-11-02": "1:1:b" }, "raw.b": { "": "1:1:c" } },
    target: { "dt=2026-11-01": "1:1:d", "dt=2026-11-02": "1:1:e" },
  };
  const request = { full: false };
  const state: StepState = { ...memory, followed: ["raw.a"], grown: Object.keys(memory.sources["raw.a"] ?? {}) };
  const late = {
    ...state,
    sources: { ...state.sources, "raw.a": { ...state.sources["raw.a"], "dt=2026-11-01": "2:2:z" } },
  };
  expect(planStep("partition", state, memory, request)).toEqual({ kind: "skip" });
  expect(planStep("partition", late, memory, request)).toEqual({ kind: "partitions", partitions: ["dt=2026-11-01"] });
  expect(planStep("whole", { ...late, followed: [] }, memory, request)).toEqual({
    kind: "whole",
    why: "raw.a has changed",
  });
  expect(planStep("fold", late, memory, request)).toEqual({ kind: "fold", partitions: ["dt=2026-11-01"] });
  const left = ["dt=2026-11-02"];
  // Files that went leave nothing to fold, whatever came in their place.
  expect(planStep("fold", { ...late, grown: left }, memory, request)).toMatchObject({ kind: "whole" });
  const gone = { ...late, sources: { ...late.sources, "raw.a": { "dt=2026-11-02": "1:1:b" } }, grown: left };
  expect(planStep("fold", gone, memory, request)).toMatchObject({ kind: "whole" });
  expect(planStep("partition", gone, memory, request)).toEqual({ kind: "partitions", partitions: ["dt=2026-11-01"] });
  const beside = { ...state, sources: { ...state.sources, "raw.b": { "": "1:1:y" } } };
  expect(planStep("partition", beside, memory, request)).toEqual({ kind: "whole", why: "raw.b has changed" });
  const more = { ...state.sources["raw.a"], "dt=2026-11-03": "1:1:x" };
  const next = { ...state, sources: { ...state.sources, "raw.a": more } };
  expect(planStep("key", next, memory, request)).toEqual({ kind: "keys", partitions: ["dt=2026-11-03"] });
  const both = { ...next, sources: { ...next.sources, "raw.a": { ...more, "dt=2026-11-01": "2:2:z" } } };
  const moved = { ...next, sources: { ...next.sources, "raw.b": { "": "1:1:y" } } };
  const drifted = { ...next, target: { ...next.target, "dt=2026-11-01": "1:1:y" } };
  for (const other of [late, gone, both, moved, drifted])
    expect(planStep("key", other, memory, request)).toMatchObject({ kind: "whole" });
  const range = { from: "2026-11-02", to: "9999-99-99" };
  expect(planStep("key", next, memory, { full: false, range })).toMatchObject({ kind: "whole" });
  expect(planStep("partition", state, memory, { full: false, range })).toEqual({
    kind: "partitions",
    partitions: ["dt=2026-11-02"],
  });
  expect(planStep("partition", state, memory, { full: true })).toMatchObject({ kind: "whole" });
});
