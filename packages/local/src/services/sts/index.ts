import { z } from "zod";
import { AwsError, type Call, type Kernel, type Realiser } from "../../kernel";
import { nameOf, sessionArn, trusts } from "../iam";
import { defineService, operation } from "../support";

const assumeRole = z.strictObject({
  RoleArn: z.string().startsWith("arn:aws:iam::"),
  RoleSessionName: z.string().min(2).max(64),
  DurationSeconds: z.number().int().min(900).max(43_200).optional(),
});

/** STS: who am I, and sessions of roles that trust the caller. */
export function install(kernel: Kernel): Realiser[] {
  const { place } = kernel;
  const assume = ({ RoleArn, RoleSessionName, DurationSeconds = 3600 }: z.output<typeof assumeRole>, call: Call) => {
    const root = `arn:aws:iam::${place.accountId}:root`;
    const { principal } = call;
    const asRole = principal.kind === "role";
    const caller =
      principal.kind === "service"
        ? ({ kind: "service", service: principal.service } as const)
        : ({
            kind: "role",
            roleArn: asRole ? principal.roleArn : root,
            sessionArn: asRole ? sessionArn(place, principal.roleArn, principal.session) : root,
            accountId: place.accountId,
          } as const);
    if (!trusts(kernel, RoleArn, caller, new Map([["aws:sourceaccount", [place.accountId]]]))) {
      const message = `User: ${nameOf(place, principal)} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`;
      throw new AwsError("AccessDenied", message, { status: 403 });
    }
    const issued = kernel.credentials.issue({ kind: "role", roleArn: RoleArn, session: RoleSessionName });
    return {
      Credentials: {
        AccessKeyId: issued.accessKeyId,
        SecretAccessKey: issued.secretAccessKey,
        SessionToken: issued.sessionToken,
        Expiration: new Date(kernel.now() + DurationSeconds * 1000),
      },
      AssumedRoleUser: {
        AssumedRoleId: `AROALOCAL:${RoleSessionName}`,
        Arn: sessionArn(place, RoleArn, RoleSessionName),
      },
    };
  };
  const service = defineService("sts", {
    GetCallerIdentity: operation(
      z.strictObject({}),
      // As on AWS: nobody can be denied this.
      () => [],
      (_input, { principal }) => ({
        UserId: principal.kind === "role" ? `AROALOCAL:${principal.session}` : place.accountId,
        Account: place.accountId,
        Arn: nameOf(place, principal),
      }),
    ),
    AssumeRole: operation(assumeRole, ({ RoleArn }) => [{ action: "sts:AssumeRole", resource: RoleArn }], assume),
  });
  kernel.register(service);
  return [];
}
