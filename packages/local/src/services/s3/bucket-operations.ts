import { AwsError } from "../../kernel";
import { type Operation, operation } from "../support";
import { type ListPage, listObjects } from "./listing";
import { onBucket } from "./permissions";
import { schemas } from "./schemas";
import type { ObjectStore } from "./storage";

const pageSize = 1000;

function contentsOf(page: ListPage, encode: (key: string) => string) {
  return {
    ...(page.contents.length > 0 && {
      Contents: page.contents.map(({ key, row }) => ({
        Key: encode(key),
        LastModified: new Date(row.lastModified),
        ETag: row.etag,
        Size: row.size,
        StorageClass: row.storageClass ?? "STANDARD",
      })),
    }),
    ...(page.commonPrefixes.length > 0 && { CommonPrefixes: page.commonPrefixes.map((p) => ({ Prefix: encode(p) })) }),
  };
}

function encoderOf(encodingType: string | undefined): (key: string) => string {
  if (encodingType !== "url") return (key) => key;
  return (key) => encodeURIComponent(key).replaceAll("%2F", "/");
}

function listContext(input: { Prefix?: string | undefined; Delimiter?: string | undefined }): Record<string, string> {
  return { "s3:prefix": input.Prefix ?? "", ...(input.Delimiter && { "s3:delimiter": input.Delimiter }) };
}

/** Buckets, and lists of what is in them. */
export function bucketOperations(store: ObjectStore): Record<string, Operation> {
  const { kernel } = store;
  return {
    ListBuckets: operation(
      schemas.listBuckets,
      () => [{ action: "s3:ListAllMyBuckets", resource: "*" }],
      ({ Prefix = "" }) => ({
        Buckets: [...store.buckets.entries()]
          .filter(({ value }) => value.name.startsWith(Prefix))
          .map(({ value }) => ({ Name: value.name, CreationDate: new Date(value.createdAt) })),
        Owner: { ID: kernel.place.accountId },
      }),
    ),
    CreateBucket: operation(
      schemas.createBucket,
      ({ Bucket }) => onBucket("CreateBucket", Bucket),
      async ({ Bucket }) => {
        checkBucketName(Bucket);
        if (store.buckets.get(Bucket)) {
          const message = "Your previous request to create the named bucket succeeded and you already own it.";
          throw new AwsError("BucketAlreadyOwnedByYou", message, { status: 409, details: { BucketName: Bucket } });
        }
        await store.createBucket(Bucket);
        return { Location: `/${Bucket}` };
      },
    ),
    DeleteBucket: operation(
      schemas.bucket,
      ({ Bucket }) => onBucket("DeleteBucket", Bucket),
      async ({ Bucket }) => {
        store.requireBucket(Bucket);
        if (!store.isEmpty(Bucket)) throw bucketNotEmpty(Bucket);
        await store.deleteBucket(Bucket);
        return {};
      },
    ),
    HeadBucket: operation(
      schemas.bucket,
      ({ Bucket }) => onBucket("ListBucket", Bucket),
      ({ Bucket }) => {
        if (!store.buckets.get(Bucket)) throw new AwsError("NotFound", "Not Found", { status: 404 });
        return { BucketRegion: kernel.place.region };
      },
    ),
    GetBucketLocation: operation(
      schemas.bucket,
      ({ Bucket }) => onBucket("GetBucketLocation", Bucket),
      ({ Bucket }) => {
        store.requireBucket(Bucket);
        // As on AWS: the first Region has no name here.
        return kernel.place.region === "us-east-1" ? {} : { LocationConstraint: kernel.place.region };
      },
    ),
    GetBucketVersioning: operation(
      schemas.bucket,
      ({ Bucket }) => onBucket("GetBucketVersioning", Bucket),
      ({ Bucket }) => {
        store.requireBucket(Bucket);
        const { versioning } = store.configuration(Bucket);
        return versioning ? { Status: versioning } : {};
      },
    ),
    GetBucketPolicy: operation(
      schemas.bucket,
      ({ Bucket }) => onBucket("GetBucketPolicy", Bucket),
      ({ Bucket }) => {
        store.requireBucket(Bucket);
        const { policy } = store.configuration(Bucket);
        if (!policy) throw new AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", { status: 404 });
        return { Policy: policy };
      },
    ),
    ListObjectsV2: operation(
      schemas.listV2,
      (input) => onBucket("ListBucket", input.Bucket, listContext(input)),
      ({ Bucket, Prefix = "", Delimiter, MaxKeys, ContinuationToken, StartAfter, EncodingType }) => {
        store.requireBucket(Bucket);
        const maxKeys = Math.min(MaxKeys ?? pageSize, pageSize);
        const request = {
          prefix: Prefix,
          delimiter: Delimiter,
          startAfter: StartAfter,
          token: ContinuationToken,
          maxKeys,
        };
        const page = listObjects(store, Bucket, request);
        const encode = encoderOf(EncodingType);
        return {
          Name: Bucket,
          Prefix: encode(Prefix),
          MaxKeys: maxKeys,
          KeyCount: page.contents.length + page.commonPrefixes.length,
          IsTruncated: page.nextToken !== undefined,
          ...contentsOf(page, encode),
          ...(Delimiter && { Delimiter: encode(Delimiter) }),
          ...(StartAfter && { StartAfter: encode(StartAfter) }),
          ...(ContinuationToken && { ContinuationToken }),
          ...(EncodingType && { EncodingType }),
          ...(page.nextToken && { NextContinuationToken: page.nextToken }),
        };
      },
    ),
    ListObjects: operation(
      schemas.listV1,
      (input) => onBucket("ListBucket", input.Bucket, listContext(input)),
      ({ Bucket, Prefix = "", Delimiter, MaxKeys, Marker, EncodingType }) => {
        store.requireBucket(Bucket);
        const maxKeys = Math.min(MaxKeys ?? pageSize, pageSize);
        const page = listObjects(store, Bucket, { prefix: Prefix, delimiter: Delimiter, startAfter: Marker, maxKeys });
        const encode = encoderOf(EncodingType);
        return {
          Name: Bucket,
          Prefix: encode(Prefix),
          Marker: encode(Marker ?? ""),
          MaxKeys: maxKeys,
          IsTruncated: page.nextToken !== undefined,
          ...contentsOf(page, encode),
          ...(Delimiter && { Delimiter: encode(Delimiter) }),
          ...(EncodingType && { EncodingType }),
          ...(page.nextToken && page.last && { NextMarker: encode(page.last) }),
        };
      },
    ),
  };
}

export function bucketNotEmpty(bucket: string): AwsError {
  return new AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", {
    status: 409,
    details: { BucketName: bucket },
  });
}

/** "Bucket naming rules" of the S3 user guide, the ones that a typing mistake breaks. */
export function checkBucketName(name: string): void {
  const shape = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
  if (shape.test(name) && !name.includes("..") && !/^\d+\.\d+\.\d+\.\d+$/.test(name)) return;
  throw new AwsError("InvalidBucketName", `The specified bucket is not valid: ${name}`);
}
