import { CommandError } from "./errors";

export interface SendOptions {
  readonly collectorUrl: string;
  readonly writeKey: string;
  /** Requests under way at once. Default 4. */
  readonly concurrency?: number;
  readonly onSent?: (items: number) => void;
  /** Attempts per batch before giving up. Default 10. */
  readonly attempts?: number;
}

export interface SendResult {
  readonly items: number;
  readonly batches: number;
  /** Batches that were sent again after a refusal or a broken connection. */
  readonly retries: number;
}

/** Batches within Segment's limits: at most 500 KB and 2,500 items a request. */
const maxBatchBytes = 480_000;
const maxBatchItems = 1_000;

/**
 * Sends event items, given as JSON texts, to the collector's `/v1/batch`, a batch at a time and several at once, and
 * resolves when every one was answered with 200 (durable). Refusals (429, 5xx) and broken connections are retried with
 * backoff, honouring `Retry-After`; what is still refused after that fails the call.
 */
export async function sendBatches(
  items: AsyncIterable<string> | Iterable<string>,
  options: SendOptions,
): Promise<SendResult> {
  const { collectorUrl, writeKey, concurrency = 4, attempts = 10 } = options;
  const url = `${collectorUrl.replace(/\/$/, "")}/v1/batch`;
  const authorization = `Basic ${Buffer.from(`${writeKey}:`).toString("base64")}`;
  const result = { items: 0, batches: 0, retries: 0 };
  const underWay = new Set<Promise<void>>();
  let failure: unknown;

  async function post(body: string, size: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      let problem: string;
      let wait = Math.min(100 * 2 ** attempt, 5_000) * (0.5 + Math.random() / 2);
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", authorization },
          body,
        });
        const text = await response.text();
        if (response.ok) break;
        problem = `${response.status} ${text.slice(0, 200)}`;
        if (response.status !== 429 && response.status < 500) {
          throw new CommandError(`The collector at ${url} refused a batch: ${problem}`);
        }
        const after = Number(response.headers.get("retry-after"));
        if (after > 0) wait = Math.min(after, 300) * 1_000;
      } catch (error) {
        if (error instanceof CommandError) throw error;
        problem = (error as { cause?: Error }).cause?.message ?? (error as Error).message;
      }
      if (attempt >= attempts)
        throw new CommandError(`The collector at ${url} did not take a batch in ${attempts} attempts: ${problem}`);
      result.retries += 1;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    result.items += size;
    result.batches += 1;
    options.onSent?.(size);
  }

  async function enqueue(texts: string[]): Promise<void> {
    if (texts.length === 0) return;
    while (underWay.size >= concurrency) await Promise.race(underWay);
    if (failure) throw failure;
    const sending: Promise<void> = post(`{"batch":[${texts.join(",")}]}`, texts.length)
      .catch((error) => {
        failure ??= error;
      })
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
  }

  let batch: string[] = [];
  let bytes = 0;
  for await (const item of items) {
    const size = Buffer.byteLength(item) + 1;
    if (batch.length > 0 && (bytes + size > maxBatchBytes || batch.length >= maxBatchItems)) {
      await enqueue(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  await enqueue(batch);
  await Promise.all(underWay);
  if (failure) throw failure;
  return result;
}
