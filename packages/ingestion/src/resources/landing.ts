import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { type FoundationRef, type OnDelete, SecureBucket, type SecureStream } from "@tributary/core";
import type { RawZoneRef } from "../args";
import type { ResolvedSource } from "../normalize";
import type { Landing } from "../sources";

interface LandingArgs {
  readonly foundation: FoundationRef;
  readonly rawZone: RawZoneRef;
  readonly sources: readonly ResolvedSource[];
  readonly stream: SecureStream;
  readonly quarantine: SecureBucket;
  readonly onDelete: OnDelete;
}

/** The bucket where sources' files arrive, and the loader that takes them to the raw zone and to the event stream. */
export function makeLanding(
  name: string,
  { foundation, onDelete }: LandingArgs,
  opts: ComponentResourceOptions,
): Landing {
  const bucket = new SecureBucket(`${name}-landing`, { foundation, dataClass: "personal", onDelete }, opts);
  return { bucket, folder: (id) => `source=${id}/` };
}
