import { type AttributeValue, compareValues, equalValues, type Item, refuse, setMembers, typeOf } from "../values";
import type { Comparator, Condition, Operand } from "./ast";
import { type Bindings, valueAt } from "./bind";

const types = new Set(["S", "SS", "N", "NS", "B", "BS", "BOOL", "NULL", "L", "M"]);

/** Whether a condition holds for an item; a missing item is an empty one. */
export function holds(condition: Condition, item: Item, bindings: Bindings): boolean {
  switch (condition.op) {
    case "and":
      return holds(condition.left, item, bindings) && holds(condition.right, item, bindings);
    case "or":
      return holds(condition.left, item, bindings) || holds(condition.right, item, bindings);
    case "not":
      return !holds(condition.of, item, bindings);
    case "attribute_exists":
      return valueAt(item, condition.path, bindings) !== undefined;
    case "attribute_not_exists":
      return valueAt(item, condition.path, bindings) === undefined;
    case "attribute_type": {
      const type = operandValue(condition.type, item, bindings)?.S ?? "";
      if (!types.has(type)) {
        throw refuse(
          `Invalid ConditionExpression: Invalid attribute type name found; type: ${type}, valid types: {${[...types].join(",")}}`,
        );
      }
      const value = valueAt(item, condition.path, bindings);
      return value !== undefined && typeOf(value) === type;
    }
    case "compare":
      return compare(
        condition.by,
        operandValue(condition.left, item, bindings),
        operandValue(condition.right, item, bindings),
      );
    case "between": {
      const value = operandValue(condition.of, item, bindings);
      const low = operandValue(condition.low, item, bindings);
      const high = operandValue(condition.high, item, bindings);
      return compare(">=", value, low) && compare("<=", value, high);
    }
    case "in": {
      const value = operandValue(condition.of, item, bindings);
      return condition.list.some((each) => compare("=", value, operandValue(each, item, bindings)));
    }
    case "begins_with":
      return beginsWith(operandValue(condition.of, item, bindings), operandValue(condition.what, item, bindings));
    case "contains":
      return contains(operandValue(condition.of, item, bindings), operandValue(condition.what, item, bindings));
  }
}

function operandValue(operand: Operand, item: Item, bindings: Bindings): AttributeValue | undefined {
  if (operand.kind === "value") return bindings.values[operand.name];
  const value = valueAt(item, operand.path, bindings);
  if (operand.kind === "path" || value === undefined) return value;
  const size = sizeOf(value);
  return size === undefined ? undefined : { N: String(size) };
}

/** `size(…)`: characters of a text, bytes of binary data, members of a set, list or map. */
function sizeOf(value: AttributeValue): number | undefined {
  if (value.S !== undefined) return value.S.length;
  if (value.B) return value.B.byteLength;
  const members = value.SS ?? value.NS ?? value.BS ?? value.L;
  if (members) return members.length;
  return value.M ? Object.keys(value.M).length : undefined;
}

export function compare(by: Comparator, a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  // A comparison with what is not there is false; only "<>" holds.
  if (a === undefined || b === undefined) return by === "<>" && (a !== undefined || b !== undefined);
  if (by === "=") return equalValues(a, b);
  if (by === "<>") return !equalValues(a, b);
  const order = compareValues(a, b);
  if (order === undefined) return false;
  if (by === "<") return order < 0;
  if (by === "<=") return order <= 0;
  return by === ">" ? order > 0 : order >= 0;
}

export function beginsWith(value: AttributeValue | undefined, prefix: AttributeValue | undefined): boolean {
  if (value?.S !== undefined && prefix?.S !== undefined) return value.S.startsWith(prefix.S);
  if (!value?.B || !prefix?.B) return false;
  return Buffer.compare(value.B.subarray(0, prefix.B.byteLength), prefix.B) === 0;
}

function contains(value: AttributeValue | undefined, what: AttributeValue | undefined): boolean {
  if (!value || !what) return false;
  if (value.S !== undefined) return what.S !== undefined && value.S.includes(what.S);
  if (value.B) return what.B !== undefined && Buffer.from(value.B).includes(Buffer.from(what.B));
  if (value.L) return value.L.some((each) => equalValues(each, what));
  if (value.SS) return what.S !== undefined && value.SS.includes(what.S);
  if (value.NS) return what.N !== undefined && value.NS.includes(what.N);
  if (value.BS && what.B) return setMembers(value).includes(Buffer.from(what.B).toString("base64"));
  return false;
}
