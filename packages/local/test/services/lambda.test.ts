import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AwsError } from "../../src/kernel";
import { install as installIam } from "../../src/services/iam";
import { install as installLambda } from "../../src/services/lambda";
import { install as installSqs } from "../../src/services/sqs";
import { Bench, until } from "./compute-kit";

let bench: Bench;
beforeEach(() => {
  bench = new Bench([installSqs, installLambda]);
});
afterEach(async () => {
  await bench.close();
});

const door = `const aws = globalThis[Symbol.for("tributary.aws")];`;

/** A service that only this test knows, to see what crosses the in-process door. */
function registerEcho(): { calls: { input: Record<string, unknown>; session: string }[] } {
  const calls: { input: Record<string, unknown>; session: string }[] = [];
  bench.kernel.register({
    name: "echo",
    operations: {
      Say: (input: Record<string, unknown>, call) => {
        calls.push({ input, session: call.principal.kind === "role" ? call.principal.session : call.principal.kind });
        return { ...input };
      },
      Fail: () => {
        throw new AwsError("TransactionCanceledException", "no", {
          details: { CancellationReasons: [{ Code: "None" }] },
        });
      },
    },
    permissions: (operation) => [{ action: `echo:${operation}`, resource: "*" }],
  });
  return { calls };
}

