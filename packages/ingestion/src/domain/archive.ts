import {
  type CustomerEvent,
  eventOf,
  fingerprint,
  isRejection,
  readCollected,
  shortHash,
  storedEventId,
} from "@tributary/model";
import { mapLimit } from "@tributary/runtime";

/** A record of the event stream on its way to the raw zone. */
export interface Archivable {
  readonly data: Uint8Array;
  /** Its place in the stream, the same whenever it is delivered again; undefined where it has none. */
  readonly position: string | undefined;
}

/** Who is first with an id. Throws where trying again is of no use. */
export interface Claims {
  /** `ours`: nobody had it, or this very position; `taken`: another position has it; `busy`: not known now, try again. */
  claim(id: string, position: string): Promise<"ours" | "taken" | "busy">;
}

export interface ArchiveParts {
  readonly claims: Claims;
  /** Epoch milliseconds after which busy claims are given up. */
  readonly until: number;
  /** Claims at a time. @default 128 */
  readonly concurrency?: number;
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

/**
 * What makes two records the same row of the raw zone: source, message id and content without times (a replay states the
 * corrected one). So another event under a used id has a row of its own, and so has what was rejected beside what a replay
 * makes of it. Undefined for what is no record of the collector: it goes on, to where what cannot be converted is kept.
 */
export function archiveId(data: Uint8Array): string | undefined {
  const record = readCollected(data);
  if (isRejection(record)) return undefined;
  const event = record.type === "rejected" ? undefined : eventOf(record);
  const content =
    event === undefined || isRejection(event)
      ? shortHash(`${record.type}\n${record.reason}\n${record.payload}`)
      : fingerprint(untimed(event));
  return `${storedEventId(record.source_id, record.message_id)}#${content}`;
}

function untimed({ originalTimestamp: _, ...event }: CustomerEvent): CustomerEvent {
  return event as CustomerEvent;
}

/**
 * Whether each record is to be written: the first of its id is, and the same record whenever it comes again; a later one
 * with that id is not.
 * @throws where a claim stayed busy to the end of the time: the whole batch is to be tried again
 */
export async function chooseFirsts(records: readonly Archivable[], parts: ArchiveParts): Promise<readonly boolean[]> {
  const firsts = new Map<string, { readonly index: number; readonly position: string }>();
  const keep = records.map(({ data, position }, index) => {
    const id = position === undefined ? undefined : archiveId(data);
    if (id === undefined || position === undefined) return true;
    if (firsts.has(id)) return false;
    firsts.set(id, { index, position });
    return true;
  });
  const { claims, until, concurrency = 128, sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = parts;
  let left = [...firsts];
  for (let wait = 50; left.length > 0; wait = Math.min(wait * 2, 5_000)) {
    const busy: typeof left = [];
    await mapLimit(left, concurrency, async (entry) => {
      const [id, { index, position }] = entry;
      const answer = await claims.claim(id, position);
      if (answer === "busy") busy.push(entry);
      else keep[index] = answer === "ours";
    });
    if (busy.length > 0 && Date.now() + wait > until) {
      throw new Error(
        `${busy.length} of ${firsts.size} claims were refused by DynamoDB until the time was up; the batch is to be tried again`,
      );
    }
    if (busy.length > 0) await sleep(wait);
    left = busy;
  }
  return keep;
}
