import { type CollectedRecord, collectBody, isJsonObject } from "@tributary/model";
import type { Logger, Metrics } from "@tributary/runtime";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { WebhookProvider } from "../../webhook-env";
import { type QuarantinePort, type StreamPort, type WriterOptions, writeRecords } from "../stream-writer";
import { type WebhookMapper, webhookRecords } from "./events";
import { aboutOf } from "./payload";
import { type Refusal, refusalOf } from "./signature";

/** The secrets that are valid now: the current one first, and the one before while a rotation is under way. */
export interface WebhookSecrets {
  /** @param fresh read again, as a signature did not hold: the secret may have been rotated a moment ago */
  valid(fresh?: boolean): Promise<readonly string[]>;
}

export interface WebhookParts {
  readonly sourceId: string;
  readonly provider: WebhookProvider;
  readonly mapper: WebhookMapper;
  readonly secrets: WebhookSecrets;
  readonly stream: StreamPort;
  readonly quarantine: QuarantinePort;
  readonly metrics: Metrics;
  readonly log: Pick<Logger, "error" | "warn">;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly writer?: WriterOptions;
}

type Response = APIGatewayProxyStructuredResultV2;

function answer(statusCode: number, body: object, headers: Record<string, string> = {}): Response {
  return { statusCode, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

/** Providers repeat whatever is not answered with 2xx. */
function later(message: string): Response {
  return answer(503, { success: false, message }, { "retry-after": "30" });
}

/**
 * Answers one webhook. 401: the signature does not hold; counted, and not kept, as anybody can send it. 200: what it
 * holds is durable, as events, or whole with its reason on the way to quarantine. 503: not now, the provider sends again.
 */
export async function receiveWebhook(event: APIGatewayProxyEventV2, parts: WebhookParts): Promise<Response> {
  const body = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
  const { metrics, log, sourceId, stream, quarantine } = parts;
  let refusal: Refusal | undefined;
  try {
    refusal = await checked(event, body, parts);
  } catch (error) {
    log.error("the signing secret cannot be read", { error: error as Error, source: sourceId });
    return later("the signature cannot be checked now: send it again");
  }
  if (refusal !== undefined) {
    log.warn("webhook refused", { source: sourceId, refusal });
    metrics.count("WebhooksRefused", 1, { source: sourceId });
    return answer(401, { success: false, message: refusals[refusal] });
  }
  const { records, dropped } = await recordsOf(event, body, parts);
  try {
    await writeRecords(records, stream, quarantine, parts.writer);
  } catch (error) {
    log.error("not durable", { error: error as Error, source: sourceId, records: records.length });
    return later("not taken, nothing was confirmed: send it again");
  }
  const rejected = records.filter(({ reason }) => reason !== null);
  const accepted = records.length - rejected.length;
  if (dropped !== undefined) metrics.count("EventsDropped", 1, { reason: dropped });
  for (const { reason } of rejected) metrics.count("EventsRejected", 1, { reason: reason ?? "" });
  metrics.count("EventsAccepted", accepted);
  return answer(200, { success: true, accepted, quarantined: rejected.length });
}

const refusals: Readonly<Record<Refusal, string>> = {
  "no-signature": "no signature: is this the right provider for this address?",
  "malformed-signature": "the signature's header cannot be read",
  "wrong-signature": "the signature is not of this source's secret and these bytes",
  "too-old": "signed too long ago",
};

async function checked(event: APIGatewayProxyEventV2, body: Buffer, parts: WebhookParts): Promise<Refusal | undefined> {
  const refusal = async (fresh: boolean) => {
    const secrets = await parts.secrets.valid(fresh);
    if (secrets.length === 0) throw new Error("the secret has no value yet: put the provider's signing secret into it");
    return refusalOf(parts.provider, event.headers, body, secrets, parts.now());
  };
  const first = await refusal(false);
  return first === "wrong-signature" ? await refusal(true) : first;
}

/** GitHub may send a form with the JSON in its field `payload`; the signature is over the form. */
function jsonText(body: Buffer, contentType: string | undefined): string {
  const text = body.toString("utf8");
  if (!contentType?.startsWith("application/x-www-form-urlencoded")) return text;
  return new URLSearchParams(text).get("payload") ?? text;
}

async function recordsOf(
  event: APIGatewayProxyEventV2,
  body: Buffer,
  { sourceId, provider, mapper, now, log }: WebhookParts,
): Promise<{ readonly records: readonly CollectedRecord[]; readonly dropped?: string }> {
  const { headers } = event;
  const received = event.requestContext.timeEpoch;
  const receivedAt = new Date(Number.isFinite(received) ? received : now()).toISOString();
  const meta = { sourceId, receivedAt };
  let payload: unknown;
  try {
    payload = JSON.parse(jsonText(body, headers["content-type"]));
  } catch {
    return { records: [collectBody("malformed-json", "the webhook's body is not JSON", body, meta)] };
  }
  if (!isJsonObject(payload)) {
    return { records: [collectBody("unmappable", "the webhook's body is JSON, but no object", body, meta)] };
  }
  const about = aboutOf(provider, headers, payload, body);
  const outcome = await webhookRecords({ sourceId, receivedAt, headers, body, payload, about }, mapper);
  if (outcome.kind === "records") return outcome;
  if (outcome.kind === "dropped") return { records: [], dropped: outcome.reason };
  log.warn("webhook to quarantine", { source: sourceId, id: about.id });
  return { records: [outcome.record] };
}
