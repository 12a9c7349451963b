import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import type { Resource } from "../../src/kernel";
import { install as installGateway } from "../../src/services/apigatewayv2";
import { compileRoute, matchRoute } from "../../src/services/apigatewayv2/routing";
import { install as installLambda } from "../../src/services/lambda";
import { Bench } from "./compute-kit";

let bench: Bench;
let api: Resource;

/** Echoes its event. */
const echo = "export const handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) });";

async function makeApi(
  inputs: Record<string, unknown> = {},
  stage = "$default",
  stageInputs: object = {},
): Promise<void> {
  api = await bench.create("aws:apigatewayv2/api:Api", "collector", { protocolType: "HTTP", ...inputs });
  await bench.create("aws:apigatewayv2/stage:Stage", "stage", {
    apiId: api.id,
    name: stage,
    autoDeploy: true,
    ...stageInputs,
  });
}

async function route(
  routeKey: string,
  code: string,
  options: { integration?: object; route?: object; fn?: Record<string, unknown>; permission?: object | false } = {},
): Promise<void> {
  const name = `f${routeKey.replace(/[^A-Za-z0-9]+/g, "-")}`;
  const target = await bench.fn(name, code, options.fn);
  const integration = await bench.create("aws:apigatewayv2/integration:Integration", name, {
    apiId: api.id,
    integrationType: "AWS_PROXY",
    integrationUri: target.outputs.invokeArn,
    payloadFormatVersion: "2.0",
    ...options.integration,
  });
  await bench.create("aws:apigatewayv2/route:Route", name, {
    apiId: api.id,
    routeKey,
    target: `integrations/${integration.id}`,
    ...options.route,
  });
  if (options.permission !== false) {
    await bench.create("aws:lambda/permission:Permission", name, {
      action: "lambda:InvokeFunction",
      function: name,
      principal: "apigateway.amazonaws.com",
      sourceArn: `${api.outputs.executionArn}/*/*`,
      ...options.permission,
    });
  }
}

const url = (path: string) => `${api.outputs.apiEndpoint}${path}`;
const get = (path: string, init: RequestInit = {}) => fetch(url(path), init);
async function json(path: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  return (await (await get(path, init)).json()) as Record<string, unknown>;
}

describe("route matching", () => {
  const keys = [
    "$default",
    "ANY /{proxy+}",
    "GET /pets/{proxy+}",
    "GET /pets/dog/{id}",
    "GET /pets/dog/1",
    "ANY /pets/dog/1",
    "POST /v1/{kind}",
    "GET /",
  ];
  const routes = keys.map((key) => compileRoute(key, key));
  test.each([
    ["GET", "/pets/dog/1", "GET /pets/dog/1", {}],
    ["PUT", "/pets/dog/1", "ANY /pets/dog/1", {}],
    ["GET", "/pets/dog/2", "GET /pets/dog/{id}", { id: "2" }],
    ["GET", "/pets/cat/1", "GET /pets/{proxy+}", { proxy: "cat/1" }],
    ["POST", "/pets/cat/1", "ANY /{proxy+}", { proxy: "pets/cat/1" }],
    ["POST", "/v1/batch", "POST /v1/{kind}", { kind: "batch" }],
    ["GET", "/", "GET /", {}],
    ["POST", "/", "$default", {}],
  ])("%s %s → %s", (method, path, key, parameters) => {
    const match = matchRoute(routes, method, path);
    expect(match?.route.key).toBe(key);
    expect(match?.parameters).toEqual(parameters);
  });

  test("a key that is none is refused", () => {
    expect(() => compileRoute("get v1", 0)).toThrow("no route key");
  });
});

