import type { Json } from "@tributary/model";
import { intrinsicFailure as failure, intrinsicFunctions } from "./intrinsic-functions";
import { get, type Scope } from "./paths";

/** Evaluates `States.Format('…', $.a)`, arguments being paths, literals and calls. */
export function evaluateIntrinsic(source: string, scope: Scope): Json {
  let at = 0;
  const fail = (wanted: string) => failure(`${source}: expected ${wanted} at position ${at}`);
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(source)?.[0];
    if (match !== undefined) at += match.length;
    return match;
  };
  const skip = () => take(tokens.space);
  const call = (): Json => {
    const name = take(tokens.name) ?? "";
    const known = intrinsicFunctions[name];
    if (!known) throw failure(`${name || source} is not an intrinsic function`);
    const args: Json[] = [];
    if (take(tokens.open) === undefined) throw fail("(");
    for (skip(); take(tokens.close) === undefined; skip()) {
      if (args.length > 0 && take(tokens.comma) === undefined) throw fail(", or )");
      // Format reads the escapes of its template itself: in it, \{\} is not {}.
      args.push(argument(name === "States.Format" && args.length === 0));
      skip();
      if (at >= source.length) throw fail(")");
    }
    const [fewest, most] = known.takes;
    if (args.length < fewest || args.length > most)
      throw failure(`${name} takes ${fewest === most ? fewest : `${fewest} to ${most}`} arguments, not ${args.length}`);
    return known.run(args, name);
  };
  const argument = (raw: boolean): Json => {
    skip();
    if (source.startsWith("States.", at)) return call();
    const quoted = take(tokens.text)?.slice(1, -1);
    if (quoted !== undefined) return raw ? quoted : plainText(quoted, source);
    const literal = take(tokens.literal);
    if (literal !== undefined) return JSON.parse(literal) as Json;
    const path = take(tokens.path);
    if (path === undefined) throw fail("an argument");
    return get(path, scope);
  };
  const value = call();
  skip();
  if (at < source.length) throw fail("the end");
  return value;
}

const tokens = {
  space: /\s*/y,
  name: /States\.\w+/y,
  open: /\(/y,
  close: /\)/y,
  comma: /,/y,
  text: /'(?:[^'\\]|\\.)*'/y,
  literal: /-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null/y,
  path: /\$(?:[^,()[\]\s]|\[(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\]'"])*\])*/y,
};

/** `\'`, `\{`, `\}` and `\\` are the characters; any other backslash is an error. */
const plainText = (text: string, source: string): string =>
  text.replace(/\\([{}\\'])|\\/g, (_, escaped?: string) => {
    if (escaped === undefined) throw failure(`${source}: a backslash must be escaped by another`);
    return escaped;
  });
