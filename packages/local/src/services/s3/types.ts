import type { Readable } from "node:stream";

export interface BucketRow {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** Headers that an object keeps and gives back. */
export interface ObjectHeaders {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly contentDisposition?: string;
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly storageClass?: string;
}

/** What the store knows about an object; its bytes are the file at `path` inside the bucket's folder. */
export interface ObjectRow extends ObjectHeaders {
  readonly size: number;
  /** Quoted, as in the API. */
  readonly etag: string;
  /** Epoch milliseconds. */
  readonly lastModified: number;
  readonly path: string;
  /** Base64 of the big-endian CRC-32 of the content, where it was computed. */
  readonly crc32?: string;
}

export type ObjectBody = Uint8Array | string | Readable | undefined;

/** Why an object was made or removed: the end of the notification's event name. */
export type ObjectEvent =
  | "ObjectCreated:Put"
  | "ObjectCreated:Copy"
  | "ObjectCreated:CompleteMultipartUpload"
  | "ObjectRemoved:Delete";

export interface WriteConditions {
  readonly ifNoneMatch?: string | undefined;
  readonly ifMatch?: string | undefined;
}
