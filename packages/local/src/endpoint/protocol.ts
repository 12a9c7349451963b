import type { AwsError, Kernel, Principal } from "../kernel";
import type { AwsRequest, AwsResponse } from "./request";

/** One of AWS's wire formats: reads a request, makes the call, writes the answer or the error. */
export interface Protocol {
  call(
    kernel: Kernel,
    service: string,
    request: AwsRequest,
    principal: Principal,
    requestId: string,
  ): Promise<AwsResponse>;
  fail(error: AwsError, request: AwsRequest, requestId: string): AwsResponse;
}

/** Which wire format a request is in, told by its headers and path. */
export function protocolOf(request: AwsRequest): "json" | "query" | "rest-json" | "s3" {
  if (request.header("x-amz-target")) return "json";
  const type = request.header("content-type") ?? "";
  const isS3 = /\/s3\/aws4_request/.test(
    request.header("authorization") ?? request.query.get("X-Amz-Credential") ?? "",
  );
  if (isS3) return "s3";
  if (type.startsWith("application/x-www-form-urlencoded") || request.query.has("Action")) return "query";
  return "rest-json";
}
