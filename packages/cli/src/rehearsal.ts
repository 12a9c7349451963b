import type { RuntimeHandle } from "@tributary/local";
import type { CollectedRecord, CustomerEvent, PlatformContract } from "@tributary/model";

/** What the processor would do with a record: its answer to a rehearsal. */
export type Rehearsed =
  | {
      readonly kind: "store";
      readonly items: readonly { readonly id: string; readonly fingerprint: string; readonly event: CustomerEvent }[];
    }
  | { readonly kind: "quarantine"; readonly reason: string; readonly detail: string }
  | { readonly kind: "dropped"; readonly reason: string }
  | { readonly kind: "later" };

interface Mappings {
  readonly EventSourceMappings?: readonly { readonly FunctionArn?: string }[];
}
interface Configuration {
  readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> };
}

/** Lambda's limit of an event and of an answer is 6 MB; an event grows on its way through the callback. */
const mostBytes = 1_000_000;
const mostRecords = 500;

/** The function that reads the event stream and stores in the events table: other readers of the stream are somebody else's. */
export async function processorOf(runtime: RuntimeHandle, platform: PlatformContract): Promise<string | undefined> {
  const { eventStreamArn, eventsTableName, quarantineBucket } = platform.ingestion;
  const { EventSourceMappings = [] } = await runtime.call<Mappings>("lambda", "ListEventSourceMappings", {
    EventSourceArn: eventStreamArn,
  });
  for (const { FunctionArn } of EventSourceMappings) {
    if (FunctionArn === undefined) continue;
    const { Environment } = await runtime.call<Configuration>("lambda", "GetFunctionConfiguration", {
      FunctionName: FunctionArn,
    });
    const variables = Environment?.Variables ?? {};
    if (variables.EVENTS_TABLE === eventsTableName && variables.QUARANTINE_BUCKET === quarantineBucket) {
      return FunctionArn;
    }
  }
  return undefined;
}

function* parts(records: readonly CollectedRecord[]): Generator<CollectedRecord[]> {
  let part: CollectedRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record));
    if (part.length > 0 && (part.length === mostRecords || bytes + size > mostBytes)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

/**
 * Asks the processor what it would do with records: the deployed code with the deployed plan and callback answers, and
 * writes nothing. `later` for what it cannot say.
 */
export async function rehearse(
  runtime: RuntimeHandle,
  processor: string,
  records: readonly CollectedRecord[],
): Promise<readonly Rehearsed[]> {
  const rehearsed: Rehearsed[] = [];
  for (const part of parts(records)) {
    const { Payload, FunctionError } = await runtime.call<{ Payload?: Uint8Array; FunctionError?: string }>(
      "lambda",
      "Invoke",
      { FunctionName: processor, Payload: new TextEncoder().encode(JSON.stringify({ rehearse: part })) },
    );
    const answer = FunctionError
      ? undefined
      : (JSON.parse(Buffer.from(Payload ?? []).toString("utf8") || "null") as { rehearsed?: Rehearsed[] } | null);
    rehearsed.push(...part.map((_, index): Rehearsed => answer?.rehearsed?.[index] ?? { kind: "later" }));
  }
  return rehearsed;
}
