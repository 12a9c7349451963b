import type { Source } from "./input/load";
import { literal, type Session } from "./session";

/** The key of a record that has no identifier of its own: the record itself is one. */
export const recordIdentifierType = "record";

/**
 * Makes the table `profiles(root, profile_id, size)` from `assignment`: a profile's id is the hash of the least key of its
 * records, as `profileIdOf` of the model makes it.
 */
export async function storeProfiles(session: Session, source: Source): Promise<{ profiles: number; largest: number }> {
  const key = `${literal(`${recordIdentifierType}:`)} || min(${source.id})`;
  await session.run(
    `create or replace table profiles as select root, 'p_' || left(sha256(${key}), 32) as profile_id, count(*) as size from assignment join source on source.rowid = r group by root`,
  );
  const [row] = await session.rows<{ n: bigint; largest: bigint }>(
    "select count(*) as n, max(size) as largest from profiles",
  );
  return { profiles: Number(row?.n ?? 0), largest: Number(row?.largest ?? 0) };
}
