import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsError } from "../kernel";
import type { LocalRuntime } from "../runtime";
import { type ControlReply, type ControlRequest, decodeRequest, encode } from "./wire";

const maxBody = 64 * 2 ** 20;

async function body(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody)
      throw new AwsError("RequestTooLarge", `a control request is over ${maxBody} bytes`, { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function answer(runtime: LocalRuntime, request: ControlRequest): Promise<unknown> {
  switch (request.method) {
    case "call":
      return await runtime.call(request.service, request.operation, request.input);
    case "status":
      return await runtime.status();
    case "metrics":
      return await runtime.metrics();
    case "pending":
      return runtime.kernel.pending();
    case "flush":
      return await runtime.kernel.flush();
    case "query":
      return await runtime.query(request.sql);
    case "pipelineRun":
      return await runtime.pipelineRun(request.executionArn);
  }
}

/** Serves the runtime to other processes of the same user: loopback, behind a token that only the data folder holds. */
export async function serveControl(
  runtime: LocalRuntime,
): Promise<{ url: string; token: string; close(): Promise<void> }> {
  const token = randomBytes(24).toString("base64url");
  const expected = Buffer.from(`Bearer ${token}`);
  const server = createServer(async (request, response) => {
    const given = Buffer.from(request.headers.authorization ?? "");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.writeHead(401).end();
      return;
    }
    let reply: ControlReply;
    try {
      reply = { ok: true, value: await answer(runtime, decodeRequest(await body(request))) };
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      const aws = error instanceof AwsError ? { status: error.status, details: error.details } : {};
      reply = { ok: false, error: { name, message, ...aws } };
    }
    response.writeHead(200, { "content-type": "application/octet-stream" }).end(encode(reply));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
