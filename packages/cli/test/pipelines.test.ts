import type { RuntimeHandle } from "@tributary/local";
import type { PlatformContract } from "@tributary/model";
import { resumePipeline, runPipeline } from "../src/pipelines";

const nightly = "arn:aws:states:us-east-1:000000000000:stateMachine:nightly";
const platform = (pipelines: object = { nightly }) =>
  ({ lake: { pipelines }, identities: { pipelines: { match: "arn:match" } } }) as unknown as PlatformContract;

interface Past {
  readonly status: string;
  readonly error?: string;
}

/** A runtime in which a pipeline has run: newest first. */
function runtimeOf(past: readonly Past[]): { runtime: RuntimeHandle; calls: [string, Record<string, unknown>][] } {
  const calls: [string, Record<string, unknown>][] = [];
  const answers: Record<string, (input: Record<string, unknown>) => unknown> = {
    StartExecution: () => ({ executionArn: "new" }),
    ListExecutions: () => ({
      executions: past.map(({ status }, index) => ({ executionArn: `e${index}`, name: `n${index}`, status })),
    }),
    DescribeExecution: ({ executionArn }) => past[Number(String(executionArn).slice(1))],
    RedriveExecution: () => ({}),
  };
  const runtime = {
    quiesce: async () => {},
    call: async (_service: string, operation: string, input: Record<string, unknown>) => {
      calls.push([operation, input]);
      return answers[operation]?.(input);
    },
    pipelineRun: async () => ({ status: "SUCCEEDED", steps: [] }),
  } as unknown as RuntimeHandle;
  return { runtime, calls };
}

test("a run is asked for what was said, and nothing else", async () => {
  const { runtime, calls } = runtimeOf([]);
  await runPipeline(runtime, platform(), "nightly", { from: "2026-11-01", to: "2026-11-02" });
  await runPipeline(runtime, platform(), "match");
  expect(calls.map(([, { input, stateMachineArn }]) => [stateMachineArn, input])).toEqual([
    [nightly, '{"from":"2026-11-01","to":"2026-11-02"}'],
    ["arn:match", "{}"],
  ]);
});

test.each<[string, object, string, object, RegExp]>([
  [
    "days of a pipeline that has none",
    { nightly },
    "match",
    { full: true },
    /"match" takes no full: only the lake's does/,
  ],
  ["a pipeline that is none", { nightly }, "weekly", {}, /no pipeline "weekly"; there is: nightly, match/],
])("wrong usage is told: %s", async (_, pipelines, name, request, says) => {
  const { runtime, calls } = runtimeOf([]);
  await expect(runPipeline(runtime, platform(pipelines), name, request)).rejects.toMatchObject({
    name: "UsageError",
    message: expect.stringMatching(says),
  });
  expect(calls).toEqual([]);
});

test.each<[string, Past[], string]>([
  ["the newest that failed", [{ status: "FAILED", error: "QualityFailed" }, { status: "FAILED" }], "e0"],
  ["one that was stopped", [{ status: "ABORTED" }, { status: "SUCCEEDED" }], "e0"],
  ["not one that only found another", [{ status: "FAILED", error: "AlreadyRunning" }, { status: "TIMED_OUT" }], "e1"],
])("resumes %s", async (_, past, executionArn) => {
  const { runtime, calls } = runtimeOf(past);
  expect(await resumePipeline(runtime, platform(), "nightly")).toMatchObject({ status: "SUCCEEDED" });
  expect(calls.filter(([operation]) => operation === "RedriveExecution")).toEqual([
    ["RedriveExecution", { executionArn }],
  ]);
});

test.each<[string, Past[], RegExp]>([
  ["it has never run", [], /nothing to resume: it has never run\. Start it: tributary pipeline run nightly/],
  ["the last succeeded", [{ status: "SUCCEEDED" }, { status: "FAILED" }], /nothing to resume: its last run succeeded/],
  ["it runs", [{ status: "FAILED", error: "AlreadyRunning" }, { status: "RUNNING" }], /Pipeline nightly runs: n1\./],
])("does not resume where %s", async (_, past, says) => {
  const { runtime, calls } = runtimeOf(past);
  await expect(resumePipeline(runtime, platform(), "nightly")).rejects.toMatchObject({
    name: "CommandError",
    message: expect.stringMatching(says),
  });
  expect(calls.map(([operation]) => operation)).not.toContain("RedriveExecution");
});
