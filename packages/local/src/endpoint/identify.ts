import { AwsError, type Kernel, type Principal } from "../kernel";
import type { AwsRequest } from "./request";

export interface Identified {
  /** The runtime's name of the service: `dynamodb-streams`, `sfn`, … */
  readonly service: string;
  readonly principal: Principal;
}

/** Names that requests are signed for, where they differ from the SDK package's name. */
const signedAs: Readonly<Record<string, string>> = {
  states: "sfn",
  secretsmanager: "secrets-manager",
  events: "eventbridge",
  monitoring: "cloudwatch",
  logs: "cloudwatch-logs",
};

/** Who calls which service. Signatures are not checked: the access key id alone names the caller. */
export function identify(kernel: Kernel, request: AwsRequest): Identified {
  const { accessKeyId, scope } = credential(request);
  const principal = kernel.credentials.resolve(accessKeyId);
  if (!principal) {
    throw new AwsError(
      scope === "s3" ? "InvalidAccessKeyId" : "UnrecognizedClientException",
      `The security token included in the request is invalid: the embedded runtime never issued the access key ${accessKeyId}. ` +
        "Use AWS_ACCESS_KEY_ID=local and AWS_SECRET_ACCESS_KEY=local to act as the account's root user.",
      { status: 403 },
    );
  }
  const service = request.header("x-amz-target")?.startsWith("DynamoDBStreams_") ? "dynamodb-streams" : scope;
  return { service: signedAs[service] ?? service, principal };
}

/** Access key id and service out of the credential scope `<key>/<date>/<region>/<service>/aws4_request`. */
function credential(request: AwsRequest): { accessKeyId: string; scope: string } {
  const header = request.header("authorization");
  const presigned = request.query.get("X-Amz-Credential");
  const text = header ? /Credential=([^,\s]+)/.exec(header)?.[1] : presigned;
  const [accessKeyId, , , scope] = text?.split("/") ?? [];
  if (!accessKeyId || !scope) {
    throw new AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", { status: 403 });
  }
  if (!header) checkExpiry(request.query);
  return { accessKeyId, scope };
}

function checkExpiry(query: URLSearchParams): void {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "") ?? [];
  const signed = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  const seconds = Number(query.get("X-Amz-Expires"));
  if (Number.isNaN(signed) || !(seconds > 0) || Date.now() > signed + seconds * 1000) {
    throw new AwsError("AccessDenied", "Request has expired", { status: 403 });
  }
}
