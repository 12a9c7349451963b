import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { loadCallback, logger, secretsManager } from "@tributary/runtime";
import type { Context } from "aws-lambda";
import { type ConnectorDefinition, connectorFile } from "../connector/definition";
import { ConnectorFailure } from "../domain/connector/failure";
import { handleConnectorRequest } from "../domain/connector/handle";

const log = logger("connector");
const definition = loadCallback<() => ConnectorDefinition>(connectorFile)?.();
const secrets = new Map<string, { readonly text: string; readonly until: number }>();
const keepMs = 60_000;

async function secret(arn: string, fresh: boolean): Promise<string> {
  const kept = secrets.get(arn);
  if (kept && !fresh && kept.until > Date.now()) return kept.text;
  try {
    const { SecretString } = await secretsManager().send(new GetSecretValueCommand({ SecretId: arn }));
    if (!SecretString) throw new ConnectorFailure("InvalidCredentials", "the connection's secret has no text");
    secrets.set(arn, { text: SecretString, until: Date.now() + keepMs });
    return SecretString;
  } catch (error) {
    if (error instanceof ConnectorFailure) throw error;
    const { name } = error as { name?: string };
    const code =
      name === "ResourceNotFoundException"
        ? "ResourceNotFoundError"
        : name?.startsWith("AccessDenied")
          ? "AccessDenied"
          : "ServiceUnavailable";
    throw new ConnectorFailure(code, `the connection's secret cannot be read: ${name}`);
  }
}

/** A custom AppFlow connector: the whole contract, from the definition that the program gave. */
export async function handler(event: unknown, context: Context): Promise<Record<string, unknown>> {
  if (!definition) throw new Error(`${connectorFile} is missing from the function's archive: deploy the stack again`);
  return await handleConnectorRequest(
    event,
    definition,
    {
      fetch,
      secret,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      now: Date.now,
      random: Math.random,
      remaining: () => context.getRemainingTimeInMillis(),
    },
    (type, { code, message }) => log.warn("request failed", { type, code, message }),
  );
}
