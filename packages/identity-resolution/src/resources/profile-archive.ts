import { join } from "node:path";
import type { CustomResourceOptions } from "@pulumi/pulumi";
import {
  type BucketRef,
  DeadLetterQueue,
  type FoundationRef,
  grantBucketWrite,
  handlerBundle,
  LambdaFunction,
  type TableRef,
} from "@tributary/core";
import { archivedProfilesFolder } from "@tributary/model";
import type { IdentityResolutionTransforms } from "../args";
import { identityResolutionDefaults as defaults } from "../defaults";
import type { ProfileArchiverEnv } from "../env";

/** The function that writes each change of a profile to the raw zone: the way of the golden record into the lake. */
export function makeProfileArchive(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly profiles: TableRef;
    readonly bucket: BucketRef;
    readonly transform: IdentityResolutionTransforms["profileArchiver"];
  },
  opts: CustomResourceOptions,
): LambdaFunction {
  const { foundation, profiles, bucket, transform } = args;
  const archiver = new LambdaFunction(
    `${name}-profile-archiver`,
    {
      foundation,
      bundle: handlerBundle(join(__dirname, ".."), "profile-archiver"),
      calls: ["s3"],
      description: "Writes changes of profiles to the raw zone.",
      environment: { RAW_BUCKET: bucket.name } satisfies Record<keyof ProfileArchiverEnv, unknown>,
      memoryMb: defaults.archiver.memoryMb,
      timeoutSeconds: defaults.timeoutSeconds,
      ...(transform === undefined ? {} : { transform }),
    },
    opts,
  );
  grantBucketWrite(archiver, bucket, archivedProfilesFolder);
  const failures = new DeadLetterQueue(
    `${name}-unarchived`,
    { foundation, of: `the profile archiver of ${name}; the profiles themselves are in the profiles table` },
    opts,
  );
  archiver.consumeTable("profiles", profiles, {
    batchSize: defaults.archiver.batchSize,
    windowSeconds: defaults.archiver.windowSeconds,
    onFailure: failures.ref,
  });
  return archiver;
}
