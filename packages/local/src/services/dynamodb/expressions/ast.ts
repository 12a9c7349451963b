/** A document path: attribute names (or `#aliases`) and list indexes. */
export type RawPath = readonly (string | number)[];

export type Operand =
  | { readonly kind: "path"; readonly path: RawPath }
  | { readonly kind: "value"; readonly name: string }
  | { readonly kind: "size"; readonly path: RawPath };

export type Comparator = "=" | "<>" | "<" | "<=" | ">" | ">=";

export type Condition =
  | { readonly op: "and" | "or"; readonly left: Condition; readonly right: Condition }
  | { readonly op: "not"; readonly of: Condition }
  | { readonly op: "compare"; readonly by: Comparator; readonly left: Operand; readonly right: Operand }
  | { readonly op: "between"; readonly of: Operand; readonly low: Operand; readonly high: Operand }
  | { readonly op: "in"; readonly of: Operand; readonly list: readonly Operand[] }
  | { readonly op: "attribute_exists" | "attribute_not_exists"; readonly path: RawPath }
  | { readonly op: "attribute_type"; readonly path: RawPath; readonly type: Operand }
  | { readonly op: "begins_with" | "contains"; readonly of: Operand; readonly what: Operand };

export type SetValue =
  | Operand
  | { readonly kind: "plus" | "minus"; readonly left: SetValue; readonly right: SetValue }
  | { readonly kind: "if_not_exists"; readonly path: RawPath; readonly otherwise: SetValue }
  | { readonly kind: "list_append"; readonly first: SetValue; readonly second: SetValue };

export interface Update {
  readonly set: readonly { readonly path: RawPath; readonly value: SetValue }[];
  readonly remove: readonly RawPath[];
  readonly add: readonly { readonly path: RawPath; readonly value: string }[];
  readonly delete: readonly { readonly path: RawPath; readonly value: string }[];
}

/** A value whose type an operator or a function restricts, whatever the item holds. */
export interface TypeRule {
  readonly value: string;
  readonly where: string;
  readonly allowed: readonly string[];
}

/** An expression and the placeholders that it uses. */
export interface Parsed<T> {
  readonly ast: T;
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly rules: readonly TypeRule[];
}

/** In which parameter an expression stands, for error messages. */
export type ExpressionKind =
  | "ConditionExpression"
  | "FilterExpression"
  | "KeyConditionExpression"
  | "ProjectionExpression"
  | "UpdateExpression";
