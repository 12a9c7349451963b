import { until } from "./lake-support";
import { FunctionError, fn, type States, TestMachines, task } from "./sfn-support";

describe("Step Functions that fail, wait or are cut short", () => {
  let machines: TestMachines;
  let broken = new Set<string>();
  const calls: string[] = [];
  const tokens: string[] = [];
  const step = (name: string, fields: Record<string, unknown>) => ({
    Type: "Task",
    Resource: "arn:aws:states:::lambda:invoke",
    Parameters: { FunctionName: "work", Payload: name },
    ResultPath: null,
    ...fields,
  });

  beforeAll(async () => {
    machines = new TestMachines({
      work: async (name: string) => {
        calls.push(name);
        if (broken.has(name)) throw new FunctionError("Broken", name);
        return name;
      },
      keep: async ({ token }: { token: string }) => void tokens.push(token),
      never: async () => {
        calls.push("never");
        return await new Promise(() => {});
      },
    });
  });
  afterAll(() => machines.close());
  beforeEach(() => {
    broken = new Set();
    calls.length = 0;
    tokens.length = 0;
  });
  const call = <T = Record<string, unknown>>(operation: string, input: object) =>
    machines.kernel.call<T>("sfn", operation, input);
  const make = (name: string, StartAt: string, States: States) => machines.make(name, { StartAt, States });

  describe("redrive", () => {
    it("goes on from the failed step with its input and variables", async () => {
      broken.add("load");
      const arn = await make("nightly", "Land", {
        Land: step("land", { Assign: { day: "monday" }, Next: "Load" }),
        Load: step("load", { Next: "Done" }),
        Done: { Type: "Pass", Parameters: { "day.$": "$day", "n.$": "$.n" }, End: true },
      });
      const { arn: executionArn, error } = await machines.run(arn, { n: 1 });
      expect(error).toBe("Broken");
      expect(await call("DescribeExecution", { executionArn })).toMatchObject({
        redriveStatus: "REDRIVABLE",
        redriveCount: 0,
      });
      broken.clear();
      await call("RedriveExecution", { executionArn });
      const row = await machines.settled(executionArn);
      expect(row).toMatchObject({ status: "SUCCEEDED", output: '{"day":"monday","n":1}', redriveCount: 1 });
      expect(row.error).toBeUndefined();
      expect(calls).toEqual(["land", "load", "load"]);
      expect(machines.types(executionArn)).toEqual(
        expect.arrayContaining(["ExecutionFailed", "ExecutionRedriven", "ExecutionSucceeded"]),
      );
    });

    it("runs only the branches and iterations again that failed", async () => {
      broken.add("b").add("2");
      const arn = await make("branches", "P", {
        P: {
          Type: "Parallel",
          Branches: [
            { StartAt: "A", States: { A: step("a", { End: true }) } },
            // The others are done before it fails.
            {
              StartAt: "Later",
              States: { Later: { Type: "Wait", Seconds: 0.05, Next: "B" }, B: step("b", { End: true }) },
            },
          ],
          ResultPath: null,
          Next: "M",
        },
        M: {
          Type: "Map",
          MaxConcurrency: 1,
          ItemsPath: "$.l",
          ItemProcessor: {
            StartAt: "I",
            States: { I: { Type: "Task", Resource: fn("work"), End: true } },
          },
          End: true,
        },
      });
      const { arn: executionArn } = await machines.run(arn, { l: ["1", "2", "3"] });
      expect(calls).toEqual(["a", "b"]);
      broken.delete("b");
      await call("RedriveExecution", { executionArn });
      expect(await machines.settled(executionArn)).toMatchObject({ status: "FAILED" });
      expect(calls).toEqual(["a", "b", "b", "1", "2"]);
      broken.clear();
      await call("RedriveExecution", { executionArn });
      expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED", output: '["1","2","3"]' });
      expect(calls).toEqual(["a", "b", "b", "1", "2", "2", "3"]);
    });

    it("runs by the definition that the execution was started with", async () => {
      broken.add("old");
      const arn = await make("changed", "S", { S: step("old", { End: true }) });
      const { arn: executionArn } = await machines.run(arn);
      await make("changed", "S", { S: step("new", { End: true }) });
      broken.clear();
      await call("RedriveExecution", { executionArn });
      expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED" });
      expect(calls).toEqual(["old", "old"]);
      const { definition } = await call<{ definition: string }>("DescribeStateMachineForExecution", { executionArn });
      expect(definition).toContain("old");
    });

    it("refuses what has not failed", async () => {
      const { arn: executionArn } = await machines.run(await make("fine", "S", { S: { Type: "Pass", End: true } }));
      await expect(call("RedriveExecution", { executionArn })).rejects.toMatchObject({
        name: "ExecutionNotRedrivable",
      });
    });
  });

  describe("task tokens", () => {
    const waiting = (fields: Record<string, unknown> = {}): States => ({
      S: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
        Parameters: { FunctionName: "keep", Payload: { "token.$": "$$.Task.Token" } },
        End: true,
        ...fields,
      },
    });
    const begin = async (name: string, fields?: Record<string, unknown>) => {
      const executionArn = await machines.start(await make(name, "S", waiting(fields)));
      await until("the token was handed out", () => tokens.length > 0);
      return { executionArn, taskToken: tokens[0] ?? "" };
    };

    it("waits for SendTaskSuccess, and counts as no work in progress", async () => {
      const { executionArn, taskToken } = await begin("succeeds");
      await until("it rests", () => Object.keys(machines.kernel.pending()).length === 0);
      await call("SendTaskSuccess", { taskToken, output: '{"ok":true}' });
      expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED", output: '{"ok":true}' });
      await expect(call("SendTaskSuccess", { taskToken, output: "1" })).rejects.toMatchObject({ name: "TaskTimedOut" });
    });

    it("fails by SendTaskFailure", async () => {
      const { executionArn, taskToken } = await begin("fails");
      await call("SendTaskFailure", { taskToken, error: "Mine", cause: "because" });
      expect(await machines.settled(executionArn)).toMatchObject({ status: "FAILED", error: "Mine", cause: "because" });
    });

    it("misses a heartbeat", async () => {
      const { executionArn, taskToken } = await begin("beats", { HeartbeatSeconds: 0.2 });
      for (let beat = 0; beat < 4; beat++) {
        await new Promise((resolve) => setTimeout(resolve, 80));
        await call("SendTaskHeartbeat", { taskToken });
      }
      expect(machines.executions.get(executionArn).status).toBe("RUNNING");
      expect(await machines.settled(executionArn)).toMatchObject({ error: "States.HeartbeatTimeout" });
      await expect(call("SendTaskHeartbeat", { taskToken })).rejects.toMatchObject({ name: "TaskTimedOut" });
    });

    it("takes what is sent after a restart, and does not call again", async () => {
      const { executionArn, taskToken } = await begin("restarts");
      await until("it waits", () => machines.types(executionArn).includes("TaskSubmitted"));
      await machines.lake.reopen();
      await call("SendTaskSuccess", { taskToken, output: "1" });
      expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED", output: "1" });
      expect(tokens).toHaveLength(1);
    });

    it.each([
      ["an unknown token", { taskToken: "nope", output: "1" }, "InvalidToken"],
      ["no JSON", { taskToken: "nope", output: "{" }, "InvalidOutput"],
    ])("refuses %s", async (_, input, name) => {
      await expect(call("SendTaskSuccess", input)).rejects.toMatchObject({ name });
    });
  });

  describe("a restart", () => {
    it("fails the task that was in flight, by name", async () => {
      const executionArn = await machines.start(await make("cut", "S", task("never")));
      await until("it runs", () => calls.length > 0);
      await machines.lake.reopen();
      expect(await machines.settled(executionArn)).toMatchObject({
        status: "FAILED",
        error: "Tributary.RuntimeStopped",
      });
    });

    it("lets Retry take the task that was in flight", async () => {
      let first = true;
      machines.functions.flaky = async () => {
        if (!first) return "again";
        first = false;
        calls.push("flaky");
        return await new Promise(() => {});
      };
      const retry = { Retry: [{ ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 2 }] };
      const executionArn = await machines.start(await make("retried", "S", task("flaky", retry)));
      await until("it runs", () => calls.length > 0);
      await machines.lake.reopen();
      expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED", output: '"again"' });
    });

    it("goes on with a wait for what is left of it, and with the variables", async () => {
      const arn = await make("waits", "A", {
        A: { Type: "Pass", Assign: { v: 7 }, Next: "W" },
        W: { Type: "Wait", Seconds: 1500, Next: "Z" },
        Z: { Type: "Pass", Parameters: { "v.$": "$v" }, End: true },
      });
      const began = Date.now();
      const executionArn = await machines.start(arn);
      await until("it waits", () => machines.types(executionArn).includes("WaitStateEntered"));
      await new Promise((resolve) => setTimeout(resolve, 700));
      await machines.lake.reopen();
      expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED", output: '{"v":7}' });
      expect(Date.now() - began).toBeLessThan(2200);
    });

    it("goes on with a nested execution that it waits for", async () => {
      const inner = await make("inner", "W", {
        W: { Type: "Wait", Seconds: 300, Next: "R" },
        R: { Type: "Pass", Result: { n: 1 }, End: true },
      });
      const outer = await make("outer", "S", {
        S: {
          Type: "Task",
          Resource: "arn:aws:states:::states:startExecution.sync:2",
          Parameters: { StateMachineArn: inner, Input: { a: 1 } },
          ResultSelector: { "out.$": "$.Output.n", "in.$": "$.Input.a" },
          End: true,
        },
      });
      const executionArn = await machines.start(outer);
      await until("it waits", () => machines.types(executionArn).includes("TaskSubmitted"));
      await machines.lake.reopen();
      expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED", output: '{"out":1,"in":1}' });
      expect(machines.executions.list(inner)).toHaveLength(1);
    });

    it("does not follow a change of the machine", async () => {
      const old = { W: { Type: "Wait", Seconds: 100, Next: "R" }, R: { Type: "Pass", Result: "old", End: true } };
      const executionArn = await machines.start(await make("edited", "W", old));
      machines.executions.detach(machines.executions.get(executionArn).machineArn);
      await make("edited", "R", { R: { Type: "Pass", Result: "new", End: true } });
      expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED", output: '"old"' });
    });

    it("ends what belongs to a machine that was deleted", async () => {
      const arn = await make("deleted", "W", { W: { Type: "Wait", Seconds: 3_600_000, End: true } });
      const executionArn = await machines.start(arn);
      machines.executions.detach(arn);
      machines.executions.destroy(arn);
      expect(await machines.settled(executionArn)).toMatchObject({
        status: "ABORTED",
        cause: expect.stringContaining("deleted"),
      });
    });
  });

  it("stops the nested execution of an execution that is stopped", async () => {
    const inner = await make("stopped-inner", "W", { W: { Type: "Wait", Seconds: 3_600_000, End: true } });
    const resource = "arn:aws:states:::states:startExecution.sync";
    const outer = await make("stopped-outer", "S", {
      S: { Type: "Task", Resource: resource, Parameters: { StateMachineArn: inner }, End: true },
    });
    const executionArn = await machines.start(outer);
    await until("it waits", () => machines.types(executionArn).includes("TaskSubmitted"));
    await call("StopExecution", { executionArn });
    const [row] = machines.executions.list(inner);
    expect(await machines.settled(row?.arn ?? "")).toMatchObject({ status: "ABORTED" });
  });

  it("times a whole execution out", async () => {
    const arn = await machines.make("limited", {
      StartAt: "W",
      TimeoutSeconds: 0.05,
      States: { W: { Type: "Wait", Seconds: 3_600_000, End: true } },
    });
    expect(await machines.run(arn)).toMatchObject({ status: "TIMED_OUT", error: "States.Timeout" });
  });
});
