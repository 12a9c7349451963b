import type { RuntimeHandle } from "@tributary/local";
import type { PlatformContract, ProfileIdentifier } from "@tributary/model";
import { scan } from "./scan";

/** Every profile with its identifiers, and the size of each audience. */
export async function profilesOf(
  runtime: RuntimeHandle,
  platform: PlatformContract,
): Promise<{
  profiles: { profileId: string; identifiers: readonly ProfileIdentifier[] }[];
  audiences: Record<string, number>;
}> {
  const profiles: { profileId: string; identifiers: readonly ProfileIdentifier[] }[] = [];
  for await (const item of scan(runtime, platform.identities.profilesTableName, ["profileId", "kind", "identifiers"])) {
    if (item.kind !== "profile") continue;
    profiles.push({ profileId: String(item.profileId), identifiers: item.identifiers as ProfileIdentifier[] });
  }
  const audiences = Object.fromEntries(platform.activation.audiences.map((name) => [name, 0]));
  for await (const item of scan(runtime, platform.activation.membershipsTableName, ["audience", "member"])) {
    const name = String(item.audience);
    if (item.member !== false) audiences[name] = (audiences[name] ?? 0) + 1;
  }
  return { profiles, audiences };
}
