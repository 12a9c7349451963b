import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import * as pulumi from "@pulumi/pulumi";
import { runStack } from "@tributary/testing";
import { z } from "zod";
import { callbackText, publish, readContract } from "../src";
import { checkContract, fillContract } from "../src/contract";
import { bundle, functionOf } from "./support";

describe("callbacks", () => {
  /** What Lambda would load. */
  const load = <F>(text: string): F => {
    const module = { exports: {} as unknown };
    new Function("module", "exports", "require", text)(module, module.exports, createRequire(__filename));
    return module.exports as F;
  };

  it("embeds a closure with what it captures", async () => {
    const limits = { most: 3, names: ["a", "b"] };
    const shout = (text: string) => text.toUpperCase();
    const text = await callbackText("onEvent", (value: string) => [shout(value), limits.most, limits.names[1]]);
    expect(load<(value: string) => unknown>(text)("x")).toEqual(["X", 3, "b"]);
  });

  it("embeds the values of Outputs", async () => {
    const output = pulumi.output("https://example.com");
    const text = await callbackText("map", () => output.get());
    expect(load<() => string>(text)()).toBe("https://example.com");
  });

  it("keeps built-in modules as imports", async () => {
    const text = await callbackText("map", (value: string) => path.basename(value));
    expect(load<(value: string) => string>(text)("/a/b.txt")).toBe("b.txt");
  });

  it("embeds a module by its path", async () => {
    const file = path.join(bundle, "callback.ts");
    writeFileSync(
      file,
      "export const map = (n: number): number => n * 2;\nexport default (n: number): number => n + 1;\n",
    );
    expect(load<(n: number) => number>(await callbackText("map", { module: file, export: "map" }))(4)).toBe(8);
    expect(load<(n: number) => number>(await callbackText("map", { module: file }))(4)).toBe(5);
    await expect(callbackText("map", { module: path.join(bundle, "absent") })).rejects.toThrow(
      /callback "map" cannot be bundled/,
    );
    const wrong = await callbackText("map", { module: file, export: "nope" });
    expect(() => load(wrong)).toThrow(/has no function export "nope"/);
  });

  const seen = new Map([["a", 1]]);
  const known = { ids: new Set(["a"]) };
  const since = new Date(0);
  const gzip = promisify(zlib.gzip);
  const bytes = Buffer.from("x");
  const cases: [string, (...args: never[]) => unknown, RegExp][] = [
    ["a Map", (id: string) => seen.get(id), /Callback "onEvent" captures a Map \(in seen\)/],
    ["a Set in an object", (id: string) => known.ids.has(id), /captures a Set \(in known\.ids\)/],
    ["a Date", () => since.getTime(), /captures a Date \(in since\)/],
    ["a promisified function", async (text: string) => await gzip(text), /captures a promisified function/],
    ["a Buffer", () => bytes.length, /captures a Buffer or typed array/],
    ["a native function", JSON.parse as never, /Callback "onEvent" captures something that cannot be serialised/],
  ];
  it.each(cases)("refuses %s by name", async (_what, callback, message) => {
    await expect(callbackText("onEvent", callback)).rejects.toThrow(message);
    await expect(callbackText("onEvent", callback)).rejects.toThrow(/Make it inside the function/);
  });

  it("refuses what is no callback", async () => {
    await expect(callbackText("onEvent", 5 as never)).rejects.toThrow(
      'Callback "onEvent" must be a function or { module',
    );
  });

  it("fails the program, not the function in Lambda", async () => {
    const program = path.join(__dirname, "fixtures", "broken-callback.js");
    await expect(runStack(program)).rejects.toThrow(/Callback "onEvent" captures a Map \(in seen\)/);
  });

  it("lies in the archive beside the bundle and the configuration", async () => {
    const run = await runStack(
      () =>
        void functionOf("f", { callbacks: { "map.cjs": (n: number) => n + 1 }, config: { depth: pulumi.output(3) } }),
    );
    const code = run.graph.find("aws:lambda/function:Function", "f").inputs.code as { path: string };
    expect(load<(n: number) => number>(readFileSync(path.join(code.path, "map.cjs"), "utf8"))(1)).toBe(2);
    expect(readFileSync(path.join(code.path, "config.json"), "utf8")).toBe('{"depth":3}');
  });
});

describe("contracts", () => {
  const schema = z.object({
    contract: z.literal("test.thing"),
    version: z.literal(2),
    urls: z.object({ api: z.string() }),
  });
  const reading = (outputs: Record<string, unknown>) =>
    runStack(() => ({ read: readContract(schema, new pulumi.StackReference("organization/cdp/prod"), "thing") }), {
      references: { "cdp/prod": outputs },
    });

  it("publishes what it can read", async () => {
    const published = await runStack(() => ({ thing: publish(schema, { urls: { api: pulumi.output("https://a") } }) }));
    expect(published.outputs.thing).toEqual({ contract: "test.thing", version: 2, urls: { api: "https://a" } });
    expect((await reading(published.outputs)).outputs.read).toEqual(published.outputs.thing);
  });

  const faults: [string, Record<string, unknown>, RegExp][] = [
    ["a missing output", {}, /Stack "organization\/cdp\/prod", output "thing": there is no such output/],
    ["something else", { thing: "x" }, /not a contract/],
    [
      "an older version",
      { thing: { contract: "test.thing", version: 1 } },
      /holds test\.thing version 1, and test\.thing version 2 is needed\. Update the producing stack/,
    ],
    ["a newer version", { thing: { contract: "test.thing", version: 3 } }, /Update this program's packages/],
    [
      "a missing field",
      { thing: { contract: "test.thing", version: 2, urls: {} } },
      /is not complete:[\s\S]*urls\.api/,
    ],
  ];
  it.each(faults)("names the producing stack for %s", (_what, outputs, message) => {
    expect(() => checkContract(schema, outputs.thing, "organization/cdp/prod", "thing")).toThrow(message);
  });

  it("does not publish what nobody could read", () => {
    expect(() => fillContract(schema, { urls: { api: 5 } })).toThrow(
      /Cannot publish test\.thing version 2:[\s\S]*urls\.api/,
    );
  });
});
