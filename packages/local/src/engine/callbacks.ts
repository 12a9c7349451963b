import * as grpc from "@grpc/grpc-js";
import { CallbacksClient } from "@pulumi/pulumi/proto/callback_grpc_pb";
import { CallbackInvokeRequest } from "@pulumi/pulumi/proto/callback_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { CallbackRef } from "./registration";
import type { WireObject } from "./wire";

/** A protobuf struct of a wire object. */
export function structOf(value: WireObject): Struct {
  return Struct.fromJavaScript(value as { [key: string]: JavaScriptValue });
}

/** Calls functions of the program (transforms, hooks) over its Callbacks service; one connection per target. */
export class CallbackClients {
  private readonly clients = new Map<string, CallbacksClient>();

  async call(callback: CallbackRef, request: { serializeBinary(): Uint8Array }): Promise<Uint8Array> {
    const invocation = new CallbackInvokeRequest();
    invocation.setToken(callback.token);
    invocation.setRequest(request.serializeBinary());
    const client = this.client(callback.target);
    return await new Promise((resolve, reject) => {
      client.invoke(invocation, (error, response) => {
        if (error) reject(new Error(error.details || error.message));
        else resolve(response.getResponse_asU8());
      });
    });
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
  }

  private client(target: string): CallbacksClient {
    let client = this.clients.get(target);
    if (!client) {
      client = new CallbacksClient(target, grpc.credentials.createInsecure(), {
        "grpc.max_receive_message_length": 400 * 2 ** 20,
        "grpc.max_send_message_length": 400 * 2 ** 20,
      });
      this.clients.set(target, client);
    }
    return client;
  }
}