describe("invocations", () => {
  test("a handler gets its event, context and exactly its own environment", async () => {
    process.env.TRIBUTARY_HOST_SECRET = "must not leak";
    bench.kernel.awsEndpoint = "http://127.0.0.1:4566";
    const made = await bench.fn(
      "ctx",
      `export const handler = async (event, context) => ({ event, env: process.env, context: {...context}, left: context.getRemainingTimeInMillis() });`,
      { environment: { variables: { TABLE: "events" } }, timeout: 7, memorySize: 256 },
    );
    const { payload, functionError } = await bench.invoke("ctx", { a: [1, null, "ü"] });
    expect(functionError).toBeUndefined();
    const seen = payload as {
      event: unknown;
      env: Record<string, string>;
      context: Record<string, unknown>;
      left: number;
    };
    expect(seen.event).toEqual({ a: [1, null, "ü"] });
    expect(seen.env).toMatchObject({
      TABLE: "events",
      AWS_REGION: "us-east-1",
      AWS_LAMBDA_FUNCTION_NAME: "ctx",
      AWS_ENDPOINT_URL: "http://127.0.0.1:4566",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
    });
    expect(seen.env.TRIBUTARY_HOST_SECRET).toBeUndefined();
    expect(seen.env.PATH).toBeUndefined();
    expect(bench.kernel.credentials.resolve(seen.env.AWS_ACCESS_KEY_ID ?? "")).toEqual({
      kind: "role",
      roleArn: "arn:aws:iam::000000000000:role/ctx",
      session: "ctx",
    });
    expect(seen.context).toMatchObject({
      functionName: "ctx",
      memoryLimitInMB: "256",
      invokedFunctionArn: made.outputs.arn,
    });
    expect(seen.left).toBeGreaterThan(5000);
    expect(seen.left).toBeLessThanOrEqual(7000);
    expect(made.outputs).toMatchObject({ version: "$LATEST", qualifiedArn: `${made.outputs.arn}:$LATEST` });
  });

  test.each([
    [
      "an ES module",
      { "index.mjs": "export const handler = async () => import.meta.url.slice(0, 5)" },
      "index.handler",
      "file:",
    ],
    ["CommonJS in .js", { "index.js": "exports.handler = async () => typeof require" }, "index.handler", "function"],
    ["CommonJS in .cjs", { "index.cjs": "module.exports = { handler: () => 'sync' }" }, "index.handler", "sync"],
    ["a nested path", { "src/a.mjs": "export const deep = { run: async () => 1 }" }, "src/a.deep.run", 1],
    ["undefined as null", { "index.mjs": "export const handler = async () => {}" }, "index.handler", null],
  ])("runs %s", async (_name, files, handler, expected) => {
    await bench.fn("m", "", { code: bench.archive(files), handler });
    expect(await bench.invoke("m")).toEqual({ payload: expected });
  });

  test.each([
    [
      "throws",
      `export const handler = async () => { throw new RangeError("too far"); }`,
      { errorType: "RangeError", errorMessage: "too far" },
    ],
    [
      "throws a string",
      `export const handler = async () => { throw "text"; }`,
      { errorType: "string", errorMessage: "text" },
    ],
    [
      "exits",
      `export const handler = async () => { process.exit(3); }`,
      { errorType: "Runtime.ExitError", errorMessage: expect.stringContaining("exit status 3") },
    ],
    [
      "throws outside of its promise",
      `export const handler = () => new Promise(() => setTimeout(() => { throw new TypeError("late"); }, 1));`,
      { errorType: "TypeError", errorMessage: "late" },
    ],
    [
      "leaves a rejection",
      `export const handler = () => new Promise(() => { Promise.reject(new Error("lost")); });`,
      { errorType: "Runtime.UnhandledPromiseRejection", errorMessage: "Error: lost" },
    ],
    [
      "loops for ever",
      `export const handler = async () => { for (;;); }`,
      { errorType: "Sandbox.Timedout", errorMessage: expect.stringContaining("Task timed out after 1.00 seconds") },
    ],
    [
      "waits too long",
      `export const handler = () => new Promise(() => {});`,
      { errorType: "Sandbox.Timedout", errorMessage: expect.stringContaining("Task timed out after 1.00 seconds") },
    ],
    [
      "can not be loaded",
      `import "not-there"; export const handler = async () => 1;`,
      { errorType: "Error", errorMessage: expect.stringContaining("not-there") },
    ],
    [
      "has no such export",
      `export const other = 1;`,
      { errorType: "Runtime.HandlerNotFound", errorMessage: "index.handler is undefined or not exported" },
    ],
  ])("a handler that %s fails that invocation only", async (_name, code, expected) => {
    await bench.fn("bad", code, { timeout: 1 });
    await bench.fn("good", `export const handler = async () => "fine"`);
    const results = await Promise.all([bench.invoke("bad"), bench.invoke("good")]);
    expect(results[0].functionError).toBe("Unhandled");
    expect(results[0].payload).toMatchObject(expected);
    expect(results[1]).toEqual({ payload: "fine" });
    expect((await bench.invoke("bad")).functionError).toBe("Unhandled");
  });

  test("running out of memory ends the environment, not the process", async () => {
    await bench.fn(
      "hog",
      `const all = []; export const handler = async () => { for (;;) all.push(new Array(1e6).fill(Math.random())); }`,
      { timeout: 30 },
    );
    const result = await bench.invoke("hog");
    expect(result.payload).toMatchObject({ errorType: "Runtime.OutOfMemory" });
  }, 60_000);

  test("warm environments are used again; concurrent invocations get their own up to the reserved number", async () => {
    const code = `let count = 0; const id = Math.random(); export const handler = async (ms) => { count++; await new Promise(r => setTimeout(r, ms)); return { id, count }; }`;
    await bench.fn("warm", code, { reservedConcurrentExecutions: 2 });
    const first = (await bench.invoke("warm", 1)).payload as { id: number };
    const second = (await bench.invoke("warm", 1)).payload as { id: number; count: number };
    expect(second).toEqual({ id: first.id, count: 2 });
    const many = await Promise.all(Array.from({ length: 6 }, () => bench.invoke("warm", 60)));
    expect(new Set(many.map(({ payload }) => (payload as { id: number }).id)).size).toBe(2);
  });

  test("no reserved concurrency at all means throttled", async () => {
    await bench.fn("off", `export const handler = async () => 1`, { reservedConcurrentExecutions: 0 });
    await expect(bench.invoke("off")).rejects.toMatchObject({ name: "TooManyRequestsException", status: 429 });
  });

  test("payloads beyond Lambda's limits are refused, in and out", async () => {
    await bench.fn("big", `export const handler = async (n) => "x".repeat(typeof n === "number" ? n : 1)`);
    await expect(bench.invoke("big", "x".repeat(7_000_000))).rejects.toMatchObject({
      name: "RequestTooLargeException",
      status: 413,
    });
    expect((await bench.invoke("big", 7_000_000)).payload).toMatchObject({
      errorType: "Function.ResponseSizeTooLarge",
    });
    await expect(bench.kernel.lambda.invokeAsync("big", "x".repeat(1_100_000), { kind: "root" })).rejects.toMatchObject(
      { status: 413 },
    );
  });

  test("a role that Lambda may not assume is refused when the function is made", async () => {
    await bench.close();
    bench = new Bench([installIam, installLambda]);
    const role = async (name: string, service: string) =>
      await bench.create("aws:iam/role:Role", name, {
        name,
        assumeRolePolicy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: service } }],
        }),
      });
    const code = "export const handler = async () => 1";
    const wrong = await role("wrong", "ec2.amazonaws.com");
    await expect(bench.fn("f", code, { role: wrong.outputs.arn })).rejects.toThrow("may not assume");
    await expect(bench.fn("f", code, { role: "arn:aws:iam::000000000000:role/none" })).rejects.toThrow(
      "cannot be found",
    );
    const right = await role("right", "lambda.amazonaws.com");
    await bench.fn("f", code, { role: right.outputs.arn });
    expect(await bench.invoke("f")).toEqual({ payload: 1 });
  });

  test.each([
    [{ runtime: "python3.13" }, "lambda runtime python3.13"],
    [{ packageType: "Image", imageUri: "x" }, "container image"],
    [{ s3Bucket: "b", code: undefined }, "code in S3"],
  ])("what can not run here is refused by name: %j", async (inputs, text) => {
    await expect(bench.fn("other", "", inputs)).rejects.toThrow(text);
  });

  test("prints go to the function's log, embedded metrics to the metrics", async () => {
    const metric = {
      _aws: {
        Timestamp: 1,
        CloudWatchMetrics: [{ Namespace: "T", Dimensions: [["service"]], Metrics: [{ Name: "applied" }] }],
      },
      service: "s",
      applied: 3,
    };
    await bench.fn(
      "talk",
      `export const handler = async () => { console.log("hello"); console.error("careful"); console.log(${JSON.stringify(JSON.stringify(metric))}); process.stdout.write("no newline"); }`,
    );
    await bench.invoke("talk");
    await bench.invoke("talk");
    expect(bench.kernel.metrics.sum("applied", { service: "s" })).toBe(6);
    const log = () => readFileSync(join(bench.kernel.folder("logs"), "talk.log"), "utf8");
    await until(
      () => {
        try {
          return log();
        } catch {
          return "";
        }
      },
      (text) => text.includes("careful"),
    );
    expect(log()).toContain("hello\n");
    expect(log()).not.toContain("_aws");
  });

  test("layers are found by require", async () => {
    const layer = await bench.create("aws:lambda/layerVersion:LayerVersion", "tools", {
      layerName: "tools",
      code: bench.archive({ "nodejs/node_modules/tool/index.js": "module.exports = 42" }),
    });
    await bench.fn("user", "", {
      code: bench.archive({ "index.cjs": `exports.handler = async () => require("tool")` }),
      layers: [layer.outputs.arn],
    });
    expect((await bench.invoke("user")).payload).toBe(42);
  });
});

