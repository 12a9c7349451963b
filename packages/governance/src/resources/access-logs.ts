import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import type { OnDelete, Place } from "@tributary/core";
import { denyOldTls, denyPlainTransport, policyDocument, protectData } from "@tributary/core";

/**
 * The bucket for S3 access logs. Encrypted with S3's own keys: log delivery cannot write to a bucket whose default is a
 * KMS key. Private, TLS only; logs expire with the others.
 */
export function makeAccessLogs(
  name: string,
  args: {
    readonly place: Place;
    readonly retentionDays: number;
    readonly onDelete: OnDelete;
    readonly tags: Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): s3.Bucket {
  const bucket = new s3.Bucket(
    `${name}-access-logs`,
    { forceDestroy: args.onDelete === "destroy", tags: args.tags },
    { ...opts, ...protectData(args.onDelete, `Governance "${name}"`) },
  );
  const block = new s3.BucketPublicAccessBlock(
    `${name}-access-logs`,
    {
      bucket: bucket.bucket,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    opts,
  );
  new s3.BucketOwnershipControls(
    `${name}-access-logs`,
    { bucket: bucket.bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
    opts,
  );
  new s3.BucketServerSideEncryptionConfiguration(
    `${name}-access-logs`,
    {
      bucket: bucket.bucket,
      rules: [
        {
          applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" },
          blockedEncryptionTypes: ["SSE-C"],
        },
      ],
    },
    opts,
  );
  const versioning = new s3.BucketVersioning(
    `${name}-access-logs`,
    { bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } },
    opts,
  );
  new s3.BucketLifecycleConfiguration(
    `${name}-access-logs`,
    {
      bucket: bucket.bucket,
      rules: [
        {
          id: "expire",
          status: "Enabled",
          filter: { prefix: "" },
          expiration: { days: args.retentionDays },
          noncurrentVersionExpiration: { noncurrentDays: 7 },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        },
      ],
    },
    { ...opts, dependsOn: [versioning] },
  );
  const resources = [bucket.arn, pulumi.interpolate`${bucket.arn}/*`];
  new s3.BucketPolicy(
    `${name}-access-logs`,
    {
      bucket: bucket.bucket,
      policy: policyDocument([
        denyPlainTransport("s3", resources),
        denyOldTls(resources),
        {
          sid: "AccessLogDelivery",
          actions: ["s3:PutObject"],
          principals: { Service: "logging.s3.amazonaws.com" },
          resources: [pulumi.interpolate`${bucket.arn}/*`],
          conditions: { StringEquals: { "aws:SourceAccount": args.place.accountId } },
        },
      ]),
    },
    { ...opts, dependsOn: [block] },
  );
  return bucket;
}
