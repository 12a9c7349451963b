import type { Envelope } from "./event";

/** Time zones lie whole quarters of an hour apart, and a clock that is off by less needs no correction to order events. */
const quarterHour = 15 * 60_000;

/**
 * The time by which folds order an event, epoch milliseconds: the time that the client stated, with its clock's error
 * taken out in whole quarters of an hour.
 *
 * `timestamp` is Segment's formula to the millisecond, and so holds the time that the request took: it differs between
 * two deliveries of one event. Folding by it would let the network decide which of two traits is the later one. Rounded
 * so, a synchronised client's events keep the order in which they happened, however and whenever they arrive, and a
 * clock that is a year off is still put right.
 */
export function orderingTime(event: Pick<Envelope, "timestamp" | "originalTimestamp">): number {
  const corrected = Date.parse(event.timestamp);
  if (event.originalTimestamp === undefined) return corrected;
  const stated = Date.parse(event.originalTimestamp);
  return stated + Math.round((corrected - stated) / quarterHour) * quarterHour;
}
