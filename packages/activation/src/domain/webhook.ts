import type { WebhookBody } from "./delivery";

/** Where and how a webhook is called. */
export interface WebhookTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** How a call ended. `retry` may succeed later; `rejected` never will as it stands. */
export type WebhookOutcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly reason: string; readonly afterSeconds: number | undefined }
  | { readonly kind: "rejected"; readonly reason: string };

/** Statuses that say "not now": time-out, too early, too many. All 5xx do too. */
const passing = new Set([408, 425, 429]);

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Why a URL may not be called, or undefined where it may: customer data goes over TLS, or stays on this machine. */
export function urlFault(text: string): string | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "is no URL; give one such as https://example.com/hook";
  }
  if (url.username !== "" || url.password !== "") return "has credentials in it, which end in logs; use secretHeader";
  if (url.protocol === "https:" || (url.protocol === "http:" && loopback.test(url.hostname))) return undefined;
  if (url.protocol === "http:")
    return "would send customer data in the clear; use https:// (http:// is for loopback hosts)";
  return `has the scheme ${url.protocol}; use https://`;
}

/** Posts one body. Redirects are not followed: where customer data goes is written in the program, not told by a server. */
export async function postWebhook(
  target: WebhookTarget,
  body: WebhookBody,
  idempotencyKey: string,
  now: () => number = Date.now,
): Promise<WebhookOutcome> {
  const fault = urlFault(target.url);
  if (fault) return { kind: "rejected", reason: `the destination's URL ${fault}` };
  let response: Response;
  try {
    response = await fetch(target.url, {
      method: "POST",
      redirect: "manual",
      headers: {
        ...target.headers,
        "content-type": "application/json",
        "user-agent": "tributary-activation/1",
        "idempotency-key": idempotencyKey,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(target.timeoutMs),
    });
  } catch (error) {
    return { kind: "retry", reason: connectionFault(error, target.timeoutMs), afterSeconds: undefined };
  }
  // The answer's text is nobody's business here, but an unread body would hold its connection.
  await response.body?.cancel();
  const { status } = response;
  if (status >= 200 && status < 300) return { kind: "delivered" };
  if (passing.has(status) || status >= 500) {
    const afterSeconds = retryAfter(response.headers.get("retry-after"), now());
    return { kind: "retry", reason: `status ${status}`, afterSeconds };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: "rejected",
      reason: `status ${status}: the server redirects, which is not followed; set the final URL`,
    };
  }
  return { kind: "rejected", reason: `status ${status}` };
}

/** Seconds of a `Retry-After` header: a number or a date. */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1_000));
}

function connectionFault(error: unknown, timeoutMs: number): string {
  // By shape: `fetch` may throw errors of another realm, which are no `instanceof Error` here.
  const { name, message, cause } = error as { name?: string; message?: string; cause?: { code?: string } };
  if (name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  return `no connection: ${cause?.code ?? message ?? String(error)}`;
}
