import { awsDoor, sdkBody, sdkError } from "./door";

/** What every AWS SDK v3 client has, as far as the door needs it. */
interface SdkClient {
  readonly config: object;
  send: unknown;
}
/** A schema-based command: `schema` is `[9, namespace, operation, traits, input, output]`. Class names are minified away. */
interface SdkCommand {
  readonly input: object;
  readonly schema?: readonly unknown[];
}

function operationOf(command: SdkCommand): string {
  const operation = command.schema?.[2];
  if (typeof operation !== "string") {
    throw new TypeError("this AWS SDK command carries no schema; use @aws-sdk/client-* 3.1100 or later");
  }
  return operation;
}

/**
 * Lets an AWS SDK v3 client use the embedded runtime's in-process door where there is one; on AWS the client is as it
 * was. The door is looked for at each call, so that clients may be made at module load.
 */
export function awsClient<C extends SdkClient>(client: C): C {
  const { serviceId } = client.config as { serviceId: string };
  const service = serviceId.toLowerCase().replaceAll(" ", "-");
  const remote = (client.send as (...args: unknown[]) => Promise<object>).bind(client);
  const send = async (command: SdkCommand, ...rest: unknown[]): Promise<object> => {
    const door = awsDoor();
    if (!door) return remote(command, ...rest);
    let output: object;
    try {
      output = await door.call(service, operationOf(command), command.input);
    } catch (error) {
      throw sdkError(error);
    }
    const body = (output as { Body?: unknown }).Body;
    return {
      ...output,
      ...(body instanceof Uint8Array ? { Body: sdkBody(body) } : {}),
      $metadata: { httpStatusCode: 200, attempts: 1 },
    };
  };
  client.send = send;
  return client;
}

/** Makes a client on first use and keeps it: one per service and execution environment. */
export function lazy<C extends SdkClient>(make: () => C): () => C {
  let client: C | undefined;
  return () => {
    if (!client) {
      // The SDK warns on each client that Node 20 will not get its updates for ever; a function's log is not the place.
      process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
      client = awsClient(make());
    }
    return client;
  };
}
