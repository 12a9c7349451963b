import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import { AwsError, NotSupportedLocally } from "../kernel";
import { bodyOf } from "./chunked";
import type { AwsRequest } from "./request";
import { fromHeaders } from "./s3-headers";

export interface S3Request {
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

interface Target {
  readonly bucket: string;
  readonly key: string;
}

/** Query parameters that are members of the input, with their type. */
const parameters: Readonly<Record<string, readonly [member: string, kind: "text" | "number" | "boolean"]>> = {
  prefix: ["Prefix", "text"],
  delimiter: ["Delimiter", "text"],
  "max-keys": ["MaxKeys", "number"],
  "max-parts": ["MaxParts", "number"],
  "max-uploads": ["MaxUploads", "number"],
  "max-buckets": ["MaxBuckets", "number"],
  "part-number-marker": ["PartNumberMarker", "text"],
  "continuation-token": ["ContinuationToken", "text"],
  "start-after": ["StartAfter", "text"],
  marker: ["Marker", "text"],
  "fetch-owner": ["FetchOwner", "boolean"],
  "encoding-type": ["EncodingType", "text"],
  uploadId: ["UploadId", "text"],
  partNumber: ["PartNumber", "number"],
  versionId: ["VersionId", "text"],
  "response-content-type": ["ResponseContentType", "text"],
  "response-content-disposition": ["ResponseContentDisposition", "text"],
};
/** Parameters that choose the operation, or belong to the signature. */
const structural = new Set(["list-type", "uploads", "delete", "location", "versioning", "policy", "x-id"]);

/** Which operation an S3 request is, and its input. @throws NotSupportedLocally for a subresource that is not done */
export async function readS3Request(request: AwsRequest): Promise<S3Request> {
  const target = targetOf(request);
  const input: Record<string, unknown> = { ...fromQuery(request), ...fromHeaders(request) };
  if (target.bucket) input.Bucket = target.bucket;
  if (target.key) input.Key = target.key;
  const operation = operationOf(request, target);
  // Clients send a content type with any body; only these give it to the object.
  if (!["PutObject", "CreateMultipartUpload", "CopyObject"].includes(operation)) delete input.ContentType;
  switch (operation) {
    case "PutObject":
    case "UploadPart": {
      if (input.CopySourceRange !== undefined) throw new NotSupportedLocally("s3.UploadPartCopy");
      return { operation, input: { ...input, Body: bodyOf(request) } };
    }
    case "DeleteObjects":
      return { operation, input: { ...input, Delete: await readXml(request, deleteDocument) } };
    case "CompleteMultipartUpload":
      return { operation, input: { ...input, MultipartUpload: await readXml(request, completeDocument) } };
    case "CreateBucket": {
      for await (const _chunk of bodyOf(request));
      return { operation, input };
    }
    default:
      return { operation, input };
  }
}

function operationOf({ method, query, header }: AwsRequest, { bucket, key }: Target): string {
  const has = (name: string) => query.has(name);
  if (!bucket) {
    if (method === "GET") return "ListBuckets";
  } else if (!key) {
    if (method === "GET") {
      if (has("location")) return "GetBucketLocation";
      if (has("versioning")) return "GetBucketVersioning";
      if (has("policy")) return "GetBucketPolicy";
      if (has("uploads")) return "ListMultipartUploads";
      return query.get("list-type") === "2" ? "ListObjectsV2" : "ListObjects";
    }
    if (method === "HEAD") return "HeadBucket";
    if (method === "POST" && has("delete")) return "DeleteObjects";
    const plain = !has("versioning") && !has("policy") && !has("location") && !has("uploads");
    if (method === "PUT" && plain) return "CreateBucket";
    if (method === "DELETE" && plain) return "DeleteBucket";
  } else {
    if (method === "GET") return has("uploadId") ? "ListParts" : "GetObject";
    if (method === "HEAD") return "HeadObject";
    if (method === "PUT" && header("x-amz-copy-source") !== undefined && !has("uploadId")) return "CopyObject";
    if (method === "PUT") return has("uploadId") ? "UploadPart" : "PutObject";
    if (method === "DELETE") return has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
    if (method === "POST" && has("uploads")) return "CreateMultipartUpload";
    if (method === "POST" && has("uploadId")) return "CompleteMultipartUpload";
  }
  throw new NotSupportedLocally(`s3 ${method} ${key ? "object" : "bucket"}?${[...query.keys()].join("&")}`);
}

function fromQuery({ query, method }: AwsRequest): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const [name, value] of query) {
    if (structural.has(name) || /^x-amz-/i.test(name)) continue;
    const parameter = parameters[name];
    if (!parameter) throw new NotSupportedLocally(`s3 ${method} with ?${name}`);
    const [member, kind] = parameter;
    input[member] = kind === "number" ? Number(value) : kind === "boolean" ? value === "true" : value;
  }
  return input;
}

/** Bucket and key, from the path or (`bucket.localhost`, `bucket.s3.…`) from the host. */
function targetOf(request: AwsRequest): Target {
  const host = (request.header("host") ?? "").replace(/:\d+$/, "");
  const hosted = /^(.+)\.(?:localhost|s3[.-].*|s3\.amazonaws\.com)$/.exec(host)?.[1];
  let path: string;
  try {
    path = decodeURIComponent(request.path.slice(1));
  } catch {
    throw new AwsError("InvalidURI", "Couldn't parse the specified URI.");
  }
  if (hosted) return { bucket: hosted, key: path };
  const slash = path.indexOf("/");
  return slash < 0 ? { bucket: path, key: "" } : { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  ignoreAttributes: true,
  isArray: (name) => name === "Object" || name === "Part",
});

const deleteDocument = z
  .object({
    Delete: z.object({
      Object: z.array(z.object({ Key: z.string(), ETag: z.string().optional(), VersionId: z.string().optional() })),
      Quiet: z.string().optional(),
    }),
  })
  .transform(({ Delete }) => ({ Objects: Delete.Object, Quiet: Delete.Quiet === "true" }));

const completeDocument = z
  .object({
    CompleteMultipartUpload: z.object({
      Part: z.array(z.object({ PartNumber: z.coerce.number(), ETag: z.string().optional() })),
    }),
  })
  .transform(({ CompleteMultipartUpload }) => ({ Parts: CompleteMultipartUpload.Part }));

async function readXml<T>(request: AwsRequest, schema: z.ZodType<T>): Promise<T> {
  const chunks: Buffer[] = [];
  for await (const chunk of bodyOf(request)) chunks.push(chunk as Buffer);
  const parsed = schema.safeParse(parser.parse(Buffer.concat(chunks).toString("utf8")));
  if (parsed.success) return parsed.data;
  throw new AwsError(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}
