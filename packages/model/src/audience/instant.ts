import { offsetOf, utcTime } from "../collect/time";

/** ISO 8601 as both SQL engines read it, too: a day, or a day and a time; a zone only behind the seconds. */
const iso =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.]([0-9]{1,9}))?(Z|[-+](?:0[0-9]|1[0-4]):[0-5][0-9])?)?)?$/;

/** Epoch milliseconds of a date in ISO 8601, in UTC where it states no zone; undefined where the text is none. */
export function instantOf(text: string): number | undefined {
  const found = iso.exec(text);
  if (!found || text < "0001") return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] = found;
  const milliseconds = Number(fraction.padEnd(3, "0").slice(0, 3));
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const time = utcTime(y, mo, d, h, mi, s, milliseconds);
  return time === undefined ? undefined : time - offsetOf(zone);
}
