import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LocalRuntimeError } from "../kernel/errors";
import { type Project, readYaml } from "./project";
import type { ConfigValue } from "./run-types";
import { SecretReader } from "./secrets";
import { isObject } from "./wire";

const stackFileSchema = z
  .looseObject({
    config: z.record(z.string(), z.unknown()).nullish(),
    encryptionsalt: z.string().optional(),
    secretsprovider: z.string().optional(),
  })
  .nullish();

/** Configuration as the language host wants it: every value a string, `namespace:key`. */
export interface ResolvedConfig {
  readonly values: Record<string, string>;
  readonly secretKeys: string[];
}

type Value = { readonly text: string; readonly secret: boolean };

/**
 * The configuration of a stack: defaults of `Pulumi.yaml`, then `Pulumi.<stack>.yaml`, then the overrides.
 *
 * @param env for the passphrase of secrets
 */
export function resolveConfig(
  project: Project,
  stack: string,
  overrides: Readonly<Record<string, ConfigValue>>,
  env: Readonly<Record<string, string | undefined>>,
): ResolvedConfig {
  const values = new Map<string, Value>();
  const key = (name: string): string => (name.includes(":") ? name : `${project.name}:${name}`);
  for (const [name, declared] of Object.entries(project.config)) {
    const value = projectDefault(declared);
    if (value) values.set(key(name), value);
  }
  const overridden = new Set(Object.keys(overrides).map(key));
  for (const [name, raw] of Object.entries(stackConfig(project, stack))) {
    if (overridden.has(key(name))) continue;
    values.set(key(name), stackValue(key(name), raw.value, raw.reader));
  }
  for (const [name, value] of Object.entries(overrides)) {
    values.set(
      key(name),
      typeof value === "string" ? { text: value, secret: false } : { text: value.secret, secret: true },
    );
  }
  return {
    values: Object.fromEntries([...values].map(([name, { text }]) => [name, text])),
    secretKeys: [...values].filter(([, { secret }]) => secret).map(([name]) => name),
  };

  function stackConfig(from: Project, name: string): Record<string, { value: unknown; reader: SecretReader }> {
    const file = join(from.stackConfigDir, `Pulumi.${name}.yaml`);
    if (!existsSync(file)) return {};
    const parsed = stackFileSchema.safeParse(readYaml(file));
    if (!parsed.success) throw new LocalRuntimeError(`${file}: ${z.prettifyError(parsed.error)}`, "Mend the file.");
    const reader = new SecretReader(file, parsed.data ?? {}, env);
    return Object.fromEntries(
      Object.entries(parsed.data?.config ?? {}).map(([name, value]) => [name, { value, reader }]),
    );
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `key: value`, or `key: { type, default, secret }`, as `Pulumi.yaml` declares configuration. */
function projectDefault(declared: unknown): Value | undefined {
  if (!isObject(declared))
    return declared === null || declared === undefined ? undefined : { text: textOf(declared), secret: false };
  const value = declared.value ?? declared.default;
  return value === undefined ? undefined : { text: textOf(value), secret: declared.secret === true };
}

/** A value with `secure:` anywhere inside makes the whole key secret, as in Pulumi. */
function stackValue(key: string, value: unknown, reader: SecretReader): Value {
  let secret = false;
  const open = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(open);
    if (!isObject(part)) return part;
    if (typeof part.secure === "string" && Object.keys(part).length === 1) {
      secret = true;
      return reader.decrypt(key, part.secure);
    }
    return Object.fromEntries(Object.entries(part).map(([name, member]) => [name, open(member)]));
  };
  const text = textOf(open(value));
  return { text, secret };
}
