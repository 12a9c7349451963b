import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { AwsError, type Call, NotSupportedLocally } from "../../kernel";
import { type Operation, operation } from "../support";
import { noSuchKey, preconditionFailed } from "./errors";
import { onBucket, onObject } from "./permissions";
import { type Headers, schemas } from "./schemas";
import type { ObjectStore } from "./storage";
import type { ObjectHeaders, ObjectRow } from "./types";

/** Objects one by one, and `DeleteObjects`. */
export function objectOperations(store: ObjectStore): Record<string, Operation> {
  const { kernel } = store;

  const putObject = operation(
    schemas.put,
    (input) => onObject("PutObject", input.Bucket, input.Key, headerContext(input)),
    async (input) => {
      const { Bucket, Key } = input;
      store.requireBucket(Bucket);
      const file = await store.receive(input.Body);
      const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
      verify(input.ContentMD5, file.md5.toString("base64"));
      verify(input.ChecksumCRC32, file.crc32);
      const row = await store.commit(Bucket, Key, file, headersOf(input), "ObjectCreated:Put", conditions);
      return { ETag: row.etag, ...checksumOf(row), ...encryptionOf(store, Bucket) };
    },
  );

  const describe = (bucket: string, row: ObjectRow, input: { ChecksumMode?: string | undefined }) => ({
    AcceptRanges: "bytes",
    ContentLength: row.size,
    ContentType: row.contentType ?? "binary/octet-stream",
    ETag: row.etag,
    LastModified: new Date(row.lastModified),
    Metadata: { ...row.metadata },
    ...(row.cacheControl && { CacheControl: row.cacheControl }),
    ...(row.contentDisposition && { ContentDisposition: row.contentDisposition }),
    ...(row.contentEncoding && { ContentEncoding: row.contentEncoding }),
    ...(row.contentLanguage && { ContentLanguage: row.contentLanguage }),
    ...(row.storageClass && { StorageClass: row.storageClass }),
    ...(input.ChecksumMode === "ENABLED" && checksumOf(row)),
    ...encryptionOf(store, bucket),
  });

  /** A caller who may not list the bucket does not learn that a key is missing. */
  const present = (bucket: string, key: string, call: Call): ObjectRow => {
    const row = store.find(bucket, key);
    if (row) return row;
    for (const needed of onBucket("ListBucket", bucket)) kernel.authorize(call.principal, needed, "GetObject");
    throw noSuchKey(key);
  };

  const getObject = <B>(read: (path: string, start: number, end: number) => Promise<B> | B) =>
    operation(
      schemas.get,
      ({ Bucket, Key }) => onObject("GetObject", Bucket, Key),
      async (input, call) => {
        const row = present(input.Bucket, input.Key, call);
        checkRead(row, input);
        const range = rangeOf(input.Range, row.size);
        const { start, end } = range ?? { start: 0, end: row.size };
        const Body = await read(store.pathOf(input.Bucket, input.Key), start, end);
        return {
          ...describe(input.Bucket, row, range ? {} : input),
          ContentLength: end - start,
          ...(range && { ContentRange: `bytes ${start}-${end - 1}/${row.size}` }),
          ...(input.ResponseContentType && { ContentType: input.ResponseContentType }),
          ...(input.ResponseContentDisposition && { ContentDisposition: input.ResponseContentDisposition }),
          Body,
        };
      },
    );

  return {
    PutObject: putObject,
    GetObject: getObject(readBytes),
    /** Not AWS's: as `GetObject`, with a stream for a body, for the HTTP endpoint. */
    GetObjectStream: getObject((path, start, end) =>
      end > start ? createReadStream(path, { start, end: end - 1 }) : undefined,
    ),
    HeadObject: operation(
      schemas.get,
      ({ Bucket, Key }) => onObject("GetObject", Bucket, Key),
      (input, call) => {
        let row: ObjectRow;
        try {
          row = present(input.Bucket, input.Key, call);
        } catch (error) {
          // A HEAD has no body to name a code in; the SDK reports `NotFound`.
          if (error instanceof AwsError && error.status === 404)
            throw new AwsError("NotFound", "Not Found", { status: 404 });
          throw error;
        }
        checkRead(row, input);
        return describe(input.Bucket, row, input);
      },
    ),
    DeleteObject: operation(
      schemas.remove,
      ({ Bucket, Key }) => onObject("DeleteObject", Bucket, Key),
      async ({ Bucket, Key, IfMatch }) => {
        await store.delete(Bucket, Key, { ifMatch: IfMatch });
        return {};
      },
    ),
    DeleteObjects: operation(
      schemas.removeMany,
      // Judged key by key, as on AWS: the answer lists what was denied.
      () => [],
      async ({ Bucket, Delete }, call) => {
        store.requireBucket(Bucket);
        const Deleted: object[] = [];
        const Errors: object[] = [];
        for (const { Key, ETag } of Delete.Objects) {
          try {
            for (const needed of onObject("DeleteObject", Bucket, Key)) {
              kernel.authorize(call.principal, needed, "DeleteObjects");
            }
            await store.delete(Bucket, Key, { ifMatch: ETag });
            Deleted.push({ Key });
          } catch (error) {
            if (!(error instanceof AwsError)) throw error;
            Errors.push({ Key, Code: error.name, Message: error.message });
          }
        }
        return { ...(!Delete.Quiet && { Deleted }), ...(Errors.length > 0 && { Errors }) };
      },
    ),
    CopyObject: operation(
      schemas.copy,
      (input) => {
        const source = copySource(input.CopySource);
        return [...onObject("GetObject", source.bucket, source.key), ...onObject("PutObject", input.Bucket, input.Key)];
      },
      async (input) => {
        const source = copySource(input.CopySource);
        const before = store.require(source.bucket, source.key);
        if (input.CopySourceIfMatch !== undefined && !sameEtag(input.CopySourceIfMatch, before.etag)) {
          throw preconditionFailed("x-amz-copy-source-If-Match");
        }
        const headers = input.MetadataDirective === "REPLACE" ? headersOf(input) : headersOfRow(before);
        const body = createReadStream(store.pathOf(source.bucket, source.key));
        const conditions = { ifMatch: input.IfMatch, ifNoneMatch: input.IfNoneMatch };
        const row = await store.put(input.Bucket, input.Key, body, headers, "ObjectCreated:Copy", conditions);
        return {
          CopyObjectResult: { ETag: row.etag, LastModified: new Date(row.lastModified) },
          ...encryptionOf(store, input.Bucket),
        };
      },
    ),
  };
}

