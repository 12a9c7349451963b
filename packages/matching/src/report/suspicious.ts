import type { MatchRules } from "@tributary/model";
import type { Source } from "../input/load";
import { normalised } from "../rules/normal";
import type { ComparedValue } from "../rules/values";
import type { Session } from "../session";
import type { MatchReport, SuspiciousProfile } from "./report";

/** Profiles that are shown, at most. */
const profilesShown = 20;
/** Records of a profile that are shown, at most. */
const rowsShown = 12;

/** Attributes of which a person has one value: what contradicts in them speaks for two people. Others may well change. */
const ofOnePerson = new Set(["DATE", "NAME_FIRST", "NAME", "UNIQUE_ID", "PROVIDER_ID"]);

/** Jaro–Winkler similarity from which two values may be one with a slip of the pen. */
const alike = 0.8;

/** How many profiles there are of each size. Expects the tables that the run made. */
export async function profileSizes(session: Session): Promise<MatchReport["sizes"]> {
  const rows = await session.rows<{ size: bigint; n: bigint }>(
    "select size, count(*) as n from profiles group by size order by size",
  );
  return rows.map(({ size, n }) => ({ size: Number(size), profiles: Number(n) }));
}

/**
 * The profiles whose records contradict each other most, in what a person has one of: dates, first names, ids. Where the
 * input has no such attribute, the largest.
 */
export async function suspiciousProfiles(
  session: Session,
  source: Source,
  values: readonly ComparedValue[],
  rules: MatchRules,
): Promise<SuspiciousProfile[]> {
  const telling = values.filter(({ type, attribute }) => ofOnePerson.has(type) && attribute.column !== source.idColumn);
  const known = telling.map((value, index) => `${normalised(value, rules)} as v${index}`);
  const perProfile = telling.flatMap((_, index) => [
    `count(v${index}) as known${index}`,
    `count(distinct v${index}) as distinct${index}`,
    `count(*) filter (jaro_winkler_similarity(v${index}, m${index}) < ${alike}) as other${index}`,
  ]);
  const shares = telling.map((_, index) => `other${index} / greatest(known${index}, 1)`);
  const found = await session.rows<Record<string, unknown>>(`
    with members as (
      select ${["root", "size", ...known].join(", ")}
      from source join assignment on source.rowid = r join profiles using (root)
      where size > 1
    ),
    usual as (select ${["root", ...telling.map((_, index) => `mode(v${index}) as m${index}`)].join(", ")} from members group by root),
    counted as (
      select ${["root", "max(size) as size", ...perProfile].join(", ")}
      from members join usual using (root)
      group by root
    )
    select *, ${shares.length === 0 ? "0.0" : shares.join(" + ")} as contradiction
    from counted
    order by contradiction desc, size desc, root
    limit ${profilesShown}`);
  const result: SuspiciousProfile[] = [];
  for (const row of found) {
    const number = (name: string) => Number(row[name] ?? 0);
    const reasons = telling.flatMap((value, index) => {
      const distinct = number(`distinct${index}`);
      return distinct > 1 ? [`${distinct} values of ${value.name} in ${number(`known${index}`)} records`] : [];
    });
    const root = number("root");
    const [named] = await session.rows<{ profile_id: string }>(`select profile_id from profiles where root = ${root}`);
    result.push({
      profileId: named?.profile_id ?? "",
      records: number("size"),
      contradiction: Math.round(number("contradiction") * 1_000) / 1_000,
      reasons: reasons.length > 0 ? reasons : [`${number("size")} records`],
      rows: await recordsOf(session, source, values, `r in (select r from assignment where root = ${root} limit 1000)`),
    });
  }
  return result;
}

/** Records as a person reads them: the id, then each attribute as it is in the input. `which` is SQL over `r`. */
export async function recordsOf(
  session: Session,
  source: Source,
  values: readonly ComparedValue[],
  which: string,
): Promise<Readonly<Record<string, string | null>>[]> {
  const shown = values.filter(({ attribute }) => attribute.column !== source.idColumn);
  const columns = shown.map(({ raw }, index) => `${raw} as v${index}`);
  const rows = await session.rows<Record<string, string | null>>(
    `select ${[`${source.id} as id`, ...columns].join(", ")} from (select *, rowid as r from source) where ${which} order by 1 limit ${rowsShown}`,
  );
  return rows.map((row) => ({
    id: row.id ?? null,
    ...Object.fromEntries(shown.map(({ name }, index) => [name, row[`v${index}`] ?? null])),
  }));
}
