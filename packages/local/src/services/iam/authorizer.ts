import { type Authorizer, type Kernel, type Principal, parseArn, type RequiredPermission } from "../../kernel";
import type { Context } from "./conditions";
import { denial, type Reason, sessionArn } from "./denial";
import { type Directory, directory } from "./directory";
import { type Caller, evaluate, type Request } from "./evaluate";
import { kmsPermissions } from "./kms-requirements";

type ActingPrincipal = Exclude<Principal, { kind: "root" }>;

const cacheLimit = 20_000;

/**
 * Judges calls as IAM does: an explicit deny anywhere wins; then the identity policies of the role (within its
 * permissions boundary) or the policy on the resource must allow the action. A service principal has only the latter.
 * What is allowed is remembered until the stack's resources change.
 */
export class PolicyAuthorizer implements Authorizer {
  private readonly directory: () => Directory;
  private allowed = new Map<string, Map<string, Map<string, Set<string>>>>();
  private allowedCount = 0;
  private version = -1;

  constructor(private readonly kernel: Kernel) {
    this.directory = directory(kernel);
  }

  check(principal: Principal, required: RequiredPermission, operation: string): void {
    if (principal.kind === "root") return;
    if (this.version !== this.kernel.resources.version || this.allowedCount > cacheLimit) {
      this.allowed = new Map();
      this.allowedCount = 0;
      this.version = this.kernel.resources.version;
    }
    const { action, resource, context } = required;
    const cacheable = context === undefined || !this.matters(context);
    const known = cacheable ? this.known(principal, action, operation) : undefined;
    if (known?.has(resource)) return;
    this.judge(principal, required, undefined);
    const key = this.directory().keyOf(resource);
    if (key) {
      const via = action.split(":", 1)[0] ?? "";
      for (const needed of kmsPermissions(action, operation, key)) this.judge(principal, needed, { via, resource });
    }
    if (known) {
      known.add(resource);
      this.allowedCount += 1;
    }
  }

  private matters(context: Readonly<Record<string, unknown>>): boolean {
    for (const key of Object.keys(context)) if (this.directory().mentions(key)) return true;
    return false;
  }

  /** The resources on which this caller is known to be allowed this action by this operation. */
  private known(principal: ActingPrincipal, action: string, operation: string): Set<string> {
    const [who, session] =
      principal.kind === "role" ? [principal.roleArn, principal.session] : [principal.service, principal.sourceArn];
    const byWho = child(this.allowed, who, () => new Map<string, Map<string, Set<string>>>());
    const bySession = child(byWho, session, () => new Map<string, Set<string>>());
    return child(bySession, operation === "" ? action : `${action} ${operation}`, () => new Set<string>());
  }

  private judge(
    principal: ActingPrincipal,
    required: RequiredPermission,
    key: { readonly via: string; readonly resource: string } | undefined,
  ): void {
    const reason = this.reasonAgainst(principal, required, key);
    if (reason) throw denial(this.kernel.place, principal, required.action, required.resource, reason, key?.via);
  }

  private reasonAgainst(
    principal: ActingPrincipal,
    required: RequiredPermission,
    key: { readonly via: string; readonly resource: string } | undefined,
  ): Reason | undefined {
    const { action, resource } = required;
    const dir = this.directory();
    const { place } = this.kernel;
    const caller: Caller =
      principal.kind === "service"
        ? { kind: "service", service: principal.service }
        : {
            kind: "role",
            roleArn: principal.roleArn,
            sessionArn: sessionArn(place, principal.roleArn, principal.session),
            accountId: place.accountId,
          };
    const request: Request = { action, resource, caller, context: this.contextOf(principal, required, key) };
    const policies = dir.resourcePolicies(resource);
    const onResource = evaluate(policies, request, "resource");
    if (onResource.deny) return "explicit-resource";
    if (principal.kind === "service") {
      return onResource.allow || this.allowedByDefault(principal, action, policies.length) ? undefined : "resource";
    }
    const role = dir.role(principal.roleArn);
    const identity = evaluate(role?.identity ?? [], request, "identity");
    if (identity.deny) return "explicit-identity";
    if (role?.boundary) {
      const boundary = evaluate([role.boundary], request, "identity");
      if (boundary.deny) return "explicit-boundary";
      if (!boundary.allow && !onResource.allow) return "boundary";
    }
    // A key's policy decides who may use it; most leave that to the account's identity policies.
    const delegated = !action.startsWith("kms:") || policies.length === 0 || onResource.account;
    if (onResource.allow || (identity.allow && delegated)) return undefined;
    return identity.allow ? "resource" : "identity";
  }

