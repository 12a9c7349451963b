import { z } from "zod";
import { AwsError, type Kernel, type Realiser } from "../../kernel";
import { defineService, operation } from "../support";
import { PolicyAuthorizer } from "./authorizer";
import { iamRealisers } from "./realisers";
import { directoryOf } from "./trust";

export { nameOf, sessionArn } from "./denial";
export { readPolicy } from "./document";
export { kmsPermissions } from "./kms-requirements";
export { assertServiceMay } from "./service-access";
export { assertTrusted, trusts } from "./trust";

/** Sets the kernel's authorizer; gives IAM's realisers. */
export function install(kernel: Kernel): Realiser[] {
  kernel.authorizer = new PolicyAuthorizer(kernel);
  const roleArn = (name: string) => `arn:aws:iam::${kernel.place.accountId}:role/${name}`;
  const service = defineService("iam", {
    GetRole: operation(
      z.strictObject({ RoleName: z.string().min(1) }),
      ({ RoleName }) => [{ action: "iam:GetRole", resource: roleArn(RoleName) }],
      ({ RoleName }) => {
        const dir = directoryOf(kernel)();
        const role = dir.roleArns.map((arn) => dir.role(arn)).find((entry) => entry?.name === RoleName);
        if (!role) {
          throw new AwsError("NoSuchEntity", `The role with name ${RoleName} cannot be found.`, { status: 404 });
        }
        return {
          Role: { RoleName, Arn: role.arn, AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(role.trust)) },
        };
      },
    ),
  });
  kernel.register(service);
  return iamRealisers;
}
