import { type KeySchema, sortable } from "../schema";
import { type AttributeValue, compareValues, refuse, typeOf } from "../values";
import type { Comparator, Condition, Operand } from "./ast";
import type { Bindings } from "./bind";
import { beginsWith, compare } from "./condition";

/** What a query wants of the sort key. */
export type SortCondition =
  | { readonly op: Exclude<Comparator, "<>">; readonly value: AttributeValue }
  | { readonly op: "between"; readonly low: AttributeValue; readonly high: AttributeValue }
  | { readonly op: "begins_with"; readonly value: AttributeValue };

export interface KeyCondition {
  readonly partition: AttributeValue;
  readonly sort?: SortCondition;
}

/** Reads a parsed key condition: the partition key by "=", and at most one condition on the sort key. */
export function keyCondition(condition: Condition, schema: KeySchema, bindings: Bindings): KeyCondition {
  let partition: AttributeValue | undefined;
  let sort: SortCondition | undefined;
  for (const part of conjuncts(condition)) {
    const { name, sort: wanted } = onKey(part, bindings);
    if (name === schema.hash.name) {
      if (wanted.op !== "=") throw refuse("Query key condition not supported");
      if (partition) throw refuse("KeyConditionExpressions must only contain one condition per key");
      partition = checkType(schema.hash, wanted.value);
    } else if (schema.range && name === schema.range.name) {
      if (sort) throw refuse("KeyConditionExpressions must only contain one condition per key");
      for (const value of wanted.op === "between" ? [wanted.low, wanted.high] : [wanted.value]) {
        checkType(schema.range, value);
      }
      sort = wanted;
    } else {
      throw refuse(
        `Query condition missed key schema element: ${partition ? (schema.range?.name ?? name) : schema.hash.name}`,
      );
    }
  }
  if (!partition) throw refuse(`Query condition missed key schema element: ${schema.hash.name}`);
  if (sort?.op === "between" && (compareValues(sort.low, sort.high) ?? 0) > 0) {
    throw refuse(
      "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound",
    );
  }
  return sort ? { partition, sort } : { partition };
}

function conjuncts(condition: Condition): Condition[] {
  if (condition.op === "and") return [...conjuncts(condition.left), ...conjuncts(condition.right)];
  if (condition.op === "or" || condition.op === "not") {
    throw refuse(`Invalid operator used in KeyConditionExpression: ${condition.op.toUpperCase()}`);
  }
  return [condition];
}

const mirrored: Record<Comparator, Comparator> = { "=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

function onKey(condition: Condition, bindings: Bindings): { name: string; sort: SortCondition } {
  switch (condition.op) {
    case "compare": {
      const flipped = condition.left.kind === "value";
      const [path, value] = flipped ? [condition.right, condition.left] : [condition.left, condition.right];
      const op = flipped ? mirrored[condition.by] : condition.by;
      if (op === "<>") throw refuse("Unsupported operator in KeyConditionExpression: <>");
      return { name: nameOf(path, bindings), sort: { op, value: literal(value, bindings) } };
    }
    case "between":
      return {
        name: nameOf(condition.of, bindings),
        sort: { op: "between", low: literal(condition.low, bindings), high: literal(condition.high, bindings) },
      };
    case "begins_with":
      return {
        name: nameOf(condition.of, bindings),
        sort: { op: "begins_with", value: literal(condition.what, bindings) },
      };
    default:
      throw refuse(`Invalid operator used in KeyConditionExpression: ${condition.op}`);
  }
}

function nameOf(operand: Operand, { names }: Bindings): string {
  const step = operand.kind === "path" && operand.path.length === 1 ? operand.path[0] : undefined;
  if (typeof step !== "string")
    throw refuse("Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes");
  return names[step] ?? step;
}

function literal(operand: Operand, { values }: Bindings): AttributeValue {
  const value = operand.kind === "value" ? values[operand.name] : undefined;
  if (!value)
    throw refuse("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition");
  return value;
}

function checkType(key: { name: string; type: string }, value: AttributeValue): AttributeValue {
  if (typeOf(value) === key.type) return value;
  throw refuse("One or more parameter values were invalid: Condition parameter type does not match schema type");
}

/** Whether a sort key meets the condition. */
export function meets(value: AttributeValue, condition: SortCondition): boolean {
  if (condition.op === "between") return compare(">=", value, condition.low) && compare("<=", value, condition.high);
  return condition.op === "begins_with"
    ? beginsWith(value, condition.value)
    : compare(condition.op, value, condition.value);
}

/** Sorts after every sort key, and as a further element after every key that begins the same. */
const end = "\uffff";

/**
 * Where to start reading a partition so that what meets the condition comes first: further elements of a store key,
 * and whether the key itself is left out.
 */
export function startOf(
  condition: SortCondition | undefined,
  reverse: boolean,
): { tail: string[]; exclusive: boolean } {
  const inclusive = (...tail: string[]) => ({ tail, exclusive: false });
  if (!condition) return reverse ? inclusive(end) : inclusive();
  switch (condition.op) {
    case "=":
      return reverse ? inclusive(sortable(condition.value), end) : inclusive(sortable(condition.value));
    case "<":
      return reverse ? { tail: [sortable(condition.value)], exclusive: true } : inclusive();
    case "<=":
      return reverse ? inclusive(sortable(condition.value), end) : inclusive();
    case ">":
      return reverse ? inclusive(end) : inclusive(sortable(condition.value), end);
    case ">=":
      return reverse ? inclusive(end) : inclusive(sortable(condition.value));
    case "between":
      return reverse ? inclusive(sortable(condition.high), end) : inclusive(sortable(condition.low));
    case "begins_with":
      return reverse ? inclusive(sortable(greatest(condition.value)), end) : inclusive(sortable(condition.value));
  }
}

/** The greatest possible sort key (of 1024 bytes) that begins with a prefix. */
function greatest(prefix: AttributeValue): AttributeValue {
  if (prefix.B) {
    const bytes = new Uint8Array(1024).fill(255);
    bytes.set(prefix.B.subarray(0, 1024));
    return { B: bytes };
  }
  const text = prefix.S ?? "";
  return { S: text + "\u{10ffff}".repeat(Math.max(0, Math.floor((1024 - Buffer.byteLength(text)) / 4))) };
}
