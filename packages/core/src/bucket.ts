import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import { TributaryComponent } from "./component";
import type { FoundationRef, TagDataClass } from "./foundation";
import { tagsFor } from "./foundation";
import type { Grantee } from "./grants";
import { grantBucketDelete, grantBucketRead, grantBucketWrite } from "./grants";
import type { Statement } from "./policy";
import { denyOldTls, denyPlainTransport, policyDocument } from "./policy";
import type { OnDelete } from "./protect";
import { protectData } from "./protect";
import type { BucketRef } from "./refs";
import type { Transform } from "./transform";
import { applyTransform } from "./transform";

/** Days, per class of object age. */
export interface BucketLifecycle {
  /** Objects move to Intelligent-Tiering after so many days. @default 30 */
  readonly tierAfterDays?: number;
  /** Objects expire after so many days; left out: never. */
  readonly expireAfterDays?: number;
  /** Days after which objects under a prefix expire: `{ "athena/": 30 }`. */
  readonly expirePrefixes?: Readonly<Record<string, number>>;
  /** Versions that were replaced or deleted expire after so many days. @default 90 */
  readonly noncurrentDays?: number;
}

export interface SecureBucketArgs {
  readonly foundation: FoundationRef;
  readonly dataClass: TagDataClass;
  readonly lifecycle?: BucketLifecycle;
  /** @default "retain" */
  readonly onDelete?: OnDelete;
  /** More statements of the bucket policy, made from the bucket's ARN. */
  readonly policy?: (arn: pulumi.Output<string>) => readonly Statement[];
  readonly transform?: Transform<s3.BucketArgs>;
}

/** Days after which multipart uploads that were never finished go away. */
const abortMultipartAfterDays = 7;

/**
 * A bucket that is private, versioned, encrypted with the foundation's key (customer-provided keys refused), reachable
 * over TLS 1.2 or newer only, with a lifecycle, and access-logged where the foundation has a place for the logs.
 */
export class SecureBucket extends TributaryComponent {
  readonly bucket: s3.Bucket;
  readonly name: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  readonly ref: BucketRef;

  constructor(name: string, args: SecureBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("SecureBucket", name, opts);
    const onDelete = args.onDelete ?? "retain";
    const defaults: s3.BucketArgs = { tags: tagsFor(args.foundation, this.module, args.dataClass) };
    this.bucket = new s3.Bucket(
      name,
      { ...applyTransform(defaults, args.transform), forceDestroy: onDelete === "destroy" },
      this.child(protectData(onDelete, `Bucket "${name}"`)),
    );
    this.name = this.bucket.bucket;
    this.arn = this.bucket.arn;
    this.ref = { label: name, name: this.name, arn: this.arn, keyArn: args.foundation.keyArn };
    this.#guard(name, args);
    this.#encrypt(name, args.foundation);
    this.#keep(name, args.lifecycle ?? {});
    if (args.foundation.accessLogs !== undefined) {
      new s3.BucketLogging(
        `${name}-access-logs`,
        {
          bucket: this.name,
          targetBucket: args.foundation.accessLogs.bucketName,
          targetPrefix: pulumi.interpolate`${this.name}/`,
        },
        this.child(),
      );
    }
    this.registerOutputs({ bucketName: this.name, bucketArn: this.arn });
  }

  /** Lets the grantee read (and list) objects below the prefix. */
  grantRead(grantee: Grantee, prefix?: string): void {
    grantBucketRead(grantee, this.ref, prefix);
  }

  /** Lets the grantee write objects below the prefix. */
  grantWrite(grantee: Grantee, prefix?: string): void {
    grantBucketWrite(grantee, this.ref, prefix);
  }

  /** Lets the grantee delete objects below the prefix. */
  grantDelete(grantee: Grantee, prefix?: string): void {
    grantBucketDelete(grantee, this.ref, prefix);
  }

  #guard(name: string, args: SecureBucketArgs): void {
    const block = new s3.BucketPublicAccessBlock(
      `${name}-public-access`,
      {
        bucket: this.name,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      this.child(),
    );
    new s3.BucketOwnershipControls(
      `${name}-ownership`,
      { bucket: this.name, rule: { objectOwnership: "BucketOwnerEnforced" } },
      this.child(),
    );
    const resources = [this.arn, pulumi.interpolate`${this.arn}/*`];
    new s3.BucketPolicy(
      `${name}-policy`,
      {
        bucket: this.name,
        policy: policyDocument([
          denyPlainTransport("s3", resources),
          denyOldTls(resources),
          ...(args.policy?.(this.arn) ?? []),
        ]),
      },
      // S3 refuses two configuration calls on one bucket at once.
      this.child({ dependsOn: [block] }),
    );
  }

  #encrypt(name: string, foundation: FoundationRef): void {
    new s3.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      {
        bucket: this.name,
        rules: [
          {
            applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: foundation.keyArn },
            bucketKeyEnabled: true,
            blockedEncryptionTypes: ["SSE-C"],
          },
        ],
      },
      this.child(),
    );
  }

  #keep(name: string, lifecycle: BucketLifecycle): void {
    const versioning = new s3.BucketVersioning(
      `${name}-versioning`,
      { bucket: this.name, versioningConfiguration: { status: "Enabled" } },
      this.child(),
    );
    new s3.BucketLifecycleConfiguration(
      `${name}-lifecycle`,
      {
        bucket: this.name,
        rules: [
          {
            id: "keep",
            status: "Enabled",
            filter: { prefix: "" },
            abortIncompleteMultipartUpload: { daysAfterInitiation: abortMultipartAfterDays },
            noncurrentVersionExpiration: { noncurrentDays: lifecycle.noncurrentDays ?? 90 },
            transitions: [{ days: lifecycle.tierAfterDays ?? 30, storageClass: "INTELLIGENT_TIERING" }],
            ...(lifecycle.expireAfterDays === undefined ? {} : { expiration: { days: lifecycle.expireAfterDays } }),
          },
          ...Object.entries(lifecycle.expirePrefixes ?? {}).map(([prefix, days]) => ({
            id: `expire-${prefix.replace(/[^a-z0-9]+/gi, "-")}`,
            status: "Enabled",
            filter: { prefix },
            expiration: { days },
          })),
        ],
      },
      this.child({ dependsOn: [versioning] }),
    );
  }
}
