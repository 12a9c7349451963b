import { AwsError, type Kernel } from "../../kernel";
import { perKernel } from "../support";
import { directory } from "./directory";
import { type Caller, evaluate } from "./evaluate";

export const directoryOf = perKernel((kernel: Kernel) => directory(kernel));

/**
 * Makes sure that a role's trust policy lets a service act under it. Call it where a resource takes up a role.
 * @param servicePrincipal `lambda.amazonaws.com`, `states.amazonaws.com`, …
 * @param sourceArn the resource that will act, for trust policies that name it
 * @throws AwsError `NoSuchEntity` for a role that the stack does not have, `AccessDeniedException` for one that does not
 * trust the service
 */
export function assertTrusted(kernel: Kernel, roleArn: string, servicePrincipal: string, sourceArn?: string): void {
  const context = new Map([
    ["aws:sourceaccount", [kernel.place.accountId]],
    ["aws:principalisawsservice", ["true"]],
    ...(sourceArn ? [["aws:sourcearn", [sourceArn]] as [string, string[]]] : []),
  ]);
  if (trusts(kernel, roleArn, { kind: "service", service: servicePrincipal }, context)) return;
  throw new AwsError(
    "AccessDeniedException",
    `${servicePrincipal} may not assume ${roleArn}${sourceArn ? ` for ${sourceArn}` : ""}: ` +
      `the role's assumeRolePolicy must allow sts:AssumeRole to { "Service": "${servicePrincipal}" }`,
    { status: 403 },
  );
}

/** Whether a role's trust policy lets a caller assume it. `account` trust counts: the caller's own policies decide. */
export function trusts(
  kernel: Kernel,
  roleArn: string,
  caller: Caller,
  context: ReadonlyMap<string, string[]>,
): boolean {
  const role = directoryOf(kernel)().role(roleArn);
  if (!role) {
    const name = roleArn.split("/").at(-1);
    throw new AwsError("NoSuchEntity", `The role with name ${name} cannot be found.`, { status: 404 });
  }
  const request = { action: "sts:AssumeRole", resource: roleArn, caller, context };
  const verdict = evaluate([role.trust], request, "resource");
  return !verdict.deny && (verdict.allow || verdict.account);
}
