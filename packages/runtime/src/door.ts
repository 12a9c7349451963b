/**
 * The in-process door to the embedded runtime: set by its Lambda host in each worker, absent on AWS. It spares our own
 * handlers the signing, the HTTP hop and the (de)serialisation that an unmodified SDK client pays.
 */
export interface AwsDoor {
  /** `service` is the SDK package's suffix (`kinesis`, `secrets-manager`), input and output are the SDK's own shapes. */
  call(service: string, operation: string, input: object): Promise<object>;
}

const key = Symbol.for("tributary.aws");

export function awsDoor(): AwsDoor | undefined {
  return (globalThis as { [key]?: AwsDoor })[key];
}

/** Opens (or, with undefined, shuts) the door: for the Lambda host's worker and for tests. */
export function setAwsDoor(door: AwsDoor | undefined): void {
  (globalThis as { [key]?: AwsDoor })[key] = door;
}

/** How an error crosses the door: plain data. */
interface DoorError {
  readonly name: string;
  readonly message: string;
  readonly status?: number;
  readonly details?: Readonly<Record<string, unknown>>;
}

function isDoorError(error: unknown): error is DoorError {
  return typeof error === "object" && error !== null && "name" in error && "message" in error;
}

/** An error as an SDK client throws it: code in `name`, `$fault`, `$metadata`, members of the error shape on top. */
export class ServiceError extends Error {
  readonly $fault: "client" | "server";
  readonly $metadata: { readonly httpStatusCode: number; readonly attempts: number };

  constructor(error: DoorError) {
    super(error.message);
    this.name = error.name;
    const status = error.status ?? 500;
    this.$fault = status >= 500 ? "server" : "client";
    this.$metadata = { httpStatusCode: status, attempts: 1 };
    Object.assign(this, error.details);
  }
}

/** Rebuilds an SDK-like exception from what came through the door. */
export function sdkError(error: unknown): Error {
  if (isDoorError(error)) return new ServiceError(error);
  return new ServiceError({ name: "InternalFailure", message: String(error) });
}

/** What the SDK mixes into a response's streaming body, over bytes that are already here. */
export function sdkBody(bytes: Uint8Array): Uint8Array & {
  transformToByteArray(): Promise<Uint8Array>;
  transformToString(encoding?: BufferEncoding): Promise<string>;
} {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Object.assign(buffer, {
    transformToByteArray: async () => bytes,
    transformToString: async (encoding: BufferEncoding = "utf8") => buffer.toString(encoding),
  });
}