describe("an HTTP API", () => {
  beforeEach(() => {
    bench = new Bench([installLambda, installGateway]);
  });
  afterEach(async () => {
    await bench.close();
  });

  test("payload format 2.0", async () => {
    await makeApi({}, "$default", { stageVariables: { tier: "gold" } });
    await route("POST /v1/{kind}", echo);
    const event = await json("/v1/a%20b?x=1&y=%26&x=2", {
      method: "POST",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "X-Custom": "One",
        cookie: "a=1; b=2",
        "user-agent": "test",
      },
      body: '{"ü":1}',
    });
    expect(event).toMatchObject({
      version: "2.0",
      routeKey: "POST /v1/{kind}",
      rawPath: "/v1/a b",
      rawQueryString: "x=1&y=%26&x=2",
      cookies: ["a=1", "b=2"],
      queryStringParameters: { x: "1,2", y: "&" },
      pathParameters: { kind: "a b" },
      stageVariables: { tier: "gold" },
      body: '{"ü":1}',
      isBase64Encoded: false,
      headers: { "x-custom": "One", "content-type": "application/json; charset=utf-8", "x-forwarded-for": "127.0.0.1" },
      requestContext: {
        accountId: "000000000000",
        apiId: api.id,
        http: { method: "POST", path: "/v1/a b", protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "test" },
        routeKey: "POST /v1/{kind}",
        stage: "$default",
        time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        timeEpoch: expect.any(Number),
      },
    });
    expect(event.headers).not.toHaveProperty("cookie");
  });

  test("what is absent from a request is absent from its event", async () => {
    await makeApi();
    await route("GET /plain", echo);
    const event = await json("/plain");
    for (const key of ["cookies", "queryStringParameters", "pathParameters", "stageVariables", "body"]) {
      expect(event).not.toHaveProperty(key);
    }
    expect(event).toMatchObject({ rawQueryString: "", isBase64Encoded: false });
  });

  test.each([
    ["text/plain", "text", false],
    ["application/vnd.x+json", "{}", false],
    ["application/xml", "<a/>", false],
    ["application/x-www-form-urlencoded", "a=1", true],
    ["application/octet-stream", "abc", true],
    ["text/plain", Buffer.from([0xff, 0xfe]), true],
  ])("a body of %s", async (type, body, base64) => {
    await makeApi();
    await route("POST /", echo);
    const event = await json("/", { method: "POST", headers: { "content-type": type }, body });
    expect(event.isBase64Encoded).toBe(base64);
    expect(Buffer.from(String(event.body), base64 ? "base64" : "utf8")).toEqual(Buffer.from(body));
  });

  test("a compressed body stays as it is", async () => {
    await makeApi();
    await route("POST /", echo);
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const event = await json("/", { method: "POST", headers, body: "zipped" });
    expect(event).toMatchObject({ isBase64Encoded: true, body: Buffer.from("zipped").toString("base64") });
  });

  test("payload format 1.0", async () => {
    await makeApi();
    await route("POST /v1/{kind}", echo, { integration: { payloadFormatVersion: "1.0" } });
    const event = await json("/v1/track?x=1&x=2", {
      method: "POST",
      body: "hi",
      headers: { "content-type": "text/plain" },
    });
    expect(event).toMatchObject({
      version: "1.0",
      resource: "/v1/{kind}",
      path: "/v1/track",
      httpMethod: "POST",
      queryStringParameters: { x: "2" },
      multiValueQueryStringParameters: { x: ["1", "2"] },
      pathParameters: { kind: "track" },
      stageVariables: null,
      body: "hi",
      requestContext: { resourcePath: "/v1/{kind}", identity: { sourceIp: "127.0.0.1" } },
    });
  });

  test.each<[string, string, number, Record<string, string>, string]>([
    ["a plain object", "({ ok: true })", 200, { "content-type": "application/json" }, '{"ok":true}'],
    ["a text", '"hello"', 200, { "content-type": "application/json" }, "hello"],
    ["a status alone", "({ statusCode: 204 })", 204, {}, ""],
    [
      "headers and body",
      '({ statusCode: 201, headers: { "X-A": 1, "Content-Type": "text/csv" }, body: "a,b" })',
      201,
      { "x-a": "1", "content-type": "text/csv" },
      "a,b",
    ],
    ["base64", '({ statusCode: 200, body: "aGk=", isBase64Encoded: true })', 200, {}, "hi"],
    ["a status as text", '({ statusCode: "202", body: "" })', 202, {}, ""],
    ["a body that is no text", "({ statusCode: 200, body: { a: 1 } })", 500, {}, '{"message":"Internal Server Error"}'],
    ["a status that is none", '({ statusCode: "x" })', 500, {}, '{"message":"Internal Server Error"}'],
    [
      "a header that is none",
      '({ statusCode: 200, headers: { "a b": "x" } })',
      500,
      {},
      '{"message":"Internal Server Error"}',
    ],
    [
      "a throw",
      '(() => { throw new Error("no") })()',
      500,
      { "content-type": "application/json" },
      '{"message":"Internal Server Error"}',
    ],
    ["an exit", "process.exit(1)", 500, {}, '{"message":"Internal Server Error"}'],
  ])("a handler's %s", async (_name, expression, status, headers, body) => {
    await makeApi();
    await route("GET /", `export const handler = async () => ${expression};`);
    const response = await get("/");
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(body);
    for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toBe(value);
  });

  test("cookies in format 2.0, several values of a header in 1.0", async () => {
    await makeApi();
    await route("GET /two", 'export const handler = async () => ({ statusCode: 200, cookies: ["a=1", "b=2"] });');
    await route(
      "GET /one",
      'export const handler = async () => ({ statusCode: 200, multiValueHeaders: { "Set-Cookie": ["c=3", "d=4"] } });',
      {
        integration: { payloadFormatVersion: "1.0" },
      },
    );
    expect((await get("/two")).headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect((await get("/one")).headers.getSetCookie()).toEqual(["c=3", "d=4"]);
  });

  test("no route, no stage: 404 as the gateway says it", async () => {
    await makeApi();
    await route("GET /there", echo);
    const response = await get("/elsewhere");
    expect([response.status, await response.json()]).toEqual([404, { message: "Not Found" }]);
    expect((await get("/there", { method: "POST", body: "x" })).status).toBe(404);
  });

  test("a named stage is the first segment of the path", async () => {
    await makeApi({}, "prod");
    await route("GET /a", echo);
    expect(await json("/prod/a")).toMatchObject({ rawPath: "/prod/a", requestContext: { stage: "prod" } });
    expect((await get("/a")).status).toBe(404);
  });

  test("a function that the gateway may not invoke: 500, and the log says why", async () => {
    await makeApi();
    await route("GET /", echo, { permission: false });
    expect((await get("/")).status).toBe(500);
    expect(bench.warnings.join()).toContain(
      "apigateway.amazonaws.com is not authorized to perform: lambda:InvokeFunction",
    );
  });

  test("the permission's source names the route", async () => {
    await makeApi();
    const only = `arn:aws:execute-api:us-east-1:000000000000:${api.id}/*/GET/open`;
    await route("GET /open", echo, { permission: { sourceArn: only } });
    await route("GET /shut", echo, { permission: { sourceArn: only } });
    expect((await get("/open")).status).toBe(200);
    expect((await get("/shut")).status).toBe(500);
  });

  test("an integration that takes too long: 503, while the function goes on", async () => {
    await makeApi();
    await route("GET /", "export const handler = () => new Promise((resolve) => setTimeout(resolve, 400, {}));", {
      integration: { timeoutMilliseconds: 60 },
    });
    const response = await get("/");
    expect([response.status, await response.json()]).toEqual([503, { message: "Service Unavailable" }]);
  });

  test("a body of 40 MB is refused with 413 on reading its length, and without one while it streams", async () => {
    await makeApi();
    await route("POST /", echo);
    await route("GET /alive", "export const handler = async () => 1;");
    const big = Buffer.alloc(40 * 2 ** 20, "x");
    const response = await get("/", { method: "POST", body: big, headers: { "content-type": "text/plain" } });
    expect([response.status, await response.json()]).toEqual([413, { message: "Request Entity Too Large" }]);
    const chunked = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(url("/"), { method: "POST" }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      request.on("error", reject);
      for (let sent = 0; sent < 40; sent += 1) request.write(Buffer.alloc(2 ** 20, "x"));
      request.end();
    });
    expect(chunked).toBe(413);
    // Below the gateway's limit and above Lambda's.
    const seven = await get("/", {
      method: "POST",
      body: Buffer.alloc(7_000_000, "x"),
      headers: { "content-type": "text/plain" },
    });
    expect(seven.status).toBe(413);
    expect((await get("/alive")).status).toBe(200);
  }, 30_000);

  test("a client that goes away in the middle hurts nobody", async () => {
    await makeApi();
    await route("POST /", echo);
    await new Promise<void>((resolve) => {
      const request = httpRequest(url("/"), { method: "POST", headers: { "content-length": "1000" } });
      request.on("error", () => resolve());
      request.write("half");
      setTimeout(() => request.destroy(), 20);
    });
    expect((await get("/", { method: "POST", body: "x" })).status).toBe(200);
    expect(bench.warnings).toEqual([]);
  });

  describe("CORS", () => {
    const corsConfiguration = {
      allowOrigins: ["https://shop.example", "http://*"],
      allowMethods: ["POST"],
      allowHeaders: ["content-type"],
      exposeHeaders: ["x-id"],
      maxAge: 60,
    };
    const preflight = (origin: string) =>
      get("/x", { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });

    test("the gateway answers preflight requests without asking the function", async () => {
      await makeApi({ corsConfiguration });
      await route("$default", 'export const handler = async () => { throw new Error("asked") };');
      const response = await preflight("https://shop.example");
      expect(response.status).toBe(204);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": "60",
      });
      expect((await preflight("http://any.example")).headers.get("access-control-allow-origin")).toBe(
        "http://any.example",
      );
      expect((await preflight("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
    });

    test("its headers take the place of the function's, on faults too", async () => {
      await makeApi({ corsConfiguration });
      await route(
        "GET /x",
        'export const handler = async () => ({ statusCode: 200, headers: { "Access-Control-Allow-Origin": "*" } });',
      );
      const headers = { origin: "https://shop.example" };
      expect((await get("/x", { headers })).headers.get("access-control-allow-origin")).toBe("https://shop.example");
      expect((await get("/nowhere", { headers })).headers.get("access-control-allow-origin")).toBe(
        "https://shop.example",
      );
    });
  });

  describe("authorizers", () => {
    async function authorized(code: string, inputs: object = {}): Promise<void> {
      await makeApi();
      const target = await bench.fn("guard", code);
      const authorizer = await bench.create("aws:apigatewayv2/authorizer:Authorizer", "guard", {
        apiId: api.id,
        authorizerType: "REQUEST",
        authorizerUri: target.outputs.invokeArn,
        authorizerPayloadFormatVersion: "2.0",
        enableSimpleResponses: true,
        identitySources: ["$request.header.Authorization"],
        authorizerResultTtlInSeconds: 0,
        ...inputs,
      });
      await bench.create("aws:lambda/permission:Permission", "guard", {
        action: "lambda:InvokeFunction",
        function: "guard",
        principal: "apigateway.amazonaws.com",
        sourceArn: `${api.outputs.executionArn}/authorizers/${authorizer.id}`,
      });
      await route("GET /secret", echo, { route: { authorizationType: "CUSTOM", authorizerId: authorizer.id } });
    }
    const ask = (authorization?: string) => get("/secret", authorization ? { headers: { authorization } } : {});

    test("simple answers: in with context, 403 where not, 401 without an identity, 500 on a fault", async () => {
      await authorized(`export const handler = async (event) => {
        if (event.headers.authorization === "boom") throw new Error("fault");
        if (event.headers.authorization === "none") throw new Error("Unauthorized");
        if (event.headers.authorization === "odd") return "yes";
        return { isAuthorized: event.identitySource[0] === "good" && event.type === "REQUEST", context: { who: "me", arn: event.routeArn } };
      }`);
      const good = await ask("good");
      expect(good.status).toBe(200);
      expect(await good.json()).toMatchObject({
        requestContext: {
          authorizer: { lambda: { who: "me", arn: `${api.outputs.executionArn}/$default/GET/secret` } },
        },
      });
      const statuses: [number, unknown][] = [];
      for (const value of ["bad", undefined, "boom", "none", "odd"]) {
        const response = await ask(value);
        statuses.push([response.status, await response.json()]);
      }
      expect(statuses).toEqual([
        [403, { message: "Forbidden" }],
        [401, { message: "Unauthorized" }],
        [500, { message: "Internal Server Error" }],
        [401, { message: "Unauthorized" }],
        [500, { message: "Internal Server Error" }],
      ]);
    });

    test("policies: what is allowed and not denied", async () => {
      await authorized(
        `export const handler = async (event) => {
          const statement = (Effect, Resource) => ({ Effect, Action: "execute-api:Invoke", Resource });
          const arn = event.methodArn;
          const policies = { all: [statement("Allow", "*")], this: [statement("Allow", [arn])], other: [statement("Allow", arn + "/x")], deny: [statement("Allow", "*"), statement("Deny", arn)] };
          return { principalId: "p", policyDocument: { Version: "2012-10-17", Statement: policies[event.authorizationToken] }, context: { n: 1 } };
        }`,
        { authorizerPayloadFormatVersion: "1.0", enableSimpleResponses: false },
      );
      const statuses: Record<string, number> = {};
      for (const name of ["all", "this", "other", "deny"]) statuses[name] = (await ask(name)).status;
      expect(statuses).toEqual({ all: 200, this: 200, other: 403, deny: 403 });
    });

    test("answers are kept for their time to live", async () => {
      await authorized("let n = 0; export const handler = async () => ({ isAuthorized: true, context: { n: ++n } });", {
        authorizerResultTtlInSeconds: 60,
      });
      const seen = async (value: string) => {
        const event = (await (await ask(value)).json()) as {
          requestContext: { authorizer: { lambda: { n: number } } };
        };
        return event.requestContext.authorizer.lambda.n;
      };
      expect([await seen("a"), await seen("a"), await seen("b"), await seen("a")]).toEqual([1, 1, 2, 1]);
    });
  });

  test.each<[string, string, Record<string, unknown>]>([
    ["api:Api", "WEBSOCKET", { protocolType: "WEBSOCKET" }],
    [
      "integration:Integration",
      "HTTP_PROXY",
      { apiId: "x", integrationType: "HTTP_PROXY", integrationUri: "http://x" },
    ],
    [
      "integration:Integration",
      "Kinesis-PutRecord",
      { apiId: "x", integrationType: "AWS_PROXY", integrationSubtype: "Kinesis-PutRecord" },
    ],
    ["route:Route", "JWT", { apiId: "x", routeKey: "GET /", target: "integrations/y", authorizationType: "JWT" }],
    [
      "route:Route",
      "AWS_IAM",
      { apiId: "x", routeKey: "GET /", target: "integrations/y", authorizationType: "AWS_IAM" },
    ],
    ["authorizer:Authorizer", "JWT", { apiId: "x", authorizerType: "JWT" }],
  ])("%s: %s does not work here and says so", async (kind, text, inputs) => {
    await expect(bench.create(`aws:apigatewayv2/${kind}`, "x", inputs)).rejects.toThrow(
      new RegExp(`NotSupportedLocally.*${text}`),
    );
  });

  test("the port and the URL stay the same over a restart", async () => {
    await makeApi();
    await route("GET /", echo);
    const before = String(api.outputs.apiEndpoint);
    await bench.restart();
    expect(api.outputs).toMatchObject({
      apiEndpoint: before,
      executionArn: `arn:aws:execute-api:us-east-1:000000000000:${api.id}`,
    });
    expect((await get("/")).status).toBe(200);
  });

  test("a route that is not back yet after a restart is no 404: a client would give up", async () => {
    await makeApi();
    bench.kernel.restoring = true;
    expect((await get("/")).status).toBe(503);
    await route("GET /", echo);
    bench.kernel.restoring = false;
    expect((await get("/")).status).toBe(200);
    expect((await get("/none")).status).toBe(404);
  });

  test("thousands of small requests a second", async () => {
    await makeApi();
    await route("POST /v1/track", 'export const handler = async () => ({ statusCode: 200, body: "{}" });');
    const agent = new Agent({ keepAlive: true, maxSockets: 32 });
    const body = JSON.stringify({ type: "track", event: "x".repeat(200) });
    const one = () =>
      new Promise<void>((resolve, reject) => {
        const headers = { "content-type": "application/json", "content-length": body.length };
        const request = httpRequest(url("/v1/track"), { agent, method: "POST", headers }, (response) => {
          response.resume();
          response.on("end", () =>
            response.statusCode === 200 ? resolve() : reject(new Error(String(response.statusCode))),
          );
        });
        request.on("error", reject);
        request.end(body);
      });
    const run = async (count: number) => {
      let next = 0;
      await Promise.all(
        Array.from({ length: 32 }, async () => {
          while (next++ < count) await one();
        }),
      );
    };
    await run(500);
    const start = performance.now();
    await run(4000);
    agent.destroy();
    const perSecond = Math.round(4000 / ((performance.now() - start) / 1000));
    // The client runs in this process, too, and takes the larger part.
    process.stdout.write(`gateway and function: ${perSecond} requests/s\n`);
    expect(perSecond).toBeGreaterThan(300);
  }, 30_000);
});