describe("the in-process door", () => {
  test("calls run under the function's role and keep their types", async () => {
    const echo = registerEcho();
    await bench.fn(
      "caller",
      `${door} export const handler = async () => {
      const big = Buffer.alloc(100).fill(7);
      const out = await aws.call("echo", "Say", { bytes: big.subarray(3, 6), at: new Date(5), none: undefined, list: [new Uint8Array([1])] });
      return { bytes: [...out.bytes], at: out.at.getTime(), hasNone: "none" in out, first: out.list[0][0] };
    }`,
    );
    expect(await bench.invoke("caller")).toEqual({ payload: { bytes: [7, 7, 7], at: 5, hasNone: true, first: 1 } });
    expect(echo.calls[0]?.session).toBe("caller");
    expect(echo.calls[0]?.input.bytes).toHaveProperty("byteLength", 3);
  });

  test("errors arrive with code, status and details; a denied call fails as on AWS", async () => {
    registerEcho();
    bench.denied.add("echo:Say");
    await bench.fn(
      "caller",
      `${door} export const handler = async () => {
      const show = (e) => ({ name: e.name, status: e.status, details: e.details, message: e.message, error: e instanceof Error });
      return [await aws.call("echo", "Fail", {}).catch(show), await aws.call("echo", "Say", {}).catch(show), await aws.call("echo", "Nope", {}).catch(show),
        await aws.call("echo", "Say", { f() {} }).catch(show)];
    }`,
    );
    const { payload } = await bench.invoke("caller");
    expect(payload).toMatchObject([
      {
        name: "TransactionCanceledException",
        status: 400,
        details: { CancellationReasons: [{ Code: "None" }] },
        error: true,
      },
      { name: "AccessDeniedException", status: 403, message: expect.stringContaining("echo:Say") },
      { name: "NotSupportedLocally", status: 501, message: expect.stringContaining("echo.Nope") },
      { name: "SerializationException" },
    ]);
  });

  test("tens of thousands of small calls a second", async () => {
    registerEcho();
    await bench.fn(
      "busy",
      `${door} export const handler = async ({ n, width }) => {
      let next = 0;
      const lane = async () => { while (next++ < n) await aws.call("echo", "Say", { TableName: "t", Item: { pk: { S: "k" + next } } }); };
      await Promise.all(Array.from({ length: width }, lane));
    }`,
      { timeout: 60 },
    );
    await bench.invoke("busy", { n: 2000, width: 50 });
    const n = 40_000;
    const start = performance.now();
    await bench.invoke("busy", { n, width: 100 });
    const perSecond = Math.round((n / (performance.now() - start)) * 1000);
    process.stdout.write(`door: ${perSecond} calls/s\n`);
    // Far below what an idle machine does, so that a busy one does not fail it.
    expect(perSecond).toBeGreaterThan(5_000);
  });
});