export function headersOf(input: Headers): ObjectHeaders {
  return {
    ...(input.ContentType && { contentType: input.ContentType }),
    ...(input.CacheControl && { cacheControl: input.CacheControl }),
    ...(input.ContentDisposition && { contentDisposition: input.ContentDisposition }),
    ...(input.ContentEncoding && { contentEncoding: input.ContentEncoding }),
    ...(input.ContentLanguage && { contentLanguage: input.ContentLanguage }),
    ...(input.Metadata && { metadata: input.Metadata }),
    ...(input.StorageClass && { storageClass: input.StorageClass }),
  };
}

function headersOfRow(row: ObjectRow): ObjectHeaders {
  const { size: _size, etag: _etag, lastModified: _modified, path: _path, crc32: _crc, ...headers } = row;
  return headers;
}

/** Condition keys that bucket policies test on writes. */
export function headerContext(input: Headers): Record<string, string> {
  return {
    ...(input.ServerSideEncryption && { "s3:x-amz-server-side-encryption": input.ServerSideEncryption }),
    ...(input.SSEKMSKeyId && { "s3:x-amz-server-side-encryption-aws-kms-key-id": input.SSEKMSKeyId }),
    ...(input.StorageClass && { "s3:x-amz-storage-class": input.StorageClass }),
  };
}

export function encryptionOf(store: ObjectStore, bucket: string): Record<string, unknown> {
  const { encryption } = store.configuration(bucket);
  if (!encryption) return { ServerSideEncryption: "AES256" };
  return {
    ServerSideEncryption: encryption.algorithm,
    ...(encryption.keyId && { SSEKMSKeyId: encryption.keyId }),
    ...(encryption.bucketKey && { BucketKeyEnabled: true }),
  };
}

function checksumOf(row: ObjectRow): Record<string, unknown> {
  return row.crc32 ? { ChecksumCRC32: row.crc32, ChecksumType: "FULL_OBJECT" } : {};
}

export function verify(claimed: string | undefined, computed: string): void {
  if (claimed === undefined || claimed === computed) return;
  throw new AwsError(
    "BadDigest",
    "The Content-MD5 or checksum value that you specified did not match what the server received.",
  );
}

function sameEtag(left: string, right: string): boolean {
  return left.replaceAll('"', "") === right.replaceAll('"', "");
}

function checkRead(row: ObjectRow, input: { IfMatch?: string | undefined; IfNoneMatch?: string | undefined }): void {
  if (input.IfMatch !== undefined && !sameEtag(input.IfMatch, row.etag)) throw preconditionFailed("If-Match");
  if (input.IfNoneMatch !== undefined && (input.IfNoneMatch === "*" || sameEtag(input.IfNoneMatch, row.etag))) {
    throw new AwsError("NotModified", "Not Modified", { status: 304 });
  }
}

/** Start and end (exclusive) of a `Range` header; undefined for the whole object or a header that is no byte range. */
function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  const [, from = "", to = ""] = match ?? [];
  if (from === "" && to === "") return undefined;
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size : Math.min(Number(to) + 1, size);
  if (start >= size || end <= start) {
    throw new AwsError("InvalidRange", "The requested range is not satisfiable", {
      status: 416,
      details: { RangeRequested: header, ActualObjectSize: size },
    });
  }
  return { start, end };
}

async function readBytes(path: string, start: number, end: number): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const bytes = new Uint8Array(end - start);
    let done = 0;
    while (done < bytes.byteLength) {
      const { bytesRead } = await file.read(bytes, done, bytes.byteLength - done, start + done);
      if (bytesRead === 0) throw new AwsError("InternalError", `${path} is shorter than its object`, { status: 500 });
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** `bucket/key`, percent-encoded, with or without a leading slash. */
function copySource(source: string): { bucket: string; key: string } {
  if (source.includes("?versionId=")) throw new NotSupportedLocally("s3.CopyObject of an earlier version");
  const [bucket = "", ...rest] = decodeURIComponent(source).replace(/^\//, "").split("/");
  return { bucket, key: rest.join("/") };
}
