import * as sfn from "../../src/services/sfn";
import { until } from "./lake-support";
import { FunctionError, fn, pass, TestMachines, task } from "./sfn-support";

describe("Step Functions", () => {
  let machines: TestMachines;
  const functions = {
    double: async ({ n }: { n: number }) => ({ n: n * 2 }),
    throws: async () => {
      throw new FunctionError("RangeError", "too far");
    },
    never: () => new Promise(() => {}),
  };

  beforeAll(async () => {
    machines = new TestMachines(functions);
    await machines.bucket("lake");
  });
  afterAll(() => machines.close());
  beforeEach(() => {
    machines.allowed.length = 0;
    machines.refuse = undefined;
  });

  it("keeps the history of what it did", async () => {
    const arn = await machines.make("history", {
      StartAt: "A",
      States: { A: { Type: "Task", Resource: fn("double"), Next: "B" }, B: { Type: "Succeed" } },
    });
    const { arn: executionArn } = await machines.run(arn, { n: 1 });
    const { events } = await machines.kernel.call<{
      events: { id: number; type: string; stateEnteredEventDetails?: { name: string } }[];
    }>("sfn", "GetExecutionHistory", { executionArn });
    expect(events.map(({ type }) => type)).toEqual([
      "ExecutionStarted",
      "TaskStateEntered",
      "LambdaFunctionScheduled",
      "LambdaFunctionStarted",
      "LambdaFunctionSucceeded",
      "TaskStateExited",
      "SucceedStateEntered",
      "SucceedStateExited",
      "ExecutionSucceeded",
    ]);
    expect(events[1]?.stateEnteredEventDetails?.name).toBe("A");
  });

  it("runs tasks under the machine's role, and a refusal is an error that Catch can name", async () => {
    machines.refuse = "lambda:InvokeFunction";
    const arn = await machines.make("refused", { StartAt: "S", States: task("double") });
    expect(await machines.run(arn, { n: 1 })).toMatchObject({
      status: "FAILED",
      error: "Lambda.AccessDeniedException",
    });
  });

  it("needs a role that trusts Step Functions", async () => {
    const untrusted = machines.lake.role("untrusted", "lambda.amazonaws.com");
    const definition = JSON.stringify({ StartAt: "S", States: pass({}) });
    const inputs = { name: "untrusted", roleArn: untrusted, definition };
    const { id } = await machines.lake.add("aws:sfn/stateMachine:StateMachine", "untrusted", inputs);
    await expect(machines.run(id)).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringContaining("states.amazonaws.com may not assume"),
    });
  });

  it("tells the tables that a pipeline wrote, step by step, and why it failed", async () => {
    await machines.lake.add("aws:glue/catalogDatabase:CatalogDatabase", "db", { name: "db" });
    await machines.lake.add("aws:glue/catalogTable:CatalogTable", "numbers", {
      name: "numbers",
      databaseName: "db",
      parameters: { classification: "parquet" },
      storageDescriptor: { location: "s3://lake/numbers/", columns: [{ name: "n", type: "bigint" }] },
    });
    const job = async (name: string, sql: string) => {
      const target = { database: "db", table: "numbers" };
      const steps = [{ name: "db.numbers", sql: `s3://lake/scripts/${name}.sql`, target, mode: "overwrite" }];
      await machines.lake.putText("lake", `scripts/${name}.sql`, sql);
      await machines.lake.putText("lake", `scripts/${name}.json`, JSON.stringify({ version: 1, steps }));
      await machines.lake.add("aws:glue/job:Job", name, {
        name,
        roleArn: machines.lake.role("job", "glue.amazonaws.com"),
        command: { scriptLocation: "s3://lake/scripts/driver.py" },
        defaultArguments: { "--manifest": `s3://lake/scripts/${name}.json` },
      });
    };
    const startJob = (JobName: string, fields: Record<string, unknown>) => ({
      Type: "Task",
      Resource: "arn:aws:states:::glue:startJobRun.sync",
      Parameters: { JobName },
      ResultPath: `$.${JobName}`,
      ...fields,
    });
    await job("good", "SELECT id AS n FROM range(5) AS r(id)");
    await job("bad", "SELECT m AS n FROM db.numbers");
    const arn = await machines.make("pipeline", {
      StartAt: "Good",
      States: {
        Good: startJob("good", { Next: "Bad" }),
        Bad: startJob("bad", {
          Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "Failed" }],
          End: true,
        }),
        Failed: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
      },
    });
    const { arn: executionArn } = await machines.run(arn);
    expect(sfn.describePipelineRun(machines.kernel, executionArn)).toEqual({
      status: "FAILED",
      steps: [
        { name: "db.numbers", seconds: expect.any(Number), rows: 5, partitions: 1, skipped: false },
        { name: "Bad", seconds: expect.any(Number), rows: null },
      ],
      error: expect.stringMatching(/^States\.TaskFailed: step db\.numbers \(s3:\/\/lake\/scripts\/bad\.sql\): .*"m"/s),
    });
    // Waiting for a job and reading how it went is the machine's to be allowed.
    expect(machines.allowed.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["glue:StartJobRun", "glue:GetJobRun"]),
    );
  });

  it("stops an execution in a wait, with the reason given", async () => {
    const arn = await machines.make("stoppable", {
      StartAt: "W",
      States: { W: { Type: "Wait", Seconds: 86_400_000, End: true } },
    });
    const { executionArn } = await machines.kernel.call<{ executionArn: string }>("sfn", "StartExecution", {
      stateMachineArn: arn,
    });
    await until("the wait is entered", () => machines.executions.journals.histories.list(executionArn).length >= 2);
    // Waiting is no work in progress.
    expect(machines.kernel.pending()).toEqual({});
    await machines.kernel.call("sfn", "StopExecution", { executionArn, error: "Enough", cause: "by hand" });
    expect(await machines.kernel.call("sfn", "DescribeExecution", { executionArn })).toMatchObject({
      status: "ABORTED",
      error: "Enough",
      cause: "by hand",
    });
  });

  it("starts once by name, and refuses another input under it", async () => {
    const arn = await machines.make("named", { StartAt: "S", States: pass({}) });
    const start = (input: string) =>
      machines.kernel.call("sfn", "StartExecution", { stateMachineArn: arn, name: "once", input });
    await start("{}");
    await machines.settled(`${arn.replace(":stateMachine:", ":execution:")}:once`);
    await expect(start('{"other":1}')).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
  });

  it("answers StartSyncExecution for express machines only", async () => {
    const states = { StartAt: "S", States: pass({ Result: 1 }) };
    const express = await machines.make("express", states, "EXPRESS");
    expect(await machines.kernel.call("sfn", "StartSyncExecution", { stateMachineArn: express })).toMatchObject({
      status: "SUCCEEDED",
      output: "1",
    });
    const standard = await machines.make("standard", states);
    await expect(
      machines.kernel.call("sfn", "StartSyncExecution", { stateMachineArn: standard }),
    ).rejects.toMatchObject({
      name: "StateMachineTypeNotSupported",
    });
  });

  it("says at once what will fail here, or on AWS", async () => {
    const warnings: string[] = [];
    const { warn } = machines.kernel.log;
    machines.kernel.log.warn = (message) => warnings.push(message);
    await machines.make("noted", {
      StartAt: "T",
      States: {
        T: { Type: "Task", Resource: "arn:aws:states:::aws-sdk:rds:startExportTask", Next: "M" },
        M: {
          Type: "Map",
          ToleratedFailureCount: 1,
          ItemProcessor: { StartAt: "A", States: { A: { Type: "Task", Resource: fn("double"), End: true } } },
          End: true,
        },
      },
    });
    machines.kernel.log.warn = warn;
    expect(warnings).toEqual([
      expect.stringContaining("/States/T: the embedded runtime does not do rds.StartExportTask"),
      expect.stringContaining("/States/M: AWS takes ToleratedFailureCount in a Map of the mode DISTRIBUTED only"),
    ]);
  });

  it("calls APIs as tasks do: members in capitals, errors under the service's name", async () => {
    const sdk = (name: string) => `arn:aws:states:::aws-sdk:${name}`;
    const object = { Bucket: "lake", Key: "k" };
    const arn = await machines.make("sdk", {
      StartAt: "P",
      States: {
        P: {
          Type: "Task",
          Resource: sdk("s3:putObject"),
          Parameters: { ...object, "Body.$": "$" },
          ResultPath: null,
          Next: "G",
        },
        G: {
          Type: "Task",
          Resource: sdk("s3:getObject"),
          Parameters: object,
          ResultSelector: { "body.$": "States.StringToJson($.Body)" },
          Next: "N",
        },
        N: {
          Type: "Task",
          Resource: sdk("s3:getObject"),
          Parameters: { ...object, Key: "nope" },
          Catch: [{ ErrorEquals: ["S3.NoSuchKeyException"], ResultPath: "$.error", Next: "J" }],
          Next: "J",
        },
        J: {
          Type: "Task",
          Resource: "arn:aws:states:::glue:startJobRun.sync",
          Parameters: { JobName: "nope" },
          Catch: [{ ErrorEquals: ["Glue.EntityNotFoundException"], ResultPath: null, Next: "R" }],
          End: true,
        },
        R: {
          Type: "Task",
          Resource: sdk("rds:startExportTask"),
          Catch: [{ ErrorEquals: ["NotSupportedLocally"], ResultPath: null, Next: "D" }],
          End: true,
        },
        D: { Type: "Pass", OutputPath: "$.body", End: true },
      },
    });
    expect(await machines.run(arn, { n: 1 })).toMatchObject({ status: "SUCCEEDED", output: '{"n":1}' });
  });

  it.each([
    ["a name with a blank", { name: "a b" }, "InvalidName"],
    ["a name of 81 characters", { name: "n".repeat(81) }, "InvalidName"],
    ["input that is no JSON", { input: "{" }, "InvalidExecutionInput"],
    [
      "a machine that is not there",
      { stateMachineArn: "arn:aws:states:us-east-1:1:stateMachine:x" },
      "StateMachineDoesNotExist",
    ],
  ])("refuses to start with %s", async (_, given, name) => {
    const stateMachineArn = await machines.make("named-badly", { StartAt: "S", States: pass({}) });
    const start = machines.kernel.call("sfn", "StartExecution", { stateMachineArn, ...given });
    await expect(start).rejects.toMatchObject({ name });
  });

  it("starts one execution where two of one name begin at once", async () => {
    const arn = await machines.make("twice", { StartAt: "S", States: pass({}) });
    const [first, second] = await Promise.all([machines.start(arn, {}, "same"), machines.start(arn, {}, "same")]);
    expect(first).toBe(second);
    await machines.settled(first);
    expect(machines.types(first)).toHaveLength(4);
  });
});
