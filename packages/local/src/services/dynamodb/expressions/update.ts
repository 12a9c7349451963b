import { addNumbers, subtractNumbers } from "../numbers";
import { type AttributeValue, type Item, member, put, refuse, setMembers, typeOf } from "../values";
import type { RawPath, SetValue, Update } from "./ast";
import { type Bindings, refuseOverlaps, resolvePath, valueAt } from "./bind";

const invalidPath = "The document path provided in the update expression is invalid for update";
const wrongOperand = "An operand in the update expression has an incorrect data type";

/** Every path that an update changes, resolved; refuses overlaps and key attributes. */
export function updatedPaths(update: Update, bindings: Bindings, keyNames: readonly string[]): RawPath[] {
  const paths = [
    ...update.set.map(({ path }) => path),
    ...update.remove,
    ...update.add.map(({ path }) => path),
    ...update.delete.map(({ path }) => path),
  ].map((path) => resolvePath(path, bindings));
  if (paths.length > 1) refuseOverlaps(paths, "UpdateExpression");
  for (const [name] of paths) {
    if (keyNames.includes(name as string)) {
      throw refuse(
        `One or more parameter values were invalid: Cannot update attribute ${name}. This attribute is part of the key`,
      );
    }
  }
  return paths;
}

/** The item after an update; `item` itself stays as it is. Every operand sees the item as it was before. */
export function applyUpdate(update: Update, item: Item, bindings: Bindings): Item {
  const writes: { path: RawPath; value: AttributeValue }[] = [];
  const removals = update.remove.map((path) => resolvePath(path, bindings));
  for (const { path, value } of update.set) {
    writes.push({ path: resolvePath(path, bindings), value: evaluate(value, item, bindings) });
  }
  for (const { path, value } of update.add) {
    const sum = add(valueAt(item, path, bindings), bindings.values[value] as AttributeValue);
    writes.push({ path: resolvePath(path, bindings), value: sum });
  }
  for (const { path, value } of update.delete) {
    const current = valueAt(item, path, bindings);
    if (current === undefined) continue;
    const left = subtractSet(current, bindings.values[value] as AttributeValue);
    if (left) writes.push({ path: resolvePath(path, bindings), value: left });
    else removals.push(resolvePath(path, bindings));
  }
  // Elements beyond a list's end are appended in the order of their indexes; removed ones go from the back, so that
  // each index means what it meant before the update.
  writes.sort((a, b) => lastIndex(a.path) - lastIndex(b.path));
  removals.sort((a, b) => lastIndex(b) - lastIndex(a));
  let result: Item = { ...item };
  for (const { path, value } of writes) result = write(result, path, value);
  for (const path of removals) result = remove(result, path);
  return result;
}

function lastIndex(path: RawPath): number {
  const last = path[path.length - 1];
  return typeof last === "number" ? last : -1;
}

function evaluate(value: SetValue, item: Item, bindings: Bindings): AttributeValue {
  switch (value.kind) {
    case "value":
      return bindings.values[value.name] as AttributeValue;
    case "path": {
      const found = valueAt(item, value.path, bindings);
      if (!found) throw refuse("The provided expression refers to an attribute that does not exist in the item");
      return found;
    }
    case "if_not_exists":
      return valueAt(item, value.path, bindings) ?? evaluate(value.otherwise, item, bindings);
    case "list_append": {
      const first = evaluate(value.first, item, bindings).L;
      const second = evaluate(value.second, item, bindings).L;
      if (!first || !second) throw refuse(wrongOperand);
      return { L: [...first, ...second] };
    }
    case "plus":
    case "minus": {
      const left = evaluate(value.left, item, bindings).N;
      const right = evaluate(value.right, item, bindings).N;
      if (left === undefined || right === undefined) throw refuse(wrongOperand);
      return { N: value.kind === "plus" ? addNumbers(left, right) : subtractNumbers(left, right) };
    }
    case "size":
      throw refuse("Invalid UpdateExpression: The function is not allowed in an update expression; function: size");
  }
}

/** `ADD`: adds a number, or members to a set; onto nothing it sets. */
function add(current: AttributeValue | undefined, value: AttributeValue): AttributeValue {
  if (current === undefined) return value;
  if (current.N !== undefined && value.N !== undefined) return { N: addNumbers(current.N, value.N) };
  const type = typeOf(value);
  if (type !== typeOf(current)) throw refuse(wrongOperand);
  const known = new Set(setMembers(current));
  const identities = setMembers(value);
  const added = (value[type] as unknown[]).filter((_, at) => !known.has(identities[at] ?? ""));
  return { [type]: [...(current[type] as unknown[]), ...added] };
}

/** `DELETE`: takes members out of a set; undefined where none are left. */
function subtractSet(current: AttributeValue, value: AttributeValue): AttributeValue | undefined {
  const type = typeOf(value);
  if (type !== typeOf(current)) throw refuse(wrongOperand);
  const gone = new Set(setMembers(value));
  const identities = setMembers(current);
  const left = (current[type] as unknown[]).filter((_, at) => !gone.has(identities[at] ?? ""));
  return left.length > 0 ? { [type]: left } : undefined;
}

/** A copy of the item with the value at the path; copies only the containers on the way. */
function write(item: Item, path: RawPath, value: AttributeValue): Item {
  return change({ M: item }, path, 0, (container, step) => {
    if (typeof step === "number") {
      const list = [...(container.L as AttributeValue[])];
      list[Math.min(step, list.length)] = value;
      return { L: list };
    }
    const map = { ...(container.M as Item) };
    put(map, step, value);
    return { M: map };
  }).M as Item;
}

/** A copy of the item without what is at the path; what is not there is no error, its missing parent is. */
function remove(item: Item, path: RawPath): Item {
  return change({ M: item }, path, 0, (container, step) => {
    if (typeof step === "number") return { L: (container.L as AttributeValue[]).filter((_, at) => at !== step) };
    const { [step]: _, ...rest } = container.M as Item;
    return { M: rest };
  }).M as Item;
}

function change(
  container: AttributeValue,
  path: RawPath,
  depth: number,
  last: (container: AttributeValue, step: string | number) => AttributeValue,
): AttributeValue {
  const step = path[depth] as string | number;
  const fits = typeof step === "number" ? container.L !== undefined : container.M !== undefined;
  if (!fits) throw refuse(invalidPath);
  if (depth === path.length - 1) return last(container, step);
  const child =
    typeof step === "number" ? container.L?.[step] : container.M === undefined ? undefined : member(container.M, step);
  if (child === undefined) throw refuse(invalidPath);
  const changed = change(child, path, depth + 1, last);
  if (typeof step === "number") {
    const list = [...(container.L as AttributeValue[])];
    list[step] = changed;
    return { L: list };
  }
  const map = { ...(container.M as Item) };
  put(map, step, changed);
  return { M: map };
}
