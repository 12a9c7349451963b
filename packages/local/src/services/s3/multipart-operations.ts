import { type Operation, operation } from "../support";
import type { MultipartUploads } from "./multipart";
import { encryptionOf, headerContext, headersOf } from "./object-operations";
import { onBucket, onObject } from "./permissions";
import { schemas } from "./schemas";
import type { ObjectStore } from "./storage";

export function multipartOperations(store: ObjectStore, uploads: MultipartUploads): Record<string, Operation> {
  return {
    CreateMultipartUpload: operation(
      schemas.createUpload,
      (input) => onObject("PutObject", input.Bucket, input.Key, headerContext(input)),
      async (input) => {
        const { Bucket, Key } = input;
        const UploadId = await uploads.create(Bucket, Key, headersOf(input));
        return { Bucket, Key, UploadId, ...encryptionOf(store, Bucket) };
      },
    ),
    UploadPart: operation(
      schemas.uploadPart,
      ({ Bucket, Key }) => onObject("PutObject", Bucket, Key),
      async ({ Bucket, Key, UploadId, PartNumber, Body }) => ({
        ETag: await uploads.addPart(Bucket, Key, UploadId, PartNumber, Body),
        ...encryptionOf(store, Bucket),
      }),
    ),
    CompleteMultipartUpload: operation(
      schemas.completeUpload,
      ({ Bucket, Key }) => onObject("PutObject", Bucket, Key),
      async ({ Bucket, Key, UploadId, MultipartUpload, IfMatch, IfNoneMatch }) => {
        const conditions = { ifMatch: IfMatch, ifNoneMatch: IfNoneMatch };
        const row = await uploads.complete(Bucket, Key, UploadId, MultipartUpload.Parts, conditions);
        return { Bucket, Key, ETag: row.etag, Location: `/${Bucket}/${Key}`, ...encryptionOf(store, Bucket) };
      },
    ),
    AbortMultipartUpload: operation(
      schemas.upload,
      ({ Bucket, Key }) => onObject("AbortMultipartUpload", Bucket, Key),
      async ({ Bucket, Key, UploadId }) => {
        await uploads.abort(Bucket, Key, UploadId);
        return {};
      },
    ),
    ListParts: operation(
      schemas.listParts,
      ({ Bucket, Key }) => onObject("ListMultipartUploadParts", Bucket, Key),
      ({ Bucket, Key, UploadId, MaxParts = 1000, PartNumberMarker = "0" }) => {
        uploads.require(Bucket, Key, UploadId);
        const after = uploads.listParts(UploadId).filter(({ number }) => number > Number(PartNumberMarker));
        const page = after.slice(0, MaxParts);
        const IsTruncated = after.length > page.length;
        return {
          Bucket,
          Key,
          UploadId,
          MaxParts,
          IsTruncated,
          ...(IsTruncated && { NextPartNumberMarker: String(page.at(-1)?.number) }),
          Parts: page.map(({ number, part }) => ({
            PartNumber: number,
            ETag: part.etag,
            Size: part.size,
            LastModified: new Date(part.lastModified),
          })),
        };
      },
    ),
    ListMultipartUploads: operation(
      schemas.listUploads,
      ({ Bucket }) => onBucket("ListBucketMultipartUploads", Bucket),
      ({ Bucket, Prefix = "", MaxUploads = 1000 }) => {
        store.requireBucket(Bucket);
        const all = [...uploads.uploads.entries()].filter(
          ({ value }) => value.bucket === Bucket && value.key.startsWith(Prefix),
        );
        return {
          Bucket,
          IsTruncated: all.length > MaxUploads,
          Uploads: all.slice(0, MaxUploads).map(({ key, value }) => ({
            Key: value.key,
            UploadId: String(key),
            Initiated: new Date(value.startedAt),
          })),
        };
      },
    ),
  };
}
