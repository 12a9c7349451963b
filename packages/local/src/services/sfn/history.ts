import type { Json } from "@tributary/model";
import type { Kernel } from "../../kernel";

/** An event of an execution's history, in the API's words. `details` is the member named after the type. */
export interface HistoryEvent {
  readonly id: number;
  /** The event before it on its strand: the branch or iteration, or what started that. */
  readonly previousEventId: number;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  /** The state that it is about; not part of the API. */
  readonly state?: string;
  readonly details?: { readonly [key: string]: Json };
}

/** Reads histories; `Journal` writes them. */
export class Histories {
  readonly rows;

  constructor(kernel: Kernel) {
    this.rows = kernel.store.table<HistoryEvent>("sfn.history");
  }

  /** @param reverse newest first */
  list(executionArn: string, reverse = false): HistoryEvent[] {
    const [first, last] = [[executionArn], [executionArn, Number.MAX_SAFE_INTEGER]];
    const range = reverse ? { start: last, end: first, reverse } : { start: first, end: last };
    return [...this.rows.entries(range)].map(({ value }) => value);
  }

  /** The number of the newest event; 0 where there is none. */
  lastId(executionArn: string): number {
    const range = { start: [executionArn, Number.MAX_SAFE_INTEGER], end: [executionArn], reverse: true, limit: 1 };
    return [...this.rows.entries(range)][0]?.value.id ?? 0;
  }
}

/** `TaskStateEntered` → `stateEnteredEventDetails`, `TaskSucceeded` → `taskSucceededEventDetails`. */
function detailsMember(type: string): string {
  if (/StateEntered$/.test(type)) return "stateEnteredEventDetails";
  if (/StateExited$/.test(type)) return "stateExitedEventDetails";
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}EventDetails`;
}

/** @param withData whether inputs and outputs are shown */
export function historyEventToSdk(event: HistoryEvent, withData = true): Record<string, unknown> {
  const { id, previousEventId, type, timestamp, details } = event;
  const shown =
    withData || !details ? details : Object.fromEntries(Object.entries(details).filter(([key]) => !data.has(key)));
  return {
    id,
    previousEventId,
    type,
    timestamp: new Date(timestamp),
    ...(shown && { [detailsMember(type)]: shown }),
  };
}

const data = new Set(["input", "output", "parameters"]);