/** Ports that nobody had a moment ago. */
async function freePorts(count: number): Promise<[number, ...number[]]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, ...number[]];
}

describe("ports", () => {
  test("an API that moves to another port is known by its new URL", async () => {
    bench = new Bench([installLambda, installGateway]);
    await makeApi();
    await route("GET /", "export const handler = async () => 1;");
    const [free] = await freePorts(1);
    await bench.restart({ port: free - 1 });
    const now = bench.kernel.resources.get(api.urn);
    expect(now?.outputs.apiEndpoint).toBe(`http://127.0.0.1:${free}`);
    const stage = [...bench.kernel.resources.values()].find(({ type }) => type.endsWith(":Stage"));
    expect(stage?.outputs.invokeUrl).toBe(`http://127.0.0.1:${free}/`);
    expect((await fetch(`http://127.0.0.1:${free}/`)).status).toBe(200);
    await bench.close();
  });

  test("APIs follow the base port; one in use is named, with the remedy", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as AddressInfo;
    const taken = new Bench([installLambda, installGateway], { port: port - 1 });
    try {
      await expect(taken.create("aws:apigatewayv2/api:Api", "first", { protocolType: "HTTP" })).rejects.toThrow(
        new RegExp(`Port ${port}, which the HTTP API "first" listens on, is in use[^]*--port`),
      );
      await new Promise((resolve) => blocker.close(resolve));
      const made = await taken.create("aws:apigatewayv2/api:Api", "first", { protocolType: "HTTP" });
      expect(made.outputs.apiEndpoint).toBe(`http://127.0.0.1:${port}`);
    } finally {
      await taken.close();
      blocker.close();
    }
  });
});
