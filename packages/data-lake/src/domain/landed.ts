/** What lies in the raw zone: of each table by day, a fingerprint of the day's files. The day of a table without days is `""`. */
export type Landed = Readonly<Record<string, Readonly<Record<string, DayOfFiles>>>>;

/** The files of a day of a table. */
export interface DayOfFiles {
  readonly files: number;
  readonly bytes: number;
  /** Equal where names, sizes and contents of the files are. */
  readonly hash: string;
}

/** What the pipeline is asked for: days, both included, and the moment that its tables are as of. */
export interface Range {
  /** ISO 8601. */
  readonly asOf: string;
  readonly from: string | null;
  readonly to: string | null;
  /** Everything anew, whatever was made before. */
  readonly full: boolean;
}

/** What the raw zone was when a run had finished. */
export interface LandRecord {
  readonly version: 1;
  /** When the raw zone was listed, ISO 8601. */
  readonly listedAt: string;
  /** Fingerprint of the lake's tables and SQL. */
  readonly plan: string;
  readonly landed: Landed;
}

/** A run's own listing, kept until the run has finished. */
export interface PendingRecord extends LandRecord {
  readonly range: Range;
  /** Whether the moment was asked for: then the tables may leave out what had landed by now. */
  readonly asOfGiven: boolean;
}

/** Days by table whose files are not those of the last run: new, late, replaced or deleted. In order. */
export function changedDays(before: Landed, now: Landed): Record<string, string[]> {
  const changed: Record<string, string[]> = {};
  for (const table of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const [was = {}, is = {}] = [before[table], now[table]];
    const days = [...new Set([...Object.keys(was), ...Object.keys(is)])]
      .filter((day) => was[day]?.hash !== is[day]?.hash)
      .sort();
    if (days.length > 0) changed[table] = days;
  }
  return changed;
}

const within = (day: string, { from, to }: Pick<Range, "from" | "to">): boolean =>
  (from === null || day >= from) && (to === null || day <= to);

/**
 * The record after a run. A run of some days says nothing of the others, and one as of another moment says nothing at all.
 * @returns undefined where the record stays: a newer run has finished meanwhile, or nothing is known of what was made
 */
export function recordAfter(before: LandRecord | undefined, pending: PendingRecord): LandRecord | undefined {
  const { range, asOfGiven, version, listedAt, plan, landed } = pending;
  if (asOfGiven || (before !== undefined && before.listedAt > listedAt)) return undefined;
  if (range.full || (range.from === null && range.to === null)) return { version, listedAt, plan, landed };
  // Only days that were made before by the same plan can be added to.
  if (before === undefined || before.plan !== plan) return undefined;
  const merged: Record<string, Record<string, DayOfFiles>> = {};
  for (const table of new Set([...Object.keys(before.landed), ...Object.keys(landed)])) {
    const [was = {}, is = {}] = [before.landed[table], landed[table]];
    merged[table] = {
      ...Object.fromEntries(Object.entries(was).filter(([day]) => !within(day, range))),
      ...Object.fromEntries(Object.entries(is).filter(([day]) => within(day, range))),
    };
  }
  return { version, listedAt, plan, landed: merged };
}

/** Files and bytes of the days that changed. */
export function sizeOf(landed: Landed, changed: Readonly<Record<string, readonly string[]>>): DaySizes {
  let [files, bytes] = [0, 0];
  for (const [table, days] of Object.entries(changed)) {
    for (const day of days) {
      files += landed[table]?.[day]?.files ?? 0;
      bytes += landed[table]?.[day]?.bytes ?? 0;
    }
  }
  return { files, bytes };
}

type DaySizes = Omit<DayOfFiles, "hash">;
