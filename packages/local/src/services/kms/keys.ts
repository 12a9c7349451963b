import { AwsError, arn, type Kernel } from "../../kernel";
import { derived, perKernel, text } from "../support";

export interface KeyEntry {
  readonly arn: string;
  readonly keyId: string;
  readonly description: string;
  readonly enabled: boolean;
}

interface KeyIndex {
  readonly keys: ReadonlyMap<string, KeyEntry>;
  /** Alias name to key ARN. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** The stack's keys and aliases. */
export const keyIndex = perKernel((kernel: Kernel) =>
  derived(kernel, (resources): KeyIndex => {
    const keys = new Map<string, KeyEntry>();
    const aliases = new Map<string, string>();
    for (const { type, inputs, outputs } of resources) {
      if (type === "aws:kms/key:Key") {
        const entry = {
          arn: String(outputs.arn),
          keyId: String(outputs.keyId),
          description: text(inputs.description) ?? "",
          enabled: inputs.isEnabled !== false,
        };
        keys.set(entry.arn, entry);
        keys.set(entry.keyId, entry);
      } else if (type === "aws:kms/alias:Alias") {
        aliases.set(String(outputs.name), String(outputs.targetKeyArn));
      }
    }
    return { keys, aliases };
  }),
);

/** The key that an id, an ARN or an alias names. @throws AwsError `NotFoundException` */
export function requireKey(kernel: Kernel, name: string): KeyEntry {
  const { keys, aliases } = keyIndex(kernel)();
  const alias = /(?:^|:)(alias\/.+)$/.exec(name)?.[1];
  const found = keys.get(alias ? (aliases.get(alias) ?? "") : name);
  if (found) return found;
  const shown = name.startsWith("arn:") ? name : arn(kernel.place, "kms", alias ?? `key/${name}`);
  throw new AwsError("NotFoundException", `${alias ? "Alias" : "Key"} '${shown}' does not exist`);
}
