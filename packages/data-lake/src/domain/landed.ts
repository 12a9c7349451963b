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
  /** Whether a moment was asked for: then the tables are not those of a night. */
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

/**
 * The record after a run. A run of some days makes what changed beside them, so it counts as any other.
 * @returns undefined where the record stays: a newer run has finished meanwhile, or the run was as of another moment
 */
export function recordAfter(before: LandRecord | undefined, pending: PendingRecord): LandRecord | undefined {
  const { asOfGiven, ...record } = pending;
  return asOfGiven || (before !== undefined && before.listedAt > record.listedAt) ? undefined : record;
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
