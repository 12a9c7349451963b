import { fn, TestMachines } from "./sfn-support";

/** Bounds are wide: they catch work that grows with the square, on a busy machine too. */
describe("Step Functions at size", () => {
  let machines: TestMachines;
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

  beforeAll(() => {
    machines = new TestMachines({ add: async (n: number) => n + 1 });
  });
  afterAll(() => machines.close());

  it.each([
    ["inline", 10_000, "INLINE", { Type: "Task", Resource: fn("add"), End: true }],
    ["distributed", 2_000, "DISTRIBUTED", { Type: "Task", Resource: fn("add"), End: true }],
    [
      "inline in JSONata",
      5_000,
      "INLINE",
      { Type: "Pass", QueryLanguage: "JSONata", Output: "{% $states.input + 1 %}", End: true },
    ],
  ])("maps items at size, %s", async (name, count, Mode, state) => {
    const items = upTo(count);
    const processor = { ProcessorConfig: { Mode }, StartAt: "A", States: { A: state } };
    const arn = await machines.make(name.replaceAll(" ", "-"), {
      StartAt: "S",
      States: { S: { Type: "Map", ItemProcessor: processor, End: true } },
    });
    const began = performance.now();
    const row = await machines.run(arn, items);
    const seconds = (performance.now() - began) / 1000;
    if (process.env.TRIBUTARY_PRINT) process.stderr.write(`${name}: ${seconds.toFixed(2)} s\n`);
    expect(row.status).toBe("SUCCEEDED");
    expect(JSON.parse(row.output ?? "[]")).toEqual(items.map((item) => item + 1));
    expect(seconds).toBeLessThan(30);
  });

  it("lets others work while states only compute, and can be stopped", async () => {
    const arn = await machines.make("spins", {
      StartAt: "A",
      States: { A: { Type: "Pass", Next: "B" }, B: { Type: "Pass", Next: "A" } },
    });
    const executionArn = await machines.start(arn);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await machines.kernel.call("sfn", "StopExecution", { executionArn });
    expect(await machines.settled(executionArn)).toMatchObject({ status: "ABORTED" });
  });
});
