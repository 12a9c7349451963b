import { createReadStream } from "node:fs";
import { AwsError, autoName, isStoredAsset, type Realiser, type Registered } from "../../kernel";
import { isRecord, tagOutputs, text } from "../support";
import { bucketNotEmpty, checkBucketName } from "./bucket-operations";
import { targetsOf } from "./configuration";
import { objectStore } from "./storage";
import type { ObjectBody, ObjectHeaders } from "./types";

const bucket: Realiser = {
  type: "aws:s3/bucket:Bucket",
  replaceOn: ["bucket", "bucketPrefix", "objectLockEnabled"],
  compute({ urn, name, inputs }, kernel, previous) {
    const prefix = text(inputs.bucketPrefix);
    const bucketName =
      text(inputs.bucket) ??
      previous?.id ??
      (prefix ? autoName(urn, prefix.replace(/-$/, "")) : autoName(urn, name.toLowerCase()));
    checkBucketName(bucketName);
    const { accountId, region } = kernel.place;
    return {
      id: bucketName,
      outputs: {
        bucket: bucketName,
        arn: `arn:aws:s3:::${bucketName}`,
        bucketDomainName: `${bucketName}.s3.amazonaws.com`,
        bucketRegionalDomainName: `${bucketName}.s3.${region}.amazonaws.com`,
        hostedZoneId: "Z3AQBSTGFYJSTF",
        region,
        ownerId: accountId,
        ...tagOutputs(inputs),
      },
    };
  },
  async attach(resource, kernel) {
    await objectStore(kernel).createBucket(resource.id);
  },
  async destroy(resource, kernel) {
    const store = objectStore(kernel);
    if (!store.isEmpty(resource.id) && resource.inputs.forceDestroy !== true) throw bucketNotEmpty(resource.id);
    const keys = [...store.objects.entries({ start: [resource.id], end: [resource.id, "\u{10ffff}"] })];
    await kernel.store.write(() => {
      for (const { key } of keys) store.objects.remove(key);
    });
    await store.deleteBucket(resource.id);
  },
};

/** Settings that other parts read from the stack's resources; nothing happens when they appear. */
function setting(name: string, check: (inputs: Record<string, unknown>) => void = () => {}): Realiser {
  return {
    type: `aws:s3/${name}:${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    replaceOn: ["bucket"],
    compute({ inputs }, kernel) {
      const bucketName = text(inputs.bucket);
      if (!bucketName) throw new AwsError("InvalidArgument", `${name} names no bucket`);
      check(inputs);
      const suffix = name === "bucketIntelligentTieringConfiguration" ? `:${text(inputs.name) ?? "default"}` : "";
      return { id: `${bucketName}${suffix}`, outputs: { region: kernel.place.region } };
    },
  };
}

const settings = [
  "bucketPublicAccessBlock",
  "bucketServerSideEncryptionConfiguration",
  "bucketServerSideEncryptionConfigurationV2",
  "bucketVersioning",
  "bucketVersioningV2",
  "bucketOwnershipControls",
  "bucketPolicy",
  "bucketLifecycleConfiguration",
  "bucketLifecycleConfigurationV2",
  "bucketLogging",
  "bucketLoggingV2",
  "bucketIntelligentTieringConfiguration",
];

function contentOf({ inputs }: Registered): ObjectBody {
  if (isStoredAsset(inputs.source)) {
    if (inputs.source.__asset === "file") return createReadStream(inputs.source.path);
    throw new AwsError("InvalidArgument", "An archive cannot be an object's source; zip it and use a FileAsset");
  }
  const base64 = text(inputs.contentBase64);
  if (base64) return Buffer.from(base64, "base64");
  return text(inputs.content) ?? "";
}

function object(type: string): Realiser {
  return {
    type,
    replaceOn: ["bucket", "key"],
    async compute(resource, kernel) {
      const { inputs, name } = resource;
      const bucketName = text(inputs.bucket);
      if (!bucketName) throw new AwsError("InvalidArgument", `${name} names no bucket`);
      const key = text(inputs.key) ?? name;
      // Uploaded here, not in `attach`: a restart must not write (and announce) every object again.
      const row = await objectStore(kernel).put(bucketName, key, contentOf(resource), headersFor(inputs));
      return {
        id: `${bucketName}/${key}`,
        outputs: {
          key,
          arn: `arn:aws:s3:::${bucketName}/${key}`,
          etag: row.etag.replaceAll('"', ""),
          contentType: row.contentType ?? "binary/octet-stream",
          storageClass: "STANDARD",
          ...tagOutputs(inputs),
        },
      };
    },
    async destroy(resource, kernel) {
      const { bucket: bucketName, key } = locate(resource.id);
      await objectStore(kernel).delete(bucketName, key);
    },
  };
}

function locate(id: string): { bucket: string; key: string } {
  const slash = id.indexOf("/");
  return { bucket: id.slice(0, slash), key: id.slice(slash + 1) };
}

function headersFor(inputs: Record<string, unknown>): ObjectHeaders {
  const contentType = text(inputs.contentType);
  const contentEncoding = text(inputs.contentEncoding);
  const cacheControl = text(inputs.cacheControl);
  const metadata = isRecord(inputs.metadata)
    ? Object.fromEntries(Object.entries(inputs.metadata).map(([key, value]) => [key, String(value)]))
    : undefined;
  return {
    ...(contentType && { contentType }),
    ...(contentEncoding && { contentEncoding }),
    ...(cacheControl && { cacheControl }),
    ...(metadata && { metadata }),
  };
}

export const s3Realisers: Realiser[] = [
  bucket,
  ...settings.map((name) => setting(name)),
  setting("bucketNotification", (inputs) => void targetsOf(inputs)),
  object("aws:s3/bucketObjectv2:BucketObjectv2"),
  object("aws:s3/bucketObject:BucketObject"),
];
