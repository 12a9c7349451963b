import { XMLBuilder } from "fast-xml-parser";
import { AwsError, type Principal } from "../kernel";
import type { Protocol } from "./protocol";
import type { AwsResponse } from "./request";
import { toHeaders } from "./s3-headers";
import { readS3Request } from "./s3-requests";
import { isDate } from "./shapes";

const builder = new XMLBuilder({ suppressEmptyNode: false });
const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

/** Root elements of answers that have a body. */
const roots: Readonly<Record<string, string>> = {
  ListBuckets: "ListAllMyBucketsResult",
  ListObjects: "ListBucketResult",
  ListObjectsV2: "ListBucketResult",
  CreateMultipartUpload: "InitiateMultipartUploadResult",
  CompleteMultipartUpload: "CompleteMultipartUploadResult",
  ListParts: "ListPartsResult",
  ListMultipartUploads: "ListMultipartUploadsResult",
  DeleteObjects: "DeleteResult",
  CopyObject: "CopyObjectResult",
  GetBucketLocation: "LocationConstraint",
  GetBucketVersioning: "VersioningConfiguration",
};
/** Lists, by the name of the element that repeats. */
const elements: Readonly<Record<string, string>> = { Parts: "Part", Uploads: "Upload", Errors: "Error" };
/** The one list that has a wrapper around it. */
const wrapped: Readonly<Record<string, string>> = { Buckets: "Bucket" };

/** REST XML, as S3 speaks it. */
export const s3Protocol: Protocol = {
  async call(kernel, service, request, principal: Principal) {
    if (service !== "s3") throw new AwsError("InvalidRequest", `signed for ${service}`);
    const { operation, input } = await readS3Request(request);
    const runs = operation === "GetObject" ? "GetObjectStream" : operation;
    const output = await kernel.call("s3", runs, input, principal);
    return answer(operation, output, request.header("range") !== undefined);
  },
  fail(error, request, requestId) {
    const headers: Record<string, string> = { "x-amz-request-id": requestId };
    if (request.method === "HEAD" || error.status === 304) return { status: error.status, headers };
    const body = { Error: { Code: error.name, Message: error.message, ...error.details, RequestId: requestId } };
    return {
      status: error.status,
      headers: { ...headers, "content-type": "application/xml" },
      body: declaration + builder.build(body),
    };
  },
};

function answer(operation: string, output: Record<string, unknown>, ranged: boolean): AwsResponse {
  const headers = toHeaders(output);
  switch (operation) {
    case "GetObject":
      return {
        status: ranged && output.ContentRange !== undefined ? 206 : 200,
        headers,
        ...(output.Body !== undefined && { body: output.Body as NodeJS.ReadableStream }),
      };
    case "HeadObject":
    case "HeadBucket":
    case "PutObject":
    case "UploadPart":
      return { status: 200, headers };
    case "CreateBucket":
      return { status: 200, headers: { ...headers, location: String(output.Location) } };
    case "DeleteObject":
    case "DeleteBucket":
    case "AbortMultipartUpload":
      return { status: 204, headers };
    case "GetBucketPolicy":
      return { status: 200, headers: { "content-type": "application/json" }, body: String(output.Policy) };
    default:
      return {
        status: 200,
        headers: { ...headers, "content-type": "application/xml" },
        body: document(operation, output),
      };
  }
}

function document(operation: string, output: Record<string, unknown>): string {
  const root = roots[operation] ?? `${operation}Result`;
  const content = operation === "CopyObject" ? output.CopyObjectResult : output;
  const inner =
    operation === "GetBucketLocation" ? (output.LocationConstraint ?? "") : (toXml(content) as Record<string, unknown>);
  const body = builder.build({ [root]: inner });
  return declaration + body.replace(`<${root}>`, `<${root} xmlns="${namespace}">`);
}

function toXml(value: unknown): unknown {
  if (isDate(value)) return value.toISOString();
  if (Array.isArray(value)) return value.map(toXml);
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const wrapper = wrapped[key];
    if (wrapper) result[key] = { [wrapper]: toXml(member) };
    else result[elements[key] ?? key] = toXml(member);
  }
  return result;
}
