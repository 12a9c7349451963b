/**
 * Property values as they travel between a program and the engine, and as the state keeps them: JSON in which objects
 * with a signature stand for secrets, unknowns, assets, resources and outputs (`@pulumi/pulumi/runtime/rpc`).
 */
export type Wire = null | boolean | number | string | Wire[] | WireObject;
export interface WireObject {
  [key: string]: Wire;
}

const signatureKey = "4dabf18193072939515e22adb298388d";
const signatures = {
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
  secret: "1b47061264138c4ac30d75fd1eb44270",
  resource: "5cf8f73096256a8f31e491e813e4eb8e",
  output: "d0e6a833031e9bbcd3f4e8bde6ca49a4",
} as const;
export type Signature = keyof typeof signatures;

/** How an unknown value travels. */
export const unknownWire = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What an object with a signature stands for; undefined for plain values. Throws for a signature nobody knows. */
export function signatureOf(value: Wire | undefined): Signature | undefined {
  if (!isObject(value)) return undefined;
  const found = value[signatureKey];
  if (found === undefined) return undefined;
  for (const [name, signature] of Object.entries(signatures)) if (signature === found) return name as Signature;
  throw new Error(`a value of unknown kind (signature ${String(found)}) came from the program`);
}

export function signed(kind: Signature, members: WireObject): WireObject {
  return { [signatureKey]: signatures[kind], ...members };
}

export function secret(value: Wire): WireObject {
  return signatureOf(value) === "secret" ? (value as WireObject) : signed("secret", { value });
}

/** The value inside a secret (or the value itself). */
export function unwrapSecret(value: Wire): Wire {
  return signatureOf(value) === "secret" ? unwrapSecret((value as WireObject).value ?? null) : value;
}

/** Copies a value, giving each part to `visit` first: what it returns stands in the copy; undefined means "go on". */
export function rewrite(value: Wire, visit: (part: Wire) => Wire | undefined): Wire {
  const replaced = visit(value);
  if (replaced !== undefined) return replaced;
  if (Array.isArray(value)) return value.map((element) => rewrite(element, visit));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rewrite(member as Wire, visit)]));
}

/** Outputs that kept their wrapper (arguments of remote components) as plain, secret or unknown values. */
export function withoutOutputValues(value: Wire): Wire {
  return rewrite(value, (part) => {
    if (signatureOf(part) !== "output") return undefined;
    const { value: inner, secret: isSecret } = part as WireObject;
    const plain = inner === undefined ? unknownWire : withoutOutputValues(inner);
    return isSecret === true ? secret(plain) : plain;
  });
}

/** Whether any part of the value is unknown (only in a preview). */
export function hasUnknown(value: Wire): boolean {
  if (value === unknownWire) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  if (isObject(value)) return Object.values(value).some((member) => hasUnknown(member as Wire));
  return false;
}

/** Whether any part of the value is secret. */
export function hasSecret(value: Wire): boolean {
  if (signatureOf(value) === "secret") return true;
  if (Array.isArray(value)) return value.some(hasSecret);
  if (isObject(value)) return Object.values(value).some((member) => hasSecret(member as Wire));
  return false;
}

/** Paths of the secrets in a value: `["environment.variables.token"]`. */
export function secretPaths(value: Wire, path = ""): string[] {
  if (signatureOf(value) === "secret") return [path];
  if (Array.isArray(value)) return value.flatMap((element, index) => secretPaths(element, `${path}[${index}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => secretPaths(member as Wire, path ? `${path}.${key}` : key));
}
