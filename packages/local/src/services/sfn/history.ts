import type { Json } from "@tributary/model";
import type { Kernel } from "../../kernel";

/** An event of an execution's history, in the API's words. `details` is the member named after the type. */
export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly details?: { readonly [key: string]: Json };
}

/** Writes and reads histories. */
export class Histories {
  private readonly rows;
  private readonly counts = new Map<string, number>();

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<HistoryEvent>("sfn.history");
  }

  async add(executionArn: string, type: string, details?: { readonly [key: string]: Json }): Promise<void> {
    const id = (this.counts.get(executionArn) ?? this.list(executionArn).length) + 1;
    this.counts.set(executionArn, id);
    const event = { id, previousEventId: id - 1, type, timestamp: this.kernel.now(), ...(details && { details }) };
    await this.kernel.store.write(() => this.rows.put([executionArn, id], event));
  }

  list(executionArn: string): HistoryEvent[] {
    const range = { start: [executionArn], end: [executionArn, Number.MAX_SAFE_INTEGER] };
    return [...this.rows.entries(range)].map(({ value }) => value);
  }

  /** Lets go of what is kept in memory for a running execution. */
  settle(executionArn: string): void {
    this.counts.delete(executionArn);
  }
}

/** `TaskStateEntered` → `stateEnteredEventDetails`, `TaskSucceeded` → `taskSucceededEventDetails`. */
function detailsMember(type: string): string {
  if (/StateEntered$/.test(type)) return "stateEnteredEventDetails";
  if (/StateExited$/.test(type)) return "stateExitedEventDetails";
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}EventDetails`;
}

export function historyEventToSdk({
  id,
  previousEventId,
  type,
  timestamp,
  details,
}: HistoryEvent): Record<string, unknown> {
  return {
    id,
    previousEventId,
    type,
    timestamp: new Date(timestamp),
    ...(details && { [detailsMember(type)]: details }),
  };
}
