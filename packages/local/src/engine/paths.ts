import { isObject, signatureOf, type Wire, type WireObject } from "./wire";

type Segment = string | number | "*";

/** `tags.owner`, `rules[0].name`, `rules[*]`, `["a.b"].c` as segments; `*` stands for every element or member. */
export function parsePath(path: string): Segment[] {
  const segments: Segment[] = [];
  for (const match of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g)) {
    const [, quoted, index, name] = match;
    if (quoted !== undefined) segments.push(quoted.replaceAll('\\"', '"'));
    else if (index !== undefined) segments.push(index === "*" ? "*" : Number(index));
    else if (name !== undefined) segments.push(name);
  }
  return segments;
}

/** Puts the old value back at each path of `ignoreChanges` (removing it where there was none). */
export function ignoreChanges(inputs: WireObject, old: WireObject, paths: readonly string[]): WireObject {
  let result: Wire = inputs;
  for (const path of paths) result = restore(result, old, parsePath(path));
  return result as WireObject;
}

function restore(current: Wire, old: Wire | undefined, segments: readonly Segment[]): Wire {
  const [head, ...rest] = segments;
  if (head === undefined) return old === undefined ? current : old;
  if (signatureOf(current) === "secret") {
    const wrapped = current as WireObject;
    const inner = signatureOf(old) === "secret" ? (old as WireObject).value : old;
    return { ...wrapped, value: restore(wrapped.value ?? null, inner, segments) };
  }
  if (Array.isArray(current)) {
    const before = Array.isArray(old) ? old : [];
    return current.map((element, index) =>
      head === "*" || head === index ? restore(element, before[index], rest) : element,
    );
  }
  if (!isObject(current)) return current;
  const before: WireObject = isObject(old) ? (old as WireObject) : {};
  const result: WireObject = { ...(current as WireObject) };
  const keys = head === "*" ? new Set([...Object.keys(result), ...Object.keys(before)]) : [String(head)];
  for (const key of keys) {
    const was = before[key];
    if (rest.length === 0) {
      if (was === undefined) delete result[key];
      else result[key] = was;
    } else if (result[key] !== undefined) {
      result[key] = restore(result[key], was, rest);
    }
  }
  return result;
}

/** Whether a changed path lies at, under or above a pattern: `a.b` matches a change of `a`, `a.b` and `a.b.c`. */
export function pathMatches(pattern: string, changed: string): boolean {
  const want = parsePath(pattern);
  const have = parsePath(changed);
  return want
    .slice(0, have.length)
    .every((segment, index) => segment === "*" || String(segment) === String(have[index]));
}
