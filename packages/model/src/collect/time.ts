/**
 * An ISO 8601 date or date and time. Where there is no zone it is UTC (not the machine's zone, as `Date.parse` has it:
 * the same input must mean the same everywhere).
 */
const iso =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** Epoch milliseconds of calendar fields in UTC; undefined where there is no such moment. Second 60 (a leap second) is the next minute. */
export function utcTime(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
  millisecond = 0,
): number | undefined {
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond;
}

/** Milliseconds that a zone `Z`, `+02:00`, `-0530` or `+02` lies ahead of UTC. */
export function offsetOf(zone: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", "") || 0);
  return (zone.startsWith("-") ? -1 : 1) * minutes * 60_000;
}

/** Reads a time: ISO 8601 text, or epoch milliseconds as a number. Undefined where it is neither. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value === "number") {
    // Below 1973 it is rather seconds than milliseconds; nobody's events are past 9999.
    return value >= 1e11 && value <= latestTime ? Math.round(value) : undefined;
  }
  if (typeof value !== "string") return undefined;
  const found = iso.exec(value.trim());
  if (!found) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] = found;
  const milliseconds = Number(fraction.padEnd(3, "0").slice(0, 3));
  const time = utcTime(
    Number(year),
    Number(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    milliseconds,
  );
  return time === undefined ? undefined : time - offsetOf(zone);
}

const earliestTime = Date.parse("0001-01-01T00:00:00.000Z");
const latestTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const day = 24 * 60 * 60 * 1000;

/** Epoch milliseconds. */
export interface EventTimes {
  readonly receivedAt: number;
  readonly sentAt?: number | undefined;
  readonly originalTimestamp?: number | undefined;
}

/**
 * The event's time on our clock: `receivedAt − (sentAt − originalTimestamp)`, Segment's formula, which takes the client's
 * clock out. Without `sentAt` the stated time stands (Customer.io sends none); without a stated time it is `receivedAt`.
 * A result more than a day in the future, or outside the calendar, cannot be: `receivedAt` then, and the original is kept.
 */
export function correctTime({ receivedAt, sentAt, originalTimestamp }: EventTimes): number {
  if (originalTimestamp === undefined) return receivedAt;
  const corrected = sentAt === undefined ? originalTimestamp : receivedAt - (sentAt - originalTimestamp);
  return corrected > receivedAt + day || corrected < earliestTime ? receivedAt : corrected;
}

/** ISO 8601 in UTC with milliseconds: how all times stand in events. */
export function isoTime(time: number): string {
  return new Date(time).toISOString();
}
