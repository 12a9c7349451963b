import { Readable } from "node:stream";
import { z } from "zod";
import type { ObjectBody } from "./types";

/** Inputs of the S3 operations. A member that is not listed is refused by name. */

const body = z
  .custom<ObjectBody>(
    (value) =>
      value === undefined || typeof value === "string" || value instanceof Uint8Array || value instanceof Readable,
    "bytes, text or a stream",
  )
  .optional();

/** Members that change nothing here: checksums are computed anyway, and there is one account, which pays. */
const indifferent = {
  ChecksumAlgorithm: z.string().optional(),
  ChecksumMode: z.string().optional(),
  ChecksumType: z.string().optional(),
  ExpectedBucketOwner: z.string().optional(),
  RequestPayer: z.string().optional(),
};

const bucket = { Bucket: z.string().min(1), ...indifferent };
const object = { ...bucket, Key: z.string().min(1).max(1024) };
const headers = {
  ContentType: z.string().optional(),
  CacheControl: z.string().optional(),
  ContentDisposition: z.string().optional(),
  ContentEncoding: z.string().optional(),
  ContentLanguage: z.string().optional(),
  Metadata: z.record(z.string(), z.string()).optional(),
  StorageClass: z.string().optional(),
  ServerSideEncryption: z.string().optional(),
  SSEKMSKeyId: z.string().optional(),
  BucketKeyEnabled: z.boolean().optional(),
};
const conditions = { IfMatch: z.string().optional(), IfNoneMatch: z.string().optional() };
const checksums = {
  ContentMD5: z.string().optional(),
  ContentLength: z.number().optional(),
  ChecksumCRC32: z.string().optional(),
};

export const schemas = {
  bucket: z.strictObject(bucket),
  listBuckets: z.strictObject({
    MaxBuckets: z.number().optional(),
    Prefix: z.string().optional(),
    ContinuationToken: z.string().optional(),
    BucketRegion: z.string().optional(),
  }),
  createBucket: z.strictObject({
    ...bucket,
    CreateBucketConfiguration: z.object({ LocationConstraint: z.string().optional() }).optional(),
  }),
  put: z.strictObject({ ...object, ...headers, ...conditions, ...checksums, Body: body }),
  get: z.strictObject({
    ...object,
    ...conditions,
    Range: z.string().optional(),
    PartNumber: z.literal(1).optional(),
    ResponseContentType: z.string().optional(),
    ResponseContentDisposition: z.string().optional(),
  }),
  remove: z.strictObject({ ...object, IfMatch: z.string().optional() }),
  removeMany: z.strictObject({
    ...bucket,
    Delete: z.object({
      Objects: z.array(z.strictObject({ Key: z.string().min(1), ETag: z.string().optional() })).max(1000),
      Quiet: z.boolean().optional(),
    }),
    ContentMD5: z.string().optional(),
    ChecksumCRC32: z.string().optional(),
  }),
  copy: z.strictObject({
    ...object,
    ...headers,
    ...conditions,
    CopySource: z.string().min(3),
    CopySourceIfMatch: z.string().optional(),
    MetadataDirective: z.enum(["COPY", "REPLACE"]).optional(),
    // Objects have no tags here.
    TaggingDirective: z.enum(["COPY", "REPLACE"]).optional(),
  }),
  listV2: z.strictObject({
    ...bucket,
    Prefix: z.string().optional(),
    Delimiter: z.string().optional(),
    MaxKeys: z.number().int().min(0).optional(),
    ContinuationToken: z.string().optional(),
    StartAfter: z.string().optional(),
    FetchOwner: z.boolean().optional(),
    EncodingType: z.literal("url").optional(),
  }),
  listV1: z.strictObject({
    ...bucket,
    Prefix: z.string().optional(),
    Delimiter: z.string().optional(),
    MaxKeys: z.number().int().min(0).optional(),
    Marker: z.string().optional(),
    EncodingType: z.literal("url").optional(),
  }),
  createUpload: z.strictObject({ ...object, ...headers }),
  uploadPart: z.strictObject({
    ...object,
    ...checksums,
    UploadId: z.string(),
    PartNumber: z.number().int().min(1).max(10_000),
    Body: body,
  }),
  completeUpload: z.strictObject({
    ...object,
    ...conditions,
    ...checksums,
    UploadId: z.string(),
    MpuObjectSize: z.number().optional(),
    MultipartUpload: z.object({
      Parts: z.array(z.object({ PartNumber: z.number().int(), ETag: z.string().optional() })),
    }),
  }),
  upload: z.strictObject({ ...object, UploadId: z.string() }),
  listParts: z.strictObject({
    ...object,
    UploadId: z.string(),
    MaxParts: z.number().optional(),
    PartNumberMarker: z.string().optional(),
  }),
  listUploads: z.strictObject({ ...bucket, Prefix: z.string().optional(), MaxUploads: z.number().optional() }),
};

export type Headers = z.output<z.ZodObject<typeof headers>>;
