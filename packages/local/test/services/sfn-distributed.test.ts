import { gzipSync } from "node:zlib";
import { FunctionError, fn, roleArn, TestMachines } from "./sfn-support";

/** A distributed Map whose items a function doubles, over what its reader reads. */
const distributed = (fields: Record<string, unknown>, resource = fn("double")) => ({
  StartAt: "S",
  States: {
    S: {
      Type: "Map",
      Label: "Each",
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
        StartAt: "A",
        States: { A: { Type: "Task", Resource: resource, End: true } },
      },
      End: true,
      ...fields,
    },
  },
});
const reader = (key: string, config: Record<string, unknown>) => ({
  Resource: "arn:aws:states:::s3:getObject",
  ReaderConfig: config,
  Parameters: { Bucket: "lake", Key: key },
});
const writer = (config?: Record<string, unknown>) => ({
  Resource: "arn:aws:states:::s3:putObject",
  Parameters: { Bucket: "lake", Prefix: "results" },
  ...(config && { WriterConfig: config }),
});

describe("Distributed Map", () => {
  let machines: TestMachines;
  let broken = new Set<unknown>();
  const seen: unknown[] = [];

  beforeAll(async () => {
    machines = new TestMachines({
      echo: async (item: unknown) => item,
      double: async (item: { n: string } | number) => {
        seen.push(item);
        if (broken.has(item)) throw new FunctionError("Broken", JSON.stringify(item));
        return typeof item === "number" ? item * 2 : item;
      },
    });
    await machines.bucket("lake");
    const put = (key: string, body: string | Uint8Array) =>
      machines.kernel.call("s3", "PutObject", { Bucket: "lake", Key: key, Body: body });
    await put("in/a.csv", 'id;name\n1;"Ada; L"\n2;Grace;extra\n3\n');
    await put("in/b.json", '[{"n":1},{"n":2},{"n":3}]');
    await put("in/c.jsonl", '{"n":1}\n\n{"n":2}\n');
    await put("in/d.json", '{"deep":{"list":[7,8]}}');
    await put("in/bad.json", "[1,");
    await put("inventory/1.csv.gz", gzipSync('"lake","in/a.csv","10"\n"lake","in/b.json","20"\n'));
    const files = [{ key: "inventory/1.csv.gz", size: 1 }];
    const manifest = {
      destinationBucket: "arn:aws:s3:::lake",
      fileFormat: "CSV",
      fileSchema: "Bucket, Key, Size",
      files,
    };
    await put("inventory/manifest.json", JSON.stringify(manifest));
  });
  afterAll(() => machines.close());
  beforeEach(() => {
    broken = new Set();
    seen.length = 0;
    machines.refuse = undefined;
  });

  const outputOf = async (name: string, definition: Record<string, unknown>, input: unknown = {}) => {
    const row = await machines.run(await machines.make(name, definition), input);
    return row.status === "SUCCEEDED" ? JSON.parse(row.output ?? "null") : { error: row.error, cause: row.cause };
  };

  it.each([
    [
      "CSV",
      reader("in/a.csv", { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW", CSVDelimiter: "SEMICOLON" }),
      [
        { id: "1", name: "Ada; L" },
        { id: "2", name: "Grace" },
        { id: "3", name: "" },
      ],
    ],
    [
      "CSV with headers given",
      reader("in/a.csv", {
        InputType: "CSV",
        CSVHeaderLocation: "GIVEN",
        CSVHeaders: ["x"],
        CSVDelimiter: "SEMICOLON",
        MaxItems: 2,
      }),
      [{ x: "id" }, { x: "1" }],
    ],
    ["JSON", reader("in/b.json", { InputType: "JSON" }), [{ n: 1 }, { n: 2 }, { n: 3 }]],
    ["JSON with MaxItems", reader("in/b.json", { InputType: "JSON", MaxItems: 1 }), [{ n: 1 }]],
    ["JSON with ItemsPointer", reader("in/d.json", { InputType: "JSON", ItemsPointer: "/deep/list" }), [7, 8]],
    ["JSON lines", reader("in/c.jsonl", { InputType: "JSONL" }), [{ n: 1 }, { n: 2 }]],
    [
      "an S3 inventory",
      reader("inventory/manifest.json", { InputType: "MANIFEST" }),
      [
        { Bucket: "lake", Key: "in/a.csv", Size: "10" },
        { Bucket: "lake", Key: "in/b.json", Size: "20" },
      ],
    ],
    [
      "objects below a prefix",
      { Resource: "arn:aws:states:::s3:listObjectsV2", Parameters: { Bucket: "lake", Prefix: "in/d" } },
      [
        {
          Etag: expect.any(String),
          Key: "in/d.json",
          LastModified: expect.any(Number),
          Size: 23,
          StorageClass: "STANDARD",
        },
      ],
    ],
  ])("reads %s", async (name, ItemReader, items) => {
    expect(await outputOf(name.replaceAll(" ", "-"), distributed({ ItemReader }, fn("echo")))).toEqual(items);
  });

  it("reads by arguments in JSONata, and says where an item is from", async () => {
    const definition = distributed({
      ItemReader: {
        Resource: "arn:aws:states:::s3:getObject",
        ReaderConfig: { InputType: "JSON", MaxItems: "{% $states.input.most %}" },
        Arguments: { Bucket: "lake", Key: "{% $states.input.key %}" },
      },
      ItemSelector: { v: "{% $states.context.Map.Item.Value %}", from: "{% $states.context.Map.Item.Source %}" },
    });
    const output = await outputOf(
      "by-jsonata",
      { ...definition, QueryLanguage: "JSONata" },
      { key: "in/b.json", most: 1 },
    );
    expect(output).toEqual([{ v: { n: 1 }, from: "s3://lake/in/b.json" }]);
  });

  it.each([
    ["no such object", reader("in/nope.json", { InputType: "JSON" }), "nope"],
    ["broken JSON", reader("in/bad.json", { InputType: "JSON" }), "JSON"],
  ])("fails with States.ItemReaderFailed on %s", async (name, ItemReader, cause) => {
    const output = await outputOf(name.replaceAll(" ", "-"), distributed({ ItemReader }));
    expect(output).toEqual({ error: "States.ItemReaderFailed", cause: expect.stringContaining(cause) });
  });

  it("runs each item as a child execution with a history of its own", async () => {
    const arn = await machines.make("children", distributed({}));
    const parent = await machines.run(arn, [1, 2, 3]);
    expect(parent.output).toBe("[2,4,6]");
    const { mapRuns } = await machines.kernel.call<{ mapRuns: { mapRunArn: string }[] }>("sfn", "ListMapRuns", {
      executionArn: parent.arn,
    });
    const mapRunArn = mapRuns[0]?.mapRunArn ?? "";
    expect(mapRunArn).toMatch(/:mapRun:children\/Each:/);
    expect(await machines.kernel.call("sfn", "DescribeMapRun", { mapRunArn })).toMatchObject({
      status: "SUCCEEDED",
      itemCounts: { total: 3, succeeded: 3, failed: 0, pending: 0 },
      executionCounts: { total: 3, succeeded: 3 },
    });
    const { executions } = await machines.kernel.call<{ executions: { executionArn: string }[] }>(
      "sfn",
      "ListExecutions",
      { mapRunArn },
    );
    expect(executions).toHaveLength(3);
    expect(machines.types(executions[0]?.executionArn ?? "")).toContain("LambdaFunctionSucceeded");
    // They are no executions of the machine itself.
    expect(machines.executions.list(arn)).toHaveLength(1);
    expect(machines.types(parent.arn)).toEqual(
      expect.arrayContaining(["MapRunStarted", "MapRunSucceeded", "MapStateExited"]),
    );
  });

  it("needs the permission to start executions of itself", async () => {
    machines.refuse = "states:StartExecution";
    const arn = await machines.make("unallowed", distributed({}));
    const row = await machines.executions.start(machines.executions.requireMachine(arn), undefined, "[1]");
    expect(await machines.settled(row.arn)).toMatchObject({ status: "FAILED", error: "States.Permissions" });
  });

  it("writes results and failures to S3, and a manifest of them", async () => {
    broken.add(2);
    const output = await outputOf(
      "written",
      distributed({ ToleratedFailurePercentage: 50, ResultWriter: writer() }),
      [1, 2, 3],
    );
    const { Bucket, Key } = output.ResultWriterDetails;
    expect(Key).toMatch(/^results\/[\w-]+\/manifest\.json$/);
    const { ResultFiles } = JSON.parse(await machines.lake.getText(Bucket, Key));
    const succeeded = JSON.parse(await machines.lake.getText("lake", ResultFiles.SUCCEEDED[0].Key));
    expect(succeeded).toEqual([
      expect.objectContaining({ Status: "SUCCEEDED", Input: "1", Output: "2" }),
      expect.objectContaining({ Status: "SUCCEEDED", Input: "3", Output: "6" }),
    ]);
    expect(JSON.parse(await machines.lake.getText("lake", ResultFiles.FAILED[0].Key))).toEqual([
      expect.objectContaining({ Status: "FAILED", Input: "2", Error: "Broken" }),
    ]);
  });

  it.each([
    ["compact lines", { Transformation: "COMPACT", OutputType: "JSONL" }, "SUCCEEDED_0.jsonl", "[1]\n[2,3]\n"],
    ["flat JSON", { Transformation: "FLATTEN", OutputType: "JSON" }, "SUCCEEDED_0.json", "[1,2,3]"],
  ])("writes %s", async (name, config, file, body) => {
    const output = await outputOf(name.replace(" ", "-"), distributed({ ResultWriter: writer(config) }, fn("echo")), [
      [1],
      [2, 3],
    ]);
    expect(await machines.lake.getText("lake", output.ResultWriterDetails.Key.replace("manifest.json", file))).toBe(
      body,
    );
  });

  it("fails with States.ResultWriterFailed where it may not write", async () => {
    machines.refuse = "s3:PutObject";
    const output = await outputOf("unwritten", distributed({ ResultWriter: writer() }), [1]);
    expect(output).toMatchObject({ error: "States.ResultWriterFailed" });
  });

  it("batches, and counts the items of a failed batch", async () => {
    const definition = distributed({ ItemBatcher: { MaxItemsPerBatch: 2 }, ToleratedFailureCount: 1 }, fn("nope"));
    expect(await outputOf("batches", definition, [1, 2, 3])).toMatchObject({
      error: "States.ExceedToleratedFailureThreshold",
    });
  });

  it("redrives the children that failed, and only these", async () => {
    broken.add(3);
    const arn = await machines.make("redriven", distributed({ MaxConcurrency: 1 }));
    const parent = await machines.run(arn, [1, 2, 3, 4]);
    expect(parent).toMatchObject({ status: "FAILED", error: "States.ExceedToleratedFailureThreshold" });
    expect(seen).toEqual([1, 2, 3]);
    broken.clear();
    seen.length = 0;
    await machines.kernel.call("sfn", "RedriveExecution", { executionArn: parent.arn });
    expect(await machines.settled(parent.arn)).toMatchObject({ status: "SUCCEEDED", output: "[2,4,6,8]" });
    expect(seen).toEqual([3, 4]);
    expect(machines.types(parent.arn)).toContain("MapRunRedriven");
  });

  it("goes on after a restart, without running again what was done", async () => {
    const arn = await machines.make("restarted", {
      StartAt: "S",
      States: {
        S: {
          Type: "Map",
          MaxConcurrency: 1,
          ItemProcessor: {
            ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
            StartAt: "A",
            States: {
              A: { Type: "Task", Resource: fn("double"), Next: "W" },
              W: { Type: "Wait", Seconds: 1, End: true },
            },
          },
          End: true,
        },
      },
    });
    const executionArn = await machines.start(arn, [1, 2, 3]);
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await machines.lake.reopen();
    expect(await machines.settled(executionArn)).toMatchObject({ status: "SUCCEEDED", output: "[2,4,6]" });
    expect(seen).toEqual([1, 2, 3]);
    expect(roleArn).toBe(machines.executions.requireMachine(arn).roleArn);
  });
});
