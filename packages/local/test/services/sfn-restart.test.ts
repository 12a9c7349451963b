import fc from "fast-check";
import { FunctionError, fn, TestMachines } from "./sfn-support";

const lanes = 3;
const step = (s: string, fields: Record<string, unknown>) => ({
  Type: "Task",
  Resource: fn("work"),
  Parameters: { "i.$": "$", s },
  Retry: [{ ErrorEquals: ["Tributary.RuntimeStopped"], MaxAttempts: 9, IntervalSeconds: 2 }],
  ...fields,
});
const machine = (mode: string) => ({
  StartAt: "M",
  States: {
    M: {
      Type: "Map",
      MaxConcurrency: lanes,
      ItemProcessor: {
        ProcessorConfig: { Mode: mode },
        StartAt: "P",
        States: {
          P: {
            Type: "Parallel",
            Branches: [
              { StartAt: "A", States: { A: step("a", { Next: "W" }), W: { Type: "Wait", Seconds: 2, End: true } } },
              { StartAt: "B", States: { B: step("b", { Next: "C" }), C: step("c", { End: true }) } },
            ],
            End: true,
          },
        },
      },
      End: true,
    },
  },
});

describe("executions over restarts and redrives", () => {
  let machines: TestMachines;
  let calls: string[] = [];
  let failing = new Set<string>();

  beforeAll(() => {
    machines = new TestMachines({
      work: async ({ i, s }: { i: number; s: string }) => {
        calls.push(`${i}${s}`);
        if (failing.delete(`${i}${s}`)) throw new FunctionError("Once", `${i}${s}`);
        await new Promise((resolve) => setTimeout(resolve, (i * 7 + s.charCodeAt(0)) % 4));
        return i;
      },
    });
  });
  afterAll(() => machines.close());

  it.each(["INLINE", "DISTRIBUTED"])("give the same output, and repeat only what was in flight (%s)", async (mode) => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 }),
        fc.uniqueArray(fc.constantFrom("1a", "4b", "7c"), { maxLength: 3 }),
        async (pauses, failures) => {
          [calls, failing] = [[], new Set(failures)];
          const items = Array.from({ length: 8 }, (_, index) => index);
          const executionArn = await machines.start(
            await machines.make(`restarts-${mode}-${run++}`, machine(mode)),
            items,
          );
          for (const pause of pauses) {
            await new Promise((resolve) => setTimeout(resolve, pause));
            await machines.lake.reopen();
          }
          let redrives = 0;
          for (;;) {
            const row = await machines.settled(executionArn);
            if (row.status === "SUCCEEDED") {
              expect(JSON.parse(row.output ?? "null")).toEqual(items.map((item) => [item, item]));
              break;
            }
            // Each failure fails once.
            expect(redrives++).toBeLessThan(failures.length);
            await machines.kernel.call("sfn", "RedriveExecution", { executionArn });
          }
          expect(new Set(calls).size).toBe(items.length * 3);
          // Two branches in each lane may have a call in flight.
          expect(calls.length).toBeLessThanOrEqual(items.length * 3 + (pauses.length + redrives) * lanes * 2);
        },
      ),
      { numRuns: 5 },
    );
  });
});
