import { AwsError } from "../kernel";
import type { Protocol } from "./protocol";
import { readBody } from "./request";
import { fromWire, toWire } from "./shapes";

/** AWS JSON 1.0 and 1.1: the operation in `X-Amz-Target`, input and output as JSON bodies. */
export const jsonProtocol: Protocol = {
  async call(kernel, service, request, principal) {
    const operation = request.header("x-amz-target")?.split(".").at(-1) ?? "";
    const input = fromWire(service, parseJson(await readBody(request)));
    const output = await kernel.call(service, operation, input as object, principal);
    return json(200, toWire(output ?? {}), request.header("content-type"));
  },
  fail(error, request) {
    const body = { __type: error.name, message: error.message, ...(toWire(error.details) as object) };
    return json(error.status, body, request.header("content-type"), { "x-amzn-errortype": error.name });
  },
};

export function parseJson(body: Buffer): object {
  if (body.byteLength === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new AwsError("SerializationException", error instanceof Error ? error.message : "not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AwsError("SerializationException", "the body must be a JSON object");
  }
  return value;
}

export function json(status: number, body: unknown, type = "application/json", headers: Record<string, string> = {}) {
  return { status, headers: { "content-type": type, ...headers }, body: JSON.stringify(body) };
}
