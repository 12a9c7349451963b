import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { secretsManager } from "@tributary/runtime";

/** How long a secret's value is used before it is read again: a rotation takes hold within this time. */
const keepMs = 5 * 60_000;

/** A reader of one secret's text, which asks Secrets Manager at most every five minutes. */
export function secret(arn: string, now: () => number = Date.now): () => Promise<string> {
  let kept: { readonly value: string; readonly until: number } | undefined;
  return async () => {
    if (kept && kept.until > now()) return kept.value;
    const { SecretString } = await secretsManager().send(new GetSecretValueCommand({ SecretId: arn }));
    if (!SecretString) throw new Error(`the secret ${arn} has no text`);
    kept = { value: SecretString, until: now() + keepMs };
    return SecretString;
  };
}
