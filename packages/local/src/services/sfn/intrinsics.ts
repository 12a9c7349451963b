import { createHash, randomInt, randomUUID } from "node:crypto";
import type { Json } from "@tributary/model";
import { isRecord } from "../support";
import { get, type Scope } from "./paths";
import { StateError } from "./state-error";

const failure = (cause: string) => new StateError("States.IntrinsicFailure", cause);

const array = (value: Json | undefined, name: string): Json[] => {
  if (Array.isArray(value)) return value;
  throw failure(`${name} wants an array, not ${JSON.stringify(value)}`);
};
const text = (value: Json | undefined, name: string): string => {
  if (typeof value === "string") return value;
  throw failure(`${name} wants a string, not ${JSON.stringify(value)}`);
};
const integer = (value: Json | undefined, name: string): number => {
  if (typeof value === "number") return Math.round(value);
  throw failure(`${name} wants a number, not ${JSON.stringify(value)}`);
};
const equal = (a: Json, b: Json) => JSON.stringify(a) === JSON.stringify(b);
const hashes: Readonly<Record<string, string>> = {
  MD5: "md5",
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};

/** The intrinsic functions of the Amazon States Language (JSONPath). */
const functions: Readonly<Record<string, (args: Json[], name: string) => Json>> = {
  "States.Format": ([template, ...args], name) => {
    let next = 0;
    const result = text(template, name).replace(/\\([{}\\'])|\{\}/g, (_, escaped?: string) => {
      if (escaped !== undefined) return escaped;
      const value = args[next++];
      if (value === undefined) throw failure(`${name} has more {} than arguments`);
      return typeof value === "string" ? value : JSON.stringify(value);
    });
    if (next < args.length) throw failure(`${name} has more arguments than {}`);
    return result;
  },
  "States.StringToJson": ([value], name) => {
    try {
      return JSON.parse(text(value, name)) as Json;
    } catch (error) {
      throw failure(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  },
  "States.JsonToString": ([value]) => JSON.stringify(value),
  "States.Array": (args) => args,
  "States.ArrayPartition": ([items, size], name) => {
    const [all, by] = [array(items, name), integer(size, name)];
    if (by < 1) throw failure(`${name} wants a positive size`);
    return Array.from({ length: Math.ceil(all.length / by) }, (_, index) => all.slice(index * by, (index + 1) * by));
  },
  "States.ArrayContains": ([items, wanted = null], name) => array(items, name).some((item) => equal(item, wanted)),
  "States.ArrayRange": ([first, last, by], name) => {
    const [from, to, stride] = [integer(first, name), integer(last, name), integer(by, name)];
    const length = stride === 0 ? 0 : Math.floor((to - from) / stride) + 1;
    if (stride === 0 || length > 1000) throw failure(`${name} gives at most 1000 elements and no step of 0`);
    return Array.from({ length: Math.max(length, 0) }, (_, index) => from + index * stride);
  },
  "States.ArrayGetItem": ([items, index], name) => {
    const item = array(items, name)[integer(index, name)];
    if (item === undefined) throw failure(`${name}: there is no item ${JSON.stringify(index)}`);
    return item;
  },
  "States.ArrayLength": ([items], name) => array(items, name).length,
  "States.ArrayUnique": ([items], name) => {
    const all = array(items, name);
    return all.filter((item, index) => all.findIndex((other) => equal(other, item)) === index);
  },
  "States.Base64Encode": ([value], name) => Buffer.from(text(value, name), "utf8").toString("base64"),
  "States.Base64Decode": ([value], name) => Buffer.from(text(value, name), "base64").toString("utf8"),
  "States.Hash": ([value, algorithm], name) => {
    const hash = hashes[text(algorithm, name)];
    if (hash === undefined)
      throw failure(`${name}: ${JSON.stringify(algorithm)} is none of ${Object.keys(hashes).join(", ")}`);
    return createHash(hash)
      .update(typeof value === "string" ? value : JSON.stringify(value))
      .digest("hex");
  },
  "States.JsonMerge": ([left, right, deep], name) => {
    if (deep !== false) throw failure(`${name} merges shallowly: its third argument must be false`);
    if (!isRecord(left) || !isRecord(right)) throw failure(`${name} wants two objects`);
    return { ...left, ...right } as { [key: string]: Json };
  },
  "States.MathRandom": ([from, to, seed], name) => {
    const [low, high] = [integer(from, name), integer(to, name)];
    if (high <= low) throw failure(`${name} wants a start below its end`);
    if (seed === undefined) return randomInt(low, high);
    const drawn = createHash("sha256")
      .update(String(integer(seed, name)))
      .digest()
      .readUInt32BE();
    return low + (drawn % (high - low));
  },
  "States.MathAdd": ([a, b], name) => integer(a, name) + integer(b, name),
  "States.StringSplit": ([value, separators], name) => {
    const characters = new Set(text(separators, name));
    const parts: string[] = [""];
    for (const character of text(value, name)) {
      if (characters.has(character)) parts.push("");
      else parts[parts.length - 1] += character;
    }
    return parts.filter((part) => part !== "");
  },
  "States.UUID": () => randomUUID(),
};

/** Evaluates `States.Format('…', $.a)`, arguments being paths, literals and calls. */
export function evaluateIntrinsic(source: string, scope: Scope): Json {
  let at = 0;
  const fail = (wanted: string) => failure(`${source}: expected ${wanted} at position ${at}`);
  const skip = () => {
    while (source[at] === " ") at++;
  };
  const take = (pattern: RegExp): string | undefined => {
    const sticky = new RegExp(pattern.source, "y");
    sticky.lastIndex = at;
    const match = sticky.exec(source)?.[0];
    if (match !== undefined) at += match.length;
    return match;
  };
  const call = (): Json => {
    const name = take(/States\.\w+/) ?? "";
    const run = functions[name];
    if (!run) throw failure(`${name || source} is not an intrinsic function`);
    skip();
    if (take(/\(/) === undefined) throw fail("(");
    const args: Json[] = [];
    skip();
    while (take(/\)/) === undefined) {
      if (args.length > 0 && take(/,/) === undefined) throw fail(", or )");
      args.push(argument());
      skip();
      if (at >= source.length) throw fail(")");
    }
    return run(args, name);
  };
  const argument = (): Json => {
    skip();
    if (source.startsWith("States.", at)) return call();
    const quoted = take(/'(?:[^'\\]|\\.)*'/);
    // Format keeps its own escapes (\{ and \}); all others lose them here.
    if (quoted !== undefined) return quoted.slice(1, -1).replace(/\\'/g, "'");
    const literal = take(/-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null/);
    if (literal !== undefined) return JSON.parse(literal) as Json;
    const path = take(/\$(?:[^,()[\]\s]|\[[^\]]*\])*/);
    if (path === undefined) throw fail("an argument");
    return get(path, scope);
  };
  const value = call();
  skip();
  if (at < source.length) throw fail("the end");
  return value;
}
