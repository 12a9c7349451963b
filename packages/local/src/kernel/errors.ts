/**
 * An error as an AWS service returns it: `name` is the error code that an SDK client sees
 * (`ConditionalCheckFailedException`), `status` the HTTP status, `details` further members of the error shape.
 */
export class AwsError extends Error {
  readonly status: number;
  readonly details: Record<string, unknown>;

  constructor(code: string, message: string, options: { status?: number; details?: Record<string, unknown> } = {}) {
    super(message);
    this.name = code;
    this.status = options.status ?? 400;
    this.details = options.details ?? {};
  }

  /** AWS blames the caller for 4xx and itself for 5xx. */
  get fault(): "client" | "server" {
    return this.status >= 500 ? "server" : "client";
  }
}

/** A call to something that the embedded runtime does not do. Nothing pretends: the call fails by name. */
export class NotSupportedLocally extends AwsError {
  constructor(what: string, remedy = "Run this part against AWS, or leave it out of the local stack.") {
    super("NotSupportedLocally", `NotSupportedLocally: ${what}. ${remedy}`, { status: 501 });
  }
}

/** A fault of the runtime's own use (port taken, data folder in use, wrong version): what, where, how to mend it. */
export class LocalRuntimeError extends Error {
  override readonly name = "LocalRuntimeError";
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(`${message}\n  ${remedy}`);
  }
}
