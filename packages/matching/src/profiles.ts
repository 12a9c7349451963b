import { INTEGER, VARCHAR } from "@duckdb/node-api";
import { recordIdentifierType } from "./identifiers";
import type { Source } from "./input/load";
import { literal, type Session } from "./session";

/**
 * Makes the table `profiles(root, profile_id, size)` from `assignment`. A profile's id is the one given for its root; else
 * the hash of the least key of its records, as `profileIdOf` of the model makes it.
 */
export async function storeProfiles(
  session: Session,
  source: Source,
  given: ReadonlyMap<number, string>,
): Promise<{ profiles: number; largest: number }> {
  const key = `${literal(`${recordIdentifierType}:`)} || min(${source.id})`;
  const made = `'p_' || left(sha256(${key}), 32)`;
  const records = "assignment join source on source.rowid = r";
  if (given.size === 0) {
    await session.run(
      `create or replace temp table profiles as select root, ${made} as profile_id, count(*) as size from ${records} group by root`,
    );
  } else {
    await storeGiven(session, given);
    await session.run(
      `create or replace temp table profiles as select root, coalesce(any_value(given.profile_id), ${made}) as profile_id, count(*) as size from ${records} left join given using (root) group by root`,
    );
    await session.run("drop table given");
  }
  const [row] = await session.rows<{ n: bigint; largest: bigint }>(
    "select count(*) as n, max(size) as largest from profiles",
  );
  return { profiles: Number(row?.n ?? 0), largest: Number(row?.largest ?? 0) };
}

async function storeGiven(session: Session, given: ReadonlyMap<number, string>): Promise<void> {
  await session.run("create or replace temp table given(root INTEGER, profile_id VARCHAR)");
  const appender = await session.connection.createAppender("given", null, "temp");
  for (const [root, profileId] of given) {
    appender.appendValue(root, INTEGER);
    appender.appendValue(profileId, VARCHAR);
    appender.endRow();
  }
  appender.closeSync();
}
