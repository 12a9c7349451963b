import {
  type CustomerEvent,
  eventOf,
  fingerprint,
  isRejection,
  readCollected,
  shortHash,
  storedEventId,
} from "@tributary/model";

/** A record of the event stream on its way to the raw zone. */
export interface Archivable {
  readonly data: Uint8Array;
  /** Its place in the stream, the same whenever it is delivered again; undefined where it has none. */
  readonly position: string | undefined;
}

/** That a record is the first with an id. */
export interface Claim {
  readonly id: string;
  readonly position: string;
}

/** `ours`: nobody had the id, or this very position; `taken`: another position has it; `busy`: not known now, try again. */
export type ClaimAnswer = "ours" | "taken" | "busy";

/** Who is first with an id. Throws where trying again is of no use. */
export interface Claims {
  /** One answer a claim, in order. Their ids differ. */
  claim(claims: readonly Claim[]): Promise<readonly ClaimAnswer[]>;
}

export interface ArchiveParts {
  readonly claims: Claims;
  /** Epoch milliseconds after which busy claims are given up. */
  readonly until: number;
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
  return shortHash(`${storedEventId(record.source_id, record.message_id)}#${content}`);
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
  const firsts = new Map<string, Claim & { readonly index: number }>();
  const keep = records.map(({ data, position }, index) => {
    const id = position === undefined ? undefined : archiveId(data);
    if (id === undefined || position === undefined) return true;
    if (firsts.has(id)) return false;
    firsts.set(id, { id, index, position });
    return true;
  });
  const { claims, until, sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = parts;
  let left = [...firsts.values()];
  for (let wait = 50; left.length > 0; wait = Math.min(wait * 2, 5_000)) {
    const answers = await claims.claim(left);
    const busy = left.filter((_, place) => answers[place] === "busy");
    for (const [place, { index }] of left.entries()) keep[index] = answers[place] === "ours";
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
