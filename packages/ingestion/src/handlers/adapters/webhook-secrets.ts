import { GetSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { WebhookSecrets } from "../../domain/webhook/receive";

/** How long the values are used before they are read again. */
const keepMs = 5 * 60_000;
/** The least time between two readings that a wrong signature asks for: strangers must not run up calls. */
const freshMs = 10_000;

interface Held {
  readonly current: string;
  readonly previous: string | undefined;
  /** Epoch milliseconds: when the previous one is no longer good. */
  readonly previousUntil: number;
  readonly readAt: number;
}

/**
 * A signing secret and, for some hours after a rotation, the one before: Secrets Manager's versions `AWSCURRENT` and
 * `AWSPREVIOUS`, so that rotating is putting a new value, and deliveries signed with either are taken meanwhile.
 */
export function webhookSecrets(
  client: SecretsManagerClient,
  arn: string,
  previousHours: number,
  now: () => number = Date.now,
): WebhookSecrets {
  let held: Held | undefined;
  let reading: Promise<Held | undefined> | undefined;

  const version = async (stage: string) => {
    try {
      const { SecretString, CreatedDate } = await client.send(
        new GetSecretValueCommand({ SecretId: arn, VersionStage: stage }),
      );
      return SecretString ? { text: SecretString.trim(), createdAt: CreatedDate?.getTime() ?? 0 } : undefined;
    } catch (error) {
      // A secret without a value, or one that was never rotated.
      if (error instanceof Error && error.name === "ResourceNotFoundException") return undefined;
      throw error;
    }
  };

  const read = async (): Promise<Held | undefined> => {
    const [current, previous] = await Promise.all([version("AWSCURRENT"), version("AWSPREVIOUS")]);
    if (!current) return undefined;
    const previousUntil = current.createdAt + previousHours * 3_600_000;
    held = { current: current.text, previous: previous?.text, previousUntil, readAt: now() };
    return held;
  };

  return {
    async valid(fresh = false) {
      const age = now() - (held?.readAt ?? Number.NEGATIVE_INFINITY);
      if (age > (fresh ? freshMs : keepMs)) {
        reading ??= read().finally(() => {
          reading = undefined;
        });
        await reading;
      }
      if (!held) return [];
      const { current, previous, previousUntil } = held;
      return previous !== undefined && now() < previousUntil ? [current, previous] : [current];
    },
  };
}