  /** A topic without a policy of its own takes alarms of its account. */
  private allowedByDefault(principal: ActingPrincipal, action: string, policies: number): boolean {
    return (
      principal.kind === "service" &&
      principal.service === "cloudwatch.amazonaws.com" &&
      action === "sns:Publish" &&
      policies === 0
    );
  }

  private contextOf(
    principal: ActingPrincipal,
    required: RequiredPermission,
    key: { readonly via: string; readonly resource: string } | undefined,
  ): Context {
    const { place } = this.kernel;
    const context = new Map<string, readonly string[]>();
    const set = (name: string, ...values: string[]) => context.set(name.toLowerCase(), values);
    set("aws:SecureTransport", "true");
    set("s3:TlsVersion", "1.3");
    set("aws:RequestedRegion", place.region);
    set("aws:CurrentTime", new Date(this.kernel.now()).toISOString());
    set("aws:EpochTime", String(Math.floor(this.kernel.now() / 1000)));
    set("aws:ResourceAccount", place.accountId);
    set("aws:ViaAWSService", key ? "true" : "false");
    if (principal.kind === "service") {
      set("aws:PrincipalIsAWSService", "true");
      set("aws:PrincipalServiceName", principal.service);
      set("aws:SourceArn", principal.sourceArn);
      // S3 bucket ARNs name no account; everything here belongs to the one there is.
      set("aws:SourceAccount", parseArn(principal.sourceArn)?.accountId || place.accountId);
      set("aws:SourceOwner", place.accountId);
    } else {
      set("aws:PrincipalIsAWSService", "false");
      set("aws:PrincipalArn", principal.roleArn);
      set("aws:PrincipalAccount", place.accountId);
      set("aws:PrincipalType", "AssumedRole");
      set("aws:SourceAccount", place.accountId);
      set("aws:userid", `AROALOCAL:${principal.session}`);
      this.addOrigin(set, principal.session, required, key);
    }
    if (key) {
      set("kms:ViaService", `${key.via}.${place.region}.amazonaws.com`);
      set("kms:CallerAccount", place.accountId);
      set(`kms:EncryptionContext:${encryptionContextKey(key.via)}`, key.resource);
      set("kms:EncryptionContextKeys", encryptionContextKey(key.via));
    } else if (required.action.startsWith("kms:")) {
      set("kms:CallerAccount", place.accountId);
    }
    for (const [name, value] of Object.entries(required.context ?? {})) {
      set(name, ...(typeof value === "string" ? [value] : value));
    }
    return context;
  }

  private addOrigin(
    set: (name: string, ...values: string[]) => void,
    functionName: string,
    { action, resource }: RequiredPermission,
    key: { readonly via: string } | undefined,
  ): void {
    const service = key?.via ?? action.split(":", 1)[0] ?? "";
    const origin = this.directory().network.originOf(functionName, service);
    if (origin.kind === "vpc") {
      if (origin.endpointId === undefined) return;
      set("aws:SourceVpc", origin.vpcId);
      set("aws:SourceVpce", origin.endpointId);
    } else if (origin.kind === "adopted") {
      for (const name of ["aws:SourceVpc", "aws:SourceVpce"]) {
        const expected = this.expectedBy(resource, name);
        if (expected) set(name, expected);
      }
    }
  }

  /** The value that a resource's own policy asks of a condition key. */
  private expectedBy(resource: string, conditionKey: string): string | undefined {
    for (const { Statement } of this.directory().resourcePolicies(resource)) {
      for (const { Condition } of Statement) {
        for (const keys of Object.values(Condition ?? {})) {
          for (const [name, values] of Object.entries(keys)) {
            if (name.toLowerCase() === conditionKey.toLowerCase()) return values[0];
          }
        }
      }
    }
    return undefined;
  }
}

function encryptionContextKey(service: string): string {
  if (service === "secretsmanager") return "SecretARN";
  if (service === "ssm") return "PARAMETER_ARN";
  return service === "sns" ? "aws:sns:topicArn" : `aws:${service}:arn`;
}

function child<V>(parent: Map<string, V>, key: string, make: () => V): V {
  let value = parent.get(key);
  if (value === undefined) {
    value = make();
    parent.set(key, value);
  }
  return value;
}
