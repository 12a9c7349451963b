import type { SuppressedValue } from "./result";
import type { Suppressed } from "./rules/junk";
import type { ComparedValue } from "./rules/values";
import type { Session } from "./session";

const mostDescribed = 1_000;

/** Suppressed values as text, the most frequent first; a rule's key by the values that it is made of. */
export async function describeSuppressed(
  session: Session,
  suppressed: readonly Suppressed[],
  values: readonly ComparedValue[],
  forms: readonly string[],
): Promise<SuppressedValue[]> {
  const most = [...suppressed].sort((a, b) => b.records - a.records).slice(0, mostDescribed);
  const texts = new Map<string, string>();
  for (const value of new Set(most.map((entry) => entry.value))) {
    if (value === undefined || !values[value]) continue;
    const rows = most.flatMap((entry) => (entry.value === value ? [entry.row] : []));
    const found = await session.rows<{ r: number; v: string | null }>(
      `select rowid::INTEGER as r, ${forms[value]} as v from source where rowid in (${rows.join(", ")})`,
    );
    for (const { r, v } of found) texts.set(`${value} ${r}`, v ?? "");
  }
  return most.map(({ of, row, value, records, reason }) => {
    const known = value !== undefined && values[value] !== undefined;
    return { of, ...(known ? { value: texts.get(`${value} ${row}`) ?? "" } : {}), records, reason };
  });
}
