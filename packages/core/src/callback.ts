import { isBuiltin } from "node:module";
import { inspect, promisify, types } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { bundleCommonJs } from "./esbuild";

/**
 * A user's code: a TypeScript function (its closure is serialised with it, Outputs as their values), or a module that
 * exports one (bundled with what it imports; it captures nothing).
 * `F` may be any function type; `export` is `default` where left out.
 */
export type Callback<F> = F | { readonly module: string; readonly export?: string };

/**
 * The callback as a CommonJS asset whose `module.exports` is the function: a small file of its own beside the prebuilt
 * handler bundle.
 * @param name what errors call it: `onEvent`
 * @throws (rejecting) naming the callback and the captured variable where it cannot work in Lambda: what Pulumi cannot
 *   serialise, and what it serialises into something broken (Map, Set, Date, promisified functions…)
 */
export async function callbackAsset<F>(name: string, callback: Callback<F>): Promise<pulumi.asset.Asset> {
  return new pulumi.asset.StringAsset(await callbackText(name, callback));
}

/** The text of `callbackAsset`. */
export async function callbackText<F>(name: string, callback: Callback<F>): Promise<string> {
  if (typeof callback === "function") return closureText(name, callback as unknown as Callable);
  const given = callback as { readonly module?: unknown; readonly export?: string };
  if (typeof given !== "object" || given === null || typeof given.module !== "string") {
    throw new Error(
      `Callback "${name}" must be a function or { module: "<path>", export?: "<name>" }; got ${inspect(callback)}.`,
    );
  }
  return moduleText(name, given.module, given.export ?? "default");
}

type Callable = (...args: unknown[]) => unknown;

async function closureText(name: string, callback: Callable): Promise<string> {
  const refused: string[] = [];
  const inspectCaptured = (value: unknown): boolean => {
    const kind = brokenKind(value);
    if (kind !== undefined) refused.push(kind);
    return true;
  };
  let text: string;
  try {
    const serialized = await pulumi.runtime.serializeFunction(callback, {
      exportName: "handler",
      allowSecrets: false,
      serialize: inspectCaptured,
    });
    text = serialized.text;
  } catch (error) {
    throw refusal(name, refused, refused.includes(promisified) ? "" : messageOf(error));
  }
  if (refused.length > 0) throw refusal(name, refused, namesOfBroken(text));
  const source = `${text}\nmodule.exports = exports.handler;\n`;
  const needs = [...source.matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1] ?? "");
  return needs.every((module) => isBuiltin(module)) ? source : bundleCommonJs(`callback "${name}"`, source);
}

function moduleText(name: string, module: string, exported: string): Promise<string> {
  const member = exported === "default" ? "loaded.default ?? loaded" : `loaded[${JSON.stringify(exported)}]`;
  const missing = `Callback "${name}": ${module} has no function export "${exported}".`;
  return bundleCommonJs(
    `callback "${name}"`,
    [
      `const loaded = require(${JSON.stringify(module)});`,
      `const callback = ${member};`,
      `if (typeof callback !== "function") throw new Error(${JSON.stringify(missing)});`,
      "module.exports = callback;",
    ].join("\n"),
  );
}

const promisified = "a promisified function";
const promisifiedSource = String(promisify((done: () => void) => done()));

/** Kinds of value that serialise into an object whose methods throw when called. */
function brokenKind(value: unknown): string | undefined {
  if (typeof value === "function") {
    return String(value) === promisifiedSource ? promisified : undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (types.isMap(value)) return "a Map";
  if (types.isSet(value)) return "a Set";
  if (types.isDate(value)) return "a Date";
  if (types.isWeakMap(value)) return "a WeakMap";
  if (types.isWeakSet(value)) return "a WeakSet";
  if (types.isAnyArrayBuffer(value) || types.isArrayBufferView(value)) return "a Buffer or typed array";
  if (value instanceof URL || value instanceof URLSearchParams) return "a URL";
  return undefined;
}

/** Names of the captured variables, as the serialised text spells them: `__config_seen` is `config.seen`. */
function namesOfBroken(text: string): string {
  const pattern =
    /(?:Object\.defineProperty\((__\w+), |var (__\w+) = Object\.create\()[^\n]*global\.(?:Map|Set|Date|Weak\w+|Buffer|\w*Array\w*|URL\w*)\.prototype/g;
  const names = new Set(
    [...text.matchAll(pattern)].map((match) => (match[1] ?? match[2] ?? "").slice(2).replaceAll("_", ".")),
  );
  return names.size === 0 ? "" : `in ${[...names].join(", ")}`;
}

function refusal(name: string, refused: readonly string[], detail: string): Error {
  const kinds = [...new Set(refused)].join(", ");
  const what =
    refused.length === 0
      ? `Callback "${name}" captures something that cannot be serialised.`
      : `Callback "${name}" captures ${kinds}${detail.startsWith("in ") ? ` (${detail})` : ""}, which would arrive broken in Lambda.`;
  const remedy =
    "Make it inside the function, capture plain data instead (an object, an array, an ISO string), or give the callback as " +
    '{ module: require.resolve("./…") }.';
  return new Error([what, remedy, detail.startsWith("in ") ? "" : detail].filter((line) => line !== "").join("\n"));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
