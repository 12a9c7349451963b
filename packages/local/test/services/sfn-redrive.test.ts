import { until } from "./lake-support";
import { FunctionError, fn, type States, TestMachines } from "./sfn-support";

/** "Restarting state machine executions with redrive" of AWS's Step Functions guide, case by case. */
describe("redrive, as AWS documents it", () => {
  let machines: TestMachines;
  let broken = new Set<string>();
  let calls: string[] = [];
  const step = (name: string, fields: Record<string, unknown> = { End: true }) => ({
    Type: "Task",
    Resource: fn("work"),
    Parameters: name,
    ResultPath: null,
    ...fields,
  });
  const hour = 3_600_000;

  beforeAll(() => {
    machines = new TestMachines({
      work: async (name: string) => {
        calls.push(name);
        if (broken.has(name)) throw new FunctionError("Broken", name);
        return name;
      },
    });
  });
  afterAll(() => machines.close());
  beforeEach(() => {
    [broken, calls] = [new Set(), []];
  });
  const call = <T = Record<string, unknown>>(operation: string, input: object) =>
    machines.kernel.call<T>("sfn", operation, input);
  const redrive = (executionArn: string) => call("RedriveExecution", { executionArn });
  const describeIt = (executionArn: string) => call("DescribeExecution", { executionArn });
  let made = 0;
  const run = async (StartAt: string, States: States, more: Record<string, unknown> = {}) =>
    (await machines.run(await machines.make(`redrive-${made++}`, { StartAt, States, ...more }), { n: 1 })).arn;

  describe("eligibility", () => {
    const failing = async () => {
      broken.add("t");
      return await run("T", { T: step("t") });
    };

    it("of what failed, with its count and dates", async () => {
      const arn = await failing();
      expect(await describeIt(arn)).toMatchObject({ status: "FAILED", redriveCount: 0, redriveStatus: "REDRIVABLE" });
      expect(await redrive(arn)).toEqual({ redriveDate: expect.any(Date) });
      await machines.settled(arn);
      expect(await describeIt(arn)).toMatchObject({ redriveCount: 1, redriveDate: expect.any(Date) });
      const { machineArn: stateMachineArn } = machines.executions.get(arn);
      const list = async (filter: object) =>
        (await call<{ executions: object[] }>("ListExecutions", { stateMachineArn, ...filter })).executions;
      expect(await list({ statusFilter: "FAILED", redriveFilter: "REDRIVEN" })).toMatchObject([{ redriveCount: 1 }]);
      expect(await list({ redriveFilter: "NOT_REDRIVEN" })).toEqual([]);
      expect(await list({ statusFilter: "RUNNING" })).toEqual([]);
    });

    it("of what was stopped, and of what ran out of time", async () => {
      const wait = { W: { Type: "Wait", Seconds: 36_000_000, Next: "T" }, T: step("t") };
      const stopped = await machines.start(await machines.make("stopped", { StartAt: "W", States: wait }));
      await until("it waits", () => machines.types(stopped).includes("WaitStateEntered"));
      await call("StopExecution", { executionArn: stopped, error: "Mine", cause: "why not" });
      expect(await describeIt(stopped)).toMatchObject({ status: "ABORTED", redriveStatus: "REDRIVABLE" });
      const late = await run("W", wait, { TimeoutSeconds: 0.05 });
      expect(await describeIt(late)).toMatchObject({ status: "TIMED_OUT", redriveStatus: "REDRIVABLE" });
      // The machine's own time begins anew: it waits again, and runs out again.
      const began = Date.now();
      await redrive(late);
      expect(await machines.settled(late)).toMatchObject({ status: "TIMED_OUT" });
      expect(Date.now() - began).toBeGreaterThanOrEqual(45);
    });

    it.each([
      ["succeeded", async () => await run("P", { P: { Type: "Pass", End: true } }), "Execution is SUCCEEDED"],
      [
        "still runs",
        async () => {
          const States = { W: { Type: "Wait", Seconds: 36_000_000, End: true } };
          return await machines.start(await machines.make("runs", { StartAt: "W", States }));
        },
        "Execution is RUNNING",
      ],
      [
        "ended more than 14 days ago",
        async () => {
          const row = machines.executions.get(await failing());
          await machines.executions.save({ ...row, stoppedAt: Date.now() - 14 * 24 * hour - 1000 });
          return row.arn;
        },
        "more than 14 days ago",
      ],
      [
        "is of an EXPRESS machine",
        async () => {
          broken.add("t");
          return (
            await machines.run(await machines.make("express", { StartAt: "T", States: { T: step("t") } }, "EXPRESS"))
          ).arn;
        },
        "EXPRESS",
      ],
    ])("not of what %s", async (_, begin, why) => {
      const arn = await begin();
      await expect(redrive(arn)).rejects.toMatchObject({
        name: "ExecutionNotRedrivable",
        message: expect.stringContaining(why),
      });
      expect(await describeIt(arn)).toMatchObject({
        redriveStatus: "NOT_REDRIVABLE",
        redriveStatusReason: expect.stringContaining(why),
      });
    });

    it("of what failed 13 days ago, after a restart", async () => {
      const row = machines.executions.get(await failing());
      await machines.executions.save({ ...row, stoppedAt: Date.now() - 13 * 24 * hour });
      await machines.lake.reopen();
      broken.clear();
      await redrive(row.arn);
      expect(await machines.settled(row.arn)).toMatchObject({ status: "SUCCEEDED", redriveCount: 1 });
    });
  });

  describe("states", () => {
    it("Task: is scheduled again with the same input, and its retries begin anew", async () => {
      broken.add("b");
      const Retry = [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 2, MaxAttempts: 2 }];
      const arn = await run("A", { A: step("a", { Next: "B" }), B: step("b", { Retry, End: true }) });
      expect(calls).toEqual(["a", "b", "b", "b"]);
      await redrive(arn);
      expect(await machines.settled(arn)).toMatchObject({ status: "FAILED" });
      expect(calls).toEqual(["a", "b", "b", "b", "b", "b", "b"]);
      broken.clear();
      await redrive(arn);
      expect(await machines.settled(arn)).toMatchObject({ status: "SUCCEEDED", redriveCount: 2, output: '{"n":1}' });
    });

    it("Task: sees the count of redrives in its context", async () => {
      const count =
        "{% $exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0 %}";
      machines.functions.counts = async (n: number) => {
        if (n < 2) throw new FunctionError("NotYet", String(n));
        return n;
      };
      const arn = await run("S", {
        S: { Type: "Task", QueryLanguage: "JSONata", Resource: fn("counts"), Arguments: count, End: true },
      });
      for (const expected of ["FAILED", "SUCCEEDED"]) {
        await redrive(arn);
        expect(await machines.settled(arn)).toMatchObject({ status: expected });
      }
      expect(machines.executions.get(arn).output).toBe("2");
    });

    it("Fail: is entered again, and fails again", async () => {
      const arn = await run("F", { F: { Type: "Fail", Error: "Mine", Cause: "on purpose" } });
      await redrive(arn);
      expect(await machines.settled(arn)).toMatchObject({ status: "FAILED", error: "Mine", redriveCount: 1 });
    });

    it("Choice: its rules are looked at again", async () => {
      const arn = await run("C", {
        C: {
          Type: "Choice",
          QueryLanguage: "JSONata",
          Choices: [{ Condition: "{% $states.context.Execution.RedriveCount > 0 %}", Next: "P" }],
        },
        P: { Type: "Pass", End: true },
      });
      await redrive(arn);
      expect(await machines.settled(arn)).toMatchObject({ status: "SUCCEEDED" });
    });

    it("Wait: a moment that has passed is not waited for", async () => {
      const Timestamp = new Date(Date.now() + 300).toISOString();
      const States = { W: { Type: "Wait", Timestamp, Next: "P" }, P: { Type: "Pass", End: true } };
      const arn = await run("W", States, { TimeoutSeconds: 0.05 });
      await new Promise((resolve) => setTimeout(resolve, 320));
      await redrive(arn);
      expect(await machines.settled(arn)).toMatchObject({ status: "SUCCEEDED" });
    });

    it("Parallel: branches that failed or were stopped run again, the others keep what they gave", async () => {
      broken.add("bad");
      const arn = await run("P", {
        P: {
          Type: "Parallel",
          Branches: [
            { StartAt: "A", States: { A: step("good") } },
            {
              StartAt: "W",
              States: { W: { Type: "Wait", Seconds: 0.05, Next: "B" }, B: step("bad") },
            },
            {
              StartAt: "L",
              States: { L: { Type: "Wait", Seconds: 0.5, Next: "C" }, C: step("cut") },
            },
          ],
          End: true,
        },
      });
      expect(calls).toEqual(["good", "bad"]);
      broken.clear();
      await redrive(arn);
      expect(await machines.settled(arn)).toMatchObject({ status: "SUCCEEDED", output: '[{"n":1},{"n":1},{"n":1}]' });
      expect(calls).toEqual(["good", "bad", "bad", "cut"]);
    });

    it("Map, inline: iterations that failed or were not begun run, the others keep what they gave", async () => {
      broken.add("2");
      const arn = await run("M", {
        M: {
          Type: "Map",
          MaxConcurrency: 1,
          QueryLanguage: "JSONata",
          Items: ["1", "2", "3"],
          ItemProcessor: { StartAt: "I", States: { I: { Type: "Task", Resource: fn("work"), End: true } } },
          End: true,
        },
      });
      broken.clear();
      await redrive(arn);
      expect(await machines.settled(arn)).toMatchObject({ status: "SUCCEEDED", output: '["1","2","3"]' });
      expect(calls).toEqual(["1", "2", "2", "3"]);
    });
  });

  it("tells the default bus how executions stand, in AWS's words", async () => {
    const { lake } = machines;
    await lake.add("aws:sqs/queue:Queue", "heard", { name: "heard" });
    await machines.kernel.call("eventbridge", "PutRule", {
      Name: "ends",
      EventPattern: JSON.stringify({
        source: ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        detail: { status: ["RUNNING", "FAILED", "SUCCEEDED"], name: ["told"] },
      }),
    });
    await machines.kernel.call("eventbridge", "PutTargets", {
      Rule: "ends",
      Targets: [{ Id: "q", Arn: "arn:aws:sqs:us-east-1:000000000000:heard" }],
    });
    broken.add("t");
    const stateMachineArn = await machines.make("teller", { StartAt: "T", States: { T: step("t") } });
    const arn = await machines.start(stateMachineArn, { n: 1 }, "told");
    await machines.settled(arn);
    broken.clear();
    await redrive(arn);
    await machines.settled(arn);
    const heard: { detail: Record<string, unknown>; resources: string[] }[] = [];
    await until("four events came", async () => {
      const QueueUrl = "http://localhost/000000000000/heard";
      const { Messages = [] } = await machines.kernel.call<{ Messages?: { Body: string }[] }>("sqs", "ReceiveMessage", {
        QueueUrl,
        MaxNumberOfMessages: 10,
      });
      heard.push(...Messages.map(({ Body }) => JSON.parse(Body)));
      return heard.length >= 4;
    });
    expect(heard.map(({ detail }) => [detail.status, detail.redriveCount]).sort()).toEqual([
      ["FAILED", 0],
      ["RUNNING", 0],
      ["RUNNING", 1],
      ["SUCCEEDED", 1],
    ]);
    const failed = heard.find(({ detail }) => detail.status === "FAILED");
    expect(failed).toMatchObject({
      resources: [arn],
      detail: {
        executionArn: arn,
        stateMachineArn,
        input: '{"n":1}',
        output: null,
        error: "Broken",
        redriveStatus: "REDRIVABLE",
        startDate: expect.any(Number),
        stopDate: expect.any(Number),
      },
    });
  });
});
