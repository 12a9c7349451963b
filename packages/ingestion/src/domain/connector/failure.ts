/** AppFlow's error codes, with the HTTP statuses that its SDK documents for them. */
export type ErrorCode =
  | "InvalidArgument"
  | "InvalidCredentials"
  | "AccessDenied"
  | "RequestTimeout"
  | "RateLimitExceeded"
  | "ServiceUnavailable"
  | "ClientError"
  | "ServerError"
  | "UnknownError"
  | "PartialWriteFailure"
  | "ResourceNotFoundError";

/** `errorDetails` of every answer. */
export interface ErrorDetails {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
  readonly retryAfterSeconds?: number;
}

/** What a call ends with where it cannot be done. The message never holds the API's answer, which may hold personal data. */
export class ConnectorFailure extends Error {
  override readonly name = "ConnectorFailure";
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly retryAfterSeconds?: number,
    /** HTTP status, where an API answered. */
    readonly status?: number,
  ) {
    super(message);
  }

  get details(): ErrorDetails {
    return {
      errorCode: this.code,
      errorMessage: this.message,
      ...(this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }),
    };
  }
}

/** Any thrown value as a failure: a fault of the definition's own functions is told as such. */
export function asFailure(thrown: unknown): ConnectorFailure {
  if (thrown instanceof ConnectorFailure) return thrown;
  // By shape: a callback's errors may come of another realm, where they are no `instanceof Error`.
  const { name, message } = (thrown ?? {}) as { name?: unknown; message?: unknown };
  return new ConnectorFailure(
    "UnknownError",
    `the connector failed: ${String(name ?? "Error")}: ${String(message ?? thrown)}`,
  );
}

export function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 422:
      return "InvalidArgument";
    case 401:
      return "InvalidCredentials";
    case 403:
      return "AccessDenied";
    case 404:
    case 410:
      return "ResourceNotFoundError";
    case 408:
    case 504:
      return "RequestTimeout";
    case 429:
      return "RateLimitExceeded";
    case 503:
      return "ServiceUnavailable";
    default:
      return status >= 500 ? "ServerError" : "ClientError";
  }
}
