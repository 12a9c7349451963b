import type { AwsRequest } from "./request";
import { isDate } from "./shapes";

/** Members of S3 inputs and outputs that travel as headers. */
const members: Readonly<Record<string, string>> = {
  ContentType: "content-type",
  CacheControl: "cache-control",
  ContentDisposition: "content-disposition",
  ContentEncoding: "content-encoding",
  ContentLanguage: "content-language",
  ContentMD5: "content-md5",
  StorageClass: "x-amz-storage-class",
  ServerSideEncryption: "x-amz-server-side-encryption",
  SSEKMSKeyId: "x-amz-server-side-encryption-aws-kms-key-id",
  BucketKeyEnabled: "x-amz-server-side-encryption-bucket-key-enabled",
  IfMatch: "if-match",
  IfNoneMatch: "if-none-match",
  IfModifiedSince: "if-modified-since",
  IfUnmodifiedSince: "if-unmodified-since",
  Range: "range",
  ChecksumMode: "x-amz-checksum-mode",
  ExpectedBucketOwner: "x-amz-expected-bucket-owner",
  RequestPayer: "x-amz-request-payer",
  CopySource: "x-amz-copy-source",
  CopySourceRange: "x-amz-copy-source-range",
  CopySourceIfMatch: "x-amz-copy-source-if-match",
  MetadataDirective: "x-amz-metadata-directive",
  MpuObjectSize: "x-amz-mp-object-size",
  // Refused by name, since nobody would want them ignored.
  ACL: "x-amz-acl",
  Tagging: "x-amz-tagging",
  ObjectLockMode: "x-amz-object-lock-mode",
  SSECustomerAlgorithm: "x-amz-server-side-encryption-customer-algorithm",
  WebsiteRedirectLocation: "x-amz-website-redirect-location",
};

const outputOnly: Readonly<Record<string, string>> = {
  ETag: "etag",
  LastModified: "last-modified",
  ContentLength: "content-length",
  ContentRange: "content-range",
  AcceptRanges: "accept-ranges",
  ChecksumCRC32: "x-amz-checksum-crc32",
  ChecksumType: "x-amz-checksum-type",
  BucketRegion: "x-amz-bucket-region",
};
const fromHeader: Readonly<Record<string, (text: string) => unknown>> = {
  BucketKeyEnabled: (text) => text === "true",
  MpuObjectSize: Number,
};
const inputNames = ["ContentMD5", "Range", "IfMatch", "IfNoneMatch"];

/** Members of an input out of a request's headers. */
export function fromHeaders(request: AwsRequest): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const [member, header] of Object.entries(members)) {
    const value = request.header(header);
    if (value !== undefined) input[member] = fromHeader[member]?.(value) ?? value;
  }
  // The wrapping of the upload is not the encoding of the object.
  const encoding = String(input.ContentEncoding ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "" && part !== "aws-chunked")
    .join(",");
  if (encoding) input.ContentEncoding = encoding;
  else delete input.ContentEncoding;
  const metadata = Object.entries(request.headers).filter(([name]) => name.startsWith("x-amz-meta-"));
  if (metadata.length > 0) {
    input.Metadata = Object.fromEntries(metadata.map(([name, value]) => [name.slice(11), String(value)]));
  }
  return input;
}

/** Headers out of an output's members. */
export function toHeaders(output: Record<string, unknown>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [member, header] of Object.entries({ ...members, ...outputOnly })) {
    const value = output[member];
    if (value === undefined || inputNames.includes(member)) continue;
    headers[header] = isDate(value) ? value.toUTCString() : String(value);
  }
  for (const [name, value] of Object.entries((output.Metadata as Record<string, string> | undefined) ?? {})) {
    headers[`x-amz-meta-${name}`] = value;
  }
  return headers;
}
