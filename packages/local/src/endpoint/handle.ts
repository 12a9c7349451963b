import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { AwsError, type Kernel } from "../kernel";
import { identify } from "./identify";
import { jsonProtocol } from "./json";
import { type Protocol, protocolOf } from "./protocol";
import { queryProtocol } from "./query";
import { type AwsRequest, type AwsResponse, readRequest } from "./request";
import { restJsonProtocol } from "./rest-json";
import { s3Protocol } from "./s3";
import type { AnyRequest, AnyResponse } from "./server";

const protocols: Readonly<Record<ReturnType<typeof protocolOf>, Protocol>> = {
  json: jsonProtocol,
  query: queryProtocol,
  "rest-json": restJsonProtocol,
  s3: s3Protocol,
};

/** Answers one request; nothing that happens in it reaches the process. */
export async function handle(kernel: Kernel, raw: AnyRequest, response: AnyResponse): Promise<void> {
  const request = readRequest(raw);
  const requestId = randomUUID();
  const protocol = protocols[protocolOf(request)];
  let answer: AwsResponse;
  try {
    const { service, principal } = identify(kernel, request);
    answer = await protocol.call(kernel, service, request, principal, requestId);
  } catch (error) {
    answer = protocol.fail(asAwsError(kernel, error, request), request, requestId);
  }
  try {
    await send(request, response, answer, requestId);
  } catch (error) {
    // The client went away, or the body broke off: all that can be done is to break off, too.
    kernel.log.debug(`endpoint: ${request.method} ${request.path}: ${error instanceof Error ? error.message : error}`);
    raw.destroy();
  }
}

function asAwsError(kernel: Kernel, error: unknown, request: AwsRequest): AwsError {
  if (error instanceof AwsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  kernel.log.warn(
    `endpoint: ${request.method} ${request.path} failed: ${error instanceof Error ? error.stack : message}`,
  );
  return new AwsError("InternalFailure", message, { status: 500 });
}

async function send(
  request: AwsRequest,
  anyResponse: AnyResponse,
  answer: AwsResponse,
  requestId: string,
): Promise<void> {
  const { status, headers, body } = answer;
  // HTTP/2's compatibility API has the same methods; the union of both types cannot be called.
  const response = anyResponse as ServerResponse;
  const all: Record<string, string> = { "x-amzn-requestid": requestId, ...headers };
  // A body that was not read to its end must not be taken for the next request.
  const unread = !request.raw.complete && request.method !== "GET" && request.method !== "HEAD";
  if (unread && request.raw.httpVersionMajor === 1) all.connection = "close";
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    if (!("content-length" in all) && status !== 204 && status !== 304) {
      all["content-length"] = String(body === undefined ? 0 : Buffer.byteLength(body));
    }
    response.writeHead(status, all);
    response.end(body);
    if (unread) request.raw.resume();
    return;
  }
  response.writeHead(status, all);
  await pipeline(body, response);
}
