import type { RuntimeHandle } from "@tributary/local";
import type { Explanation, PlatformContract } from "@tributary/model";
import { CommandError, UsageError } from "./errors";

async function token(runtime: RuntimeHandle, platform: PlatformContract): Promise<string> {
  const { SecretString } = await runtime.call<{ SecretString?: string }>("secrets-manager", "GetSecretValue", {
    SecretId: platform.activation.profileApiSecretArn,
  });
  if (!SecretString) throw new CommandError("The profile API's secret has no value.");
  return SecretString;
}

async function get(runtime: RuntimeHandle, platform: PlatformContract, path: string): Promise<unknown> {
  const response = await fetch(`${platform.activation.profileApiUrl}${path}`, {
    headers: { authorization: `Bearer ${await token(runtime, platform)}` },
  });
  const document = (await response.json().catch(() => ({}))) as { message?: string; error?: { message?: string } };
  if (response.ok) return document;
  const message = document.error?.message ?? document.message ?? `The profile API answered ${response.status}.`;
  // 400 is what was asked, not how it went.
  throw response.status === 400 ? new UsageError(message) : new CommandError(message);
}

/** A profile by `type:value` or profile id, through the platform's own profile API. */
export async function getProfile(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  identifier: string,
): Promise<unknown> {
  return await get(runtime, platform, `/v1/profiles/${encodeURIComponent(identifier)}`);
}

/** Why two identifiers belong to one profile, or what keeps them apart. */
export async function explain(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  a: string,
  b: string,
): Promise<Explanation> {
  const path = `/v1/profiles/${encodeURIComponent(a)}/explain?with=${encodeURIComponent(b)}`;
  return (await get(runtime, platform, path)) as Explanation;
}
