import { autoName, type Registered } from "../../kernel";

/** Readers of values that come from a resource's inputs or outputs, where anything may stand. */

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

export function records(value: unknown): Record<string, unknown>[] {
  return list(value).filter(isRecord);
}

export function texts(value: unknown): string[] {
  return list(value).filter((entry): entry is string => typeof entry === "string");
}

/** The `tags` and `tagsAll` of a resource's outputs. */
export function tagOutputs(inputs: Record<string, unknown>): { tagsAll: Record<string, unknown> } {
  return { tagsAll: { ...(isRecord(inputs.tags) ? inputs.tags : {}) } };
}

/** A given name, the one that the resource already has, or one made from `namePrefix` or the logical name. */
export function physicalName(
  { urn, name, inputs }: Registered,
  previous: { readonly outputs: Record<string, unknown> } | undefined,
  maxLength = 64,
): string {
  const base = (text(inputs.namePrefix) ?? name).replace(/-$/, "");
  return text(inputs.name) ?? text(previous?.outputs.name) ?? autoName(urn, base, maxLength);
}