describe("who may invoke", () => {
  const asService = { kind: "service", service: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::raw-zone" } as const;
  test.each([
    ["nothing", {}, false],
    ["another service", { principal: "events.amazonaws.com" }, false],
    ["the service", { principal: "s3.amazonaws.com" }, true],
    ["its source", { principal: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::raw-*" }, true],
    ["another source", { principal: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::clean-*" }, false],
    ["another account", { principal: "s3.amazonaws.com", sourceAccount: "111111111111" }, false],
    ["its account", { principal: "s3.amazonaws.com", sourceAccount: "000000000000" }, true],
  ])("a policy for %s", async (_name, statement, allowed) => {
    await bench.fn("target", `export const handler = async () => "in"`);
    if ("principal" in statement) {
      await bench.create("aws:lambda/permission:Permission", "p", {
        action: "lambda:InvokeFunction",
        function: "target",
        ...statement,
      });
    }
    const invocation = bench.kernel.lambda.invoke("target", {}, asService);
    if (allowed) expect(await invocation).toEqual({ payload: "in" });
    else await expect(invocation).rejects.toMatchObject({ name: "AccessDeniedException", status: 403 });
  });

  test("a role needs lambda:InvokeFunction, also through the API", async () => {
    await bench.fn("target", `export const handler = async () => "in"`);
    const role = { kind: "role", roleArn: "arn:aws:iam::000000000000:role/x", session: "x" } as const;
    const input = { FunctionName: "target", Payload: new TextEncoder().encode("{}") };
    const { Payload } = await bench.kernel.call<{ Payload: Uint8Array }>("lambda", "Invoke", input, role);
    expect(Buffer.from(Payload).toString()).toBe('"in"');
    bench.denied.add("lambda:InvokeFunction");
    await expect(bench.kernel.call("lambda", "Invoke", input, role)).rejects.toMatchObject({
      name: "AccessDeniedException",
    });
    await expect(bench.kernel.lambda.invoke("target", {}, role)).rejects.toMatchObject({
      name: "AccessDeniedException",
    });
  });

  test("an unknown function, version or alias is not found; an alias is", async () => {
    const made = await bench.fn("target", `export const handler = async () => "in"`);
    const arn = String(made.outputs.arn);
    for (const name of ["nobody", `${arn}:9`, `${arn}:live`]) {
      await expect(bench.invoke(name)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    }
    await bench.create("aws:lambda/alias:Alias", "live", {
      functionName: "target",
      functionVersion: "$LATEST",
      name: "live",
    });
    expect(await bench.invoke(`${arn}:live`)).toEqual({ payload: "in" });
  });
});

describe("asynchronous invocations", () => {
  const receive = async (url: string) => {
    const { Messages } = await bench.kernel.call<{ Messages?: { Body: string; MessageAttributes?: object }[] }>(
      "sqs",
      "ReceiveMessage",
      {
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ["All"],
      },
    );
    return Messages ?? [];
  };

  test("retried twice, then to the dead-letter queue and the failure destination", async () => {
    const dlq = await bench.create("aws:sqs/queue:Queue", "dlq", { name: "dlq" });
    const failures = await bench.create("aws:sqs/queue:Queue", "failures", { name: "failures" });
    await bench.fn(
      "shaky",
      `let n = 0; export const handler = async (event) => { n++; throw new Error("try " + n + " of " + event.id); }`,
      {
        deadLetterConfig: { targetArn: dlq.outputs.arn },
      },
    );
    await bench.create("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "c", {
      functionName: "shaky",
      destinationConfig: { onFailure: { destination: failures.outputs.arn } },
    });
    await bench.kernel.lambda.invokeAsync("shaky", { id: "e1" }, { kind: "root" });
    expect(Object.keys(bench.kernel.pending())).toContain("lambda asynchronous events");
    await bench.kernel.quiesce({ timeoutMs: 20_000 });
    const [dead] = await receive(String(dlq.outputs.url));
    expect(JSON.parse(dead?.Body ?? "")).toEqual({ id: "e1" });
    expect(dead?.MessageAttributes).toMatchObject({ ErrorMessage: { StringValue: "try 3 of e1" } });
    const [record] = await receive(String(failures.outputs.url));
    expect(JSON.parse(record?.Body ?? "")).toMatchObject({
      requestContext: { condition: "RetriesExhausted", approximateInvokeCount: 3 },
      requestPayload: { id: "e1" },
      responsePayload: { errorMessage: "try 3 of e1" },
    });
  });

  test("what failed waits over a restart and is done then", async () => {
    const out = await bench.create("aws:sqs/queue:Queue", "out", { name: "out" });
    await bench.fn(
      "sender",
      `${door} export const handler = async (event) => {
        await aws.call("sqs", "SendMessage", { QueueUrl: "http://x/000000000000/out", MessageBody: String(event.id) });
      }`,
    );
    bench.denied.add("sqs:SendMessage");
    for (let id = 0; id < 5; id += 1) await bench.kernel.lambda.invokeAsync("sender", { id }, { kind: "root" });
    await bench.restart();
    expect(bench.kernel.pending()).toMatchObject({ "lambda asynchronous events": 5 });
    bench.denied.clear();
    await bench.kernel.quiesce({ timeoutMs: 20_000 });
    const bodies = (await receive(String(out.outputs.url))).map(({ Body }) => Body);
    expect(bodies.sort()).toEqual(["0", "1", "2", "3", "4"]);
  });

  test("closing does not wait for a handler that runs on", async () => {
    await bench.fn("endless", `export const handler = () => new Promise(() => {})`, { timeout: 900 });
    await bench.kernel.lambda.invokeAsync("endless", {}, { kind: "root" });
    const start = Date.now();
    await bench.restart();
    expect(Date.now() - start).toBeLessThan(15_000);
    expect(bench.kernel.pending()).toMatchObject({ "lambda asynchronous events": 1 });
  });
});
