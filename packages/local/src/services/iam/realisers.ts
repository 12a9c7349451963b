import { createHash } from "node:crypto";
import { AwsError, globalArn, type Kernel, type Realiser } from "../../kernel";
import { physicalName, records, tagOutputs, text, texts } from "../support";
import { readPolicy } from "./document";
import { awsManagedPolicy, isAwsManaged } from "./managed-policies";

/** Ids as IAM makes them (`AROA…`), from the URN, so that they stay. */
function uniqueId(prefix: string, urn: string): string {
  return prefix + createHash("sha256").update(urn).digest("hex").slice(0, 17).toUpperCase();
}

function pathOf(inputs: Record<string, unknown>): string {
  return text(inputs.path) ?? "/";
}

function roleNameOf(value: unknown): string {
  const role = text(value)?.split("/").at(-1);
  if (!role) throw new AwsError("ValidationError", "role: the name of a role is missing");
  return role;
}

/** A managed policy whose text is not known would silently allow nothing; better that the deployment fails. */
function checkManaged(policyArn: string): void {
  if (isAwsManaged(policyArn)) awsManagedPolicy(policyArn);
}

const role: Realiser = {
  type: "aws:iam/role:Role",
  replaceOn: ["name", "namePrefix", "path"],
  compute(resource, kernel, previous) {
    const { inputs, urn } = resource;
    readPolicy(inputs.assumeRolePolicy, `${urn} assumeRolePolicy`);
    const inline = records(inputs.inlinePolicies);
    for (const entry of inline) if (entry.policy !== undefined) readPolicy(entry.policy, `${urn} inlinePolicies`);
    const managed = texts(inputs.managedPolicyArns);
    for (const policyArn of managed) checkManaged(policyArn);
    const boundary = text(inputs.permissionsBoundary);
    if (boundary) checkManaged(boundary);
    const name = physicalName(resource, previous);
    return {
      id: name,
      outputs: {
        name,
        arn: globalArn(kernel.place, "iam", `role${pathOf(inputs)}${name}`),
        uniqueId: uniqueId("AROA", urn),
        path: pathOf(inputs),
        createDate: text(previous?.outputs.createDate) ?? new Date(kernel.now()).toISOString(),
        maxSessionDuration: inputs.maxSessionDuration ?? 3600,
        inlinePolicies: inline,
        managedPolicyArns: managed,
        ...tagOutputs(inputs),
      },
    };
  },
};

const rolePolicy: Realiser = {
  type: "aws:iam/rolePolicy:RolePolicy",
  replaceOn: ["name", "namePrefix", "role"],
  compute(resource, _kernel, previous) {
    readPolicy(resource.inputs.policy, `${resource.urn} policy`);
    const name = physicalName(resource, previous);
    return { id: `${roleNameOf(resource.inputs.role)}:${name}`, outputs: { name } };
  },
};

const policy: Realiser = {
  type: "aws:iam/policy:Policy",
  replaceOn: ["name", "namePrefix", "path", "description"],
  compute(resource, kernel, previous) {
    const { inputs, urn } = resource;
    readPolicy(inputs.policy, `${urn} policy`);
    const name = physicalName(resource, previous);
    const arn = globalArn(kernel.place, "iam", `policy${pathOf(inputs)}${name}`);
    return {
      id: arn,
      outputs: {
        name,
        arn,
        path: pathOf(inputs),
        policyId: uniqueId("ANPA", urn),
        attachmentCount: 0,
        ...tagOutputs(inputs),
      },
    };
  },
};

const rolePolicyAttachment: Realiser = {
  type: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  replaceOn: ["role", "policyArn"],
  compute({ inputs, urn }) {
    const policyArn = text(inputs.policyArn) ?? "";
    checkManaged(policyArn);
    return { id: `${roleNameOf(inputs.role)}-${uniqueId("", urn)}`, outputs: {} };
  },
};

const policyAttachment: Realiser = {
  type: "aws:iam/policyAttachment:PolicyAttachment",
  replaceOn: ["name", "policyArn"],
  compute(resource) {
    checkManaged(text(resource.inputs.policyArn) ?? "");
    const name = text(resource.inputs.name) ?? resource.name;
    return { id: name, outputs: { name } };
  },
};

/** Says that a role has these policies and no others: in a stack that is the only author, it always holds. */
function exclusive(type: string, listed: string): Realiser {
  return {
    type,
    compute({ inputs, urn }, kernel: Kernel) {
      const roleName = text(inputs.roleName) ?? "";
      const named = texts(inputs[listed]);
      for (const { type: other, inputs: theirs, outputs } of kernel.resources.values()) {
        const held = other.startsWith("aws:iam/rolePolicy:") ? text(outputs.name) : text(theirs.policyArn);
        const counts =
          listed === "policyNames" ? other === "aws:iam/rolePolicy:RolePolicy" : other === rolePolicyAttachment.type;
        if (counts && theirs.role === roleName && held && !named.includes(held)) {
          throw new AwsError(
            "ValidationError",
            `${urn}: the stack gives ${roleName} ${held}, which ${listed} does not list`,
          );
        }
      }
      return { id: roleName, outputs: {} };
    },
  };
}

export const iamRealisers: Realiser[] = [
  role,
  rolePolicy,
  policy,
  rolePolicyAttachment,
  policyAttachment,
  exclusive("aws:iam/rolePoliciesExclusive:RolePoliciesExclusive", "policyNames"),
  exclusive("aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive", "policyArns"),
];
