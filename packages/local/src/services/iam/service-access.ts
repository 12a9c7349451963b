import { AwsError, type Kernel } from "../../kernel";
import { evaluate } from "./evaluate";
import { directoryOf } from "./trust";

/**
 * Makes sure that a resource's own policy lets a service do something for a resource of the stack. The resource's key is
 * not asked: for services that use it by a grant, which they get when their own resource is made.
 * @throws AwsError `AccessDeniedException`
 */
export function assertServiceMay(
  kernel: Kernel,
  by: { readonly service: string; readonly sourceArn: string },
  action: string,
  resource: string,
): void {
  const context = new Map([
    ["aws:sourceaccount", [kernel.place.accountId]],
    ["aws:sourcearn", [by.sourceArn]],
    ["aws:principalisawsservice", ["true"]],
    ["aws:principalservicename", [by.service]],
    ["aws:securetransport", ["true"]],
    ["s3:tlsversion", ["1.3"]],
  ]);
  const request = { action, resource, caller: { kind: "service", service: by.service } as const, context };
  const verdict = evaluate(directoryOf(kernel)().resourcePolicies(resource), request, "resource");
  if (verdict.allow && !verdict.deny) return;
  throw new AwsError(
    "AccessDeniedException",
    `${by.service} is not authorized to perform ${action} on ${resource} for ${by.sourceArn}: ` +
      (verdict.deny ? "the resource's policy denies it" : "no resource-based policy allows it"),
    { status: 403 },
  );
}
