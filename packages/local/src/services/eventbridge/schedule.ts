import { CronExpressionParser } from "cron-parser";
import { AwsError } from "../../kernel";

/** A schedule that has been read: when does it fire next? */
export interface ScheduleTimes {
  /** The first time after `after` (epoch milliseconds), or undefined when there is none. */
  next(after: number): number | undefined;
}

const unitMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * Reads `rate(5 minutes)`, `cron(0 2 * * ? *)` (six fields, the last one the year) or `at(2026-12-24T18:00:00)`.
 * A rate counts from `start`, as on AWS from the creation of the rule.
 * @param timezone IANA name; cron and at are read in it
 * @throws AwsError `ValidationException`
 */
export function readSchedule(expression: string, start: number, timezone = "UTC"): ScheduleTimes {
  const match = /^(rate|cron|at)\((.+)\)$/.exec(expression.trim());
  if (!match) throw invalid(expression, "expected rate(…), cron(…) or at(…)");
  const [, kind, body = ""] = match;
  if (kind === "rate") return rate(expression, body, start);
  return kind === "at" ? at(expression, body, timezone) : cron(expression, body, timezone);
}

function invalid(expression: string, why: string): AwsError {
  return new AwsError("ValidationException", `Parameter ScheduleExpression is not valid: ${expression}: ${why}`);
}

function rate(expression: string, body: string, start: number): ScheduleTimes {
  const [, count = "", unit = ""] = /^(\d+) (minute|hour|day)s?$/.exec(body) ?? [];
  const period = Number(count) * (unitMs[unit] ?? 0);
  if (!(period > 0)) throw invalid(expression, "expected a positive number of minutes, hours or days");
  return { next: (after) => start + (Math.max(0, Math.floor((after - start) / period)) + 1) * period };
}

function at(expression: string, body: string, timezone: string): ScheduleTimes {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)$/.exec(body)?.map(Number) ?? [];
  if (!year) throw invalid(expression, "expected at(yyyy-mm-ddThh:mm:ss)");
  const fields = `${second} ${minute} ${hour} ${day} ${month} *`;
  // The day before, in any time zone, is early enough to find the one time that fits.
  const from = Date.UTC(year, (month ?? 1) - 1, (day ?? 1) - 2);
  const time = firstTime(expression, fields, from, timezone);
  return { next: (after) => (time > after ? time : undefined) };
}

function firstTime(expression: string, fields: string, from: number, timezone: string): number {
  try {
    return CronExpressionParser.parse(fields, { currentDate: new Date(from), tz: timezone })
      .next()
      .getTime();
  } catch (error) {
    throw invalid(expression, error instanceof Error ? error.message : String(error));
  }
}

/** AWS counts weekdays from 1 (Sunday), cron from 0. */
function weekdays(field: string): string {
  return field.replace(
    /(^|[-,])([1-7])(?=$|[-,#L/])/g,
    (_whole, before: string, day: string) => `${before}${Number(day) - 1}`,
  );
}

/** Which years a field names; undefined for all. */
function years(expression: string, field: string): ((year: number) => boolean) | undefined {
  if (field === "*" || field === "?") return undefined;
  const tests = field.split(",").map((part) => {
    const [, from = "", to, step] = /^(\d{4}|\*)(?:-(\d{4}))?(?:\/(\d+))?$/.exec(part) ?? [];
    if (from === "") throw invalid(expression, `year ${part}`);
    const first = from === "*" ? 1970 : Number(from);
    const last = to !== undefined ? Number(to) : step !== undefined || from === "*" ? 2199 : first;
    return (year: number) => year >= first && year <= last && (year - first) % Number(step ?? 1) === 0;
  });
  return (year) => tests.some((test) => test(year));
}

function cron(expression: string, body: string, timezone: string): ScheduleTimes {
  const fields = body.trim().split(/\s+/);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = ""] = fields;
  if (fields.length !== 6) throw invalid(expression, "a cron expression has six fields");
  if (dayOfMonth !== "?" && dayOfWeek !== "?") {
    throw invalid(expression, "one of day-of-month and day-of-week must be ?");
  }
  if (/W/.test(dayOfMonth)) throw invalid(expression, "W (nearest weekday) is not supported by the embedded runtime");
  const inYear = years(expression, year);
  const pattern = `0 ${minute} ${hour} ${dayOfMonth} ${month} ${dayOfWeek === "?" ? "*" : weekdays(dayOfWeek)}`;
  const normalised = pattern.replaceAll("?", "*");
  firstTime(expression, normalised, 0, timezone);
  return {
    next(after) {
      const times = CronExpressionParser.parse(normalised, { currentDate: new Date(after), tz: timezone });
      if (!inYear) return times.next().getTime();
      for (;;) {
        const time = times.next();
        if (time.getFullYear() > 2199) return undefined;
        if (inYear(time.getFullYear())) return time.getTime();
        if (!anyYearFrom(inYear, time.getFullYear())) return undefined;
      }
    },
  };
}

function anyYearFrom(inYear: (year: number) => boolean, year: number): boolean {
  for (let candidate = year; candidate <= 2199; candidate += 1) if (inYear(candidate)) return true;
  return false;
}
