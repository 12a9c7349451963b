import { isoTime, offsetOf, parseTime, utcTime } from "../collect/time";
import type { Json } from "../json";
import type { MappingType } from "./schema";

/** A cell that cannot be read as what the mapping says. */
export class UnreadableValue extends Error {
  override readonly name = "UnreadableValue";
}

export type Reader = (text: string) => Json;

const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function readNumber(text: string): number {
  const value = plainNumber.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new UnreadableValue(`${JSON.stringify(text)} is no number`);
  return value;
}

function readInteger(text: string): number {
  const value = readNumber(text);
  if (!Number.isSafeInteger(value)) throw new UnreadableValue(`${JSON.stringify(text)} is no whole number`);
  return value;
}

/** Digits without what does not change a decimal's value: sign +, leading zeros, trailing zeros of the fraction. */
function significant(text: string): string {
  const [whole = "", fraction = ""] = text.replace(/^[+-]/, "").split(".");
  const digits = fraction.replace(/0+$/, "");
  return `${whole.replace(/^0+(?=\d)/, "") || "0"}${digits ? `.${digits}` : ""}`;
}

/** A JSON number where JavaScript writes the very same digits, else the text itself: money is never rounded on the way. */
function readDecimal(text: string): Json {
  const value = readNumber(text);
  return significant(String(value)) === significant(text) ? value : text;
}

function readBoolean(text: string): boolean {
  if (/^(true|yes|y|1)$/i.test(text)) return true;
  if (/^(false|no|n|0)$/i.test(text)) return false;
  throw new UnreadableValue(`${JSON.stringify(text)} is neither true nor false`);
}

const fields = { y: "year", M: "month", d: "day", H: "hour", m: "minute", s: "second", S: "millisecond" } as const;

/** Compiles `yyyy-MM-dd HH:mm:ss`; one letter takes one digit or more (`M/d/yyyy`), several take exactly as many. */
function formatReader(format: string): (text: string) => Record<string, number> | undefined {
  const names: string[] = [];
  const pattern = format.replace(/(y+|M+|d+|H+|m+|s+|S+)|([^a-zA-Z]|T)/g, (_, letters?: string, literal?: string) => {
    if (letters === undefined) return (literal ?? "").replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    names.push(fields[letters[0] as keyof typeof fields]);
    return letters.length === 1 ? "(\\d{1,2})" : `(\\d{${letters.length}})`;
  });
  const expression = new RegExp(`^${pattern}$`);
  return (text) => {
    const found = expression.exec(text);
    return found ? Object.fromEntries(names.map((name, index) => [name, Number(found[index + 1])])) : undefined;
  };
}

/** How far an IANA zone is ahead of UTC at a moment, in milliseconds. */
function zoneReader(zone: string): (local: number) => number {
  if (zone === "UTC" || zone === "Z") return (local) => local;
  if (/^[+-]\d{2}:?\d{2}$/.test(zone)) return (local) => local - offsetOf(zone);
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const offsetAt = (time: number): number => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
  };
  // The offset at the guess may be of the other side of a change to or from summer time: the second look is at the right one.
  return (local) => local - offsetAt(local - offsetAt(local));
}

function timestampReader(format: string | undefined, zone: string): Reader {
  const toUtc = zoneReader(zone);
  const read = format === undefined ? undefined : formatReader(format);
  const unreadable = (text: string) =>
    new UnreadableValue(`${JSON.stringify(text)} is no time of the form ${format ?? "ISO 8601"}`);
  return (text) => {
    if (!read) {
      const time = parseTime(text);
      if (time === undefined) throw unreadable(text);
      return isoTime(/(Z|z|[+-]\d{2}(:?\d{2})?)$/.test(text) && text.length > 10 ? time : toUtc(time));
    }
    const found = read(text);
    const { year = 1970, month = 1, day = 1, hour, minute, second, millisecond } = found ?? {};
    const local = found && utcTime(year, month, day, hour, minute, second, millisecond);
    if (local === undefined) throw unreadable(text);
    return isoTime(toUtc(local));
  };
}

/** The reader of a value type. Throws RangeError for a zone that does not exist. */
export function readerFor(type: MappingType = "string", format?: string, zone = "UTC"): Reader {
  switch (type) {
    case "string":
      return (text) => text;
    case "number":
      return readNumber;
    case "integer":
      return readInteger;
    case "decimal":
      return readDecimal;
    case "boolean":
      return readBoolean;
    case "timestamp":
      return timestampReader(format, zone);
  }
}
