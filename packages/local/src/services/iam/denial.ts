import { AwsError, type Place, type Principal } from "../../kernel";

export type Reason =
  | "identity"
  | "resource"
  | "boundary"
  | "explicit-identity"
  | "explicit-resource"
  | "explicit-boundary";

const because: Readonly<Record<Reason, (action: string) => string>> = {
  identity: (action) => `because no identity-based policy allows the ${action} action`,
  resource: (action) => `because no resource-based policy allows the ${action} action`,
  boundary: (action) => `because no permissions boundary allows the ${action} action`,
  "explicit-identity": () => "with an explicit deny in an identity-based policy",
  "explicit-resource": () => "with an explicit deny in a resource-based policy",
  "explicit-boundary": () => "with an explicit deny in a permissions boundary",
};

/** Services that do not say `AccessDeniedException`. */
const codes: Readonly<Record<string, readonly [code: string, status: number]>> = {
  s3: ["AccessDenied", 403],
  sqs: ["AccessDenied", 403],
  sts: ["AccessDenied", 403],
  iam: ["AccessDenied", 403],
  cloudwatch: ["AccessDenied", 403],
  sns: ["AuthorizationErrorException", 403],
  lambda: ["AccessDeniedException", 403],
  scheduler: ["AccessDeniedException", 403],
};

/** How each service reports that it may not use a key for the caller. */
const keyCodes: Readonly<Record<string, readonly [code: string, status: number]>> = {
  kinesis: ["KMSAccessDeniedException", 400],
  sqs: ["KmsAccessDenied", 400],
  sns: ["KMSAccessDeniedException", 400],
};

/** `arn:aws:sts::<account>:assumed-role/<role>/<session>`, as AWS names a caller who acts under a role. */
export function sessionArn(place: Place, roleArn: string, session: string): string {
  return `arn:aws:sts::${place.accountId}:assumed-role/${roleArn.split("/").at(-1)}/${session}`;
}

export function nameOf(place: Place, principal: Principal): string {
  if (principal.kind === "role") return sessionArn(place, principal.roleArn, principal.session);
  return principal.kind === "service" ? principal.service : `arn:aws:iam::${place.accountId}:root`;
}

/** The error of a denied call. `via` is the service whose call needed a key, where a key is what was denied. */
export function denial(
  place: Place,
  principal: Principal,
  action: string,
  resource: string,
  reason: Reason,
  via?: string,
): AwsError {
  const service = via ?? action.split(":", 1)[0] ?? "";
  const [code, status] = (via ? keyCodes[via] : undefined) ?? codes[service] ?? ["AccessDeniedException", 400];
  const shown = service === "s3" ? `"${resource}"` : resource;
  return new AwsError(
    code,
    `User: ${nameOf(place, principal)} is not authorized to perform: ${action} on resource: ${shown} ${because[reason](action)}`,
    { status },
  );
}
