import type { RuntimeHandle } from "@tributary/local";
import type { PlatformContract, StewardRequest, StewardResponse } from "@tributary/model";
import { CommandError, UsageError } from "./errors";

type Answer<Action extends string> = Extract<StewardResponse, { readonly ok: true; readonly action: Action }>;

/**
 * Asks the platform's steward function.
 * @throws UsageError where the request is at fault; CommandError where nobody is known by the identifier, or it failed
 */
export async function askSteward<Request extends StewardRequest>(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  request: Request,
): Promise<Answer<Request["action"]>> {
  const { Payload, FunctionError } = await runtime.call<{ Payload?: Uint8Array; FunctionError?: string }>(
    "lambda",
    "Invoke",
    { FunctionName: platform.identities.stewardFunctionName, Payload: JSON.stringify(request) },
  );
  const text = Buffer.from(Payload ?? []).toString("utf8");
  if (FunctionError !== undefined) {
    const { errorMessage } = JSON.parse(text || "{}") as { errorMessage?: string };
    throw new CommandError(`The steward function failed: ${errorMessage ?? FunctionError}`);
  }
  const response = JSON.parse(text) as StewardResponse;
  if (response.ok) return response as Answer<Request["action"]>;
  const { code, message } = response.error;
  throw code === "invalid-request" || code === "unknown-identifier"
    ? new UsageError(message)
    : new CommandError(message);
}
