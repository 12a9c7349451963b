import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { type Kernel, LocalRuntimeError } from "../kernel";
import { handle } from "./handle";

export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

export interface AwsEndpoint {
  /** `http://127.0.0.1:<port>`, what `AWS_ENDPOINT_URL` is set to. */
  readonly url: string;
  close(): Promise<void>;
}

/** What an HTTP/2 client with prior knowledge sends first. */
const http2Preface = "PRI";

/**
 * Serves every registered AWS API on one loopback port, HTTP/1.1 and HTTP/2 without TLS alike, for unmodified SDKs and
 * the AWS CLI. Sets `kernel.awsEndpoint`. Port: `kernel.options.port`, else the one of the last run, else a free one.
 * @throws LocalRuntimeError where the port that was asked for is taken
 */
export async function serveAwsEndpoint(kernel: Kernel): Promise<AwsEndpoint> {
  const listener = (request: AnyRequest, response: AnyResponse) => void handle(kernel, request, response);
  const http = createHttp(listener);
  const http2 = createHttp2(listener);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // A client that goes away is no concern of the runtime's.
    socket.on("error", () => socket.destroy());
    socket.once("data", (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      const target = first.subarray(0, http2Preface.length).toString("latin1") === http2Preface ? http2 : http;
      target.emit("connection", socket);
      process.nextTick(() => socket.resume());
    });
  });
  const port = await listen(kernel, server);
  kernel.awsEndpoint = `http://127.0.0.1:${port}`;
  return {
    url: kernel.awsEndpoint,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      http.close();
      http2.close();
    },
  };
}

async function listen(kernel: Kernel, server: Server): Promise<number> {
  const kept = kernel.store.table<number>("endpoint");
  const wanted = kernel.options.port;
  if (wanted) return await bind(server, wanted);
  const last = kept.get("port");
  if (last) {
    try {
      return await bind(server, last);
    } catch (error) {
      if (!(error instanceof LocalRuntimeError)) throw error;
      kernel.log.info(`port ${last} of the last run is taken; using another one`);
    }
  }
  const port = await bind(server, 0);
  await kernel.store.write(() => kept.put("port", port));
  return port;
}

function bind(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.off("listening", ready);
      if (error.code !== "EADDRINUSE" && error.code !== "EACCES") return reject(error);
      const state = error.code === "EACCES" ? "may not be used" : "is in use";
      const remedy = "Pass another base port with --port N, or end the program that uses it.";
      reject(
        new LocalRuntimeError(`Port ${port} on 127.0.0.1 ${state}: the AWS endpoint cannot listen there.`, remedy),
      );
    };
    const ready = () => {
      server.off("error", failed);
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    };
    server.once("error", failed);
    server.once("listening", ready);
    server.listen(port, "127.0.0.1");
  });
}
