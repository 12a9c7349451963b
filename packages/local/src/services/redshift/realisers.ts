import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { z } from "zod";
import { arn, parseInput, type Realiser } from "../../kernel";
import { assertTrusted } from "../iam";
import { tagOutputs } from "../support";
import { databaseFile } from "./database";
import { registryOf } from "./registry";

const name = z.string().regex(/^[a-z0-9-]{3,64}$/, "3 to 64 lower case letters, digits and dashes");
const namespaceInputs = z.object({
  namespaceName: name,
  dbName: z.string().default("dev"),
  adminUsername: z.string().default("admin"),
  manageAdminPassword: z.boolean().default(false),
  iamRoles: z.array(z.string()).default([]),
  defaultIamRoleArn: z.string().optional(),
  kmsKeyId: z.string().optional(),
});

/** Redshift draws ids; here they follow from the URN. */
const idOf = (urn: string): string => {
  const hex = createHash("sha256").update(urn).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
};

const namespaceRealiser: Realiser = {
  type: "aws:redshiftserverless/namespace:Namespace",
  replaceOn: ["namespaceName"],
  compute(resource, kernel) {
    const given = parseInput(namespaceInputs, resource.inputs);
    for (const role of given.iamRoles) assertTrusted(kernel, role, "redshift.amazonaws.com");
    const id = idOf(resource.urn);
    const namespaceArn = arn(kernel.place, "redshift-serverless", `namespace/${id}`);
    return {
      id: given.namespaceName,
      outputs: {
        arn: namespaceArn,
        namespaceId: id,
        dbName: given.dbName,
        adminUsername: given.adminUsername,
        region: kernel.place.region,
        ...(given.manageAdminPassword && {
          adminPasswordSecretArn: arn(
            kernel.place,
            "secretsmanager",
            `secret:redshift!${given.namespaceName}-${given.adminUsername}-${id.slice(0, 6)}`,
          ),
        }),
        ...tagOutputs(resource.inputs),
      },
    };
  },
  attach(resource, kernel) {
    const given = parseInput(namespaceInputs, resource.inputs);
    const { arn: namespaceArn, adminPasswordSecretArn } = resource.outputs;
    registryOf(kernel).namespaces.set(given.namespaceName, {
      name: given.namespaceName,
      arn: String(namespaceArn),
      database: given.dbName,
      roles: [...given.iamRoles, ...(given.defaultIamRoleArn === undefined ? [] : [given.defaultIamRoleArn])],
      secretArn: typeof adminPasswordSecretArn === "string" ? adminPasswordSecretArn : undefined,
    });
  },
  detach(resource, kernel) {
    registryOf(kernel).namespaces.delete(resource.id);
  },
  destroy(resource, kernel) {
    const file = databaseFile(kernel, resource.id);
    for (const each of [file, `${file}.wal`]) if (existsSync(each)) rmSync(each);
  },
};

const workgroupInputs = z.object({ workgroupName: name, namespaceName: name, port: z.number().int().default(5439) });

const workgroupRealiser: Realiser = {
  type: "aws:redshiftserverless/workgroup:Workgroup",
  replaceOn: ["workgroupName", "namespaceName"],
  compute(resource, kernel) {
    const given = parseInput(workgroupInputs, resource.inputs);
    const id = idOf(resource.urn);
    const { accountId, region } = kernel.place;
    return {
      id: given.workgroupName,
      outputs: {
        arn: arn(kernel.place, "redshift-serverless", `workgroup/${id}`),
        workgroupId: id,
        region,
        endpoints: [
          {
            address: `${given.workgroupName}.${accountId}.${region}.redshift-serverless.amazonaws.com`,
            port: given.port,
            vpcEndpoints: [],
          },
        ],
        ...tagOutputs(resource.inputs),
      },
    };
  },
  attach(resource, kernel) {
    const { workgroupName, namespaceName } = parseInput(workgroupInputs, resource.inputs);
    registryOf(kernel).workgroups.set(workgroupName, {
      name: workgroupName,
      arn: String(resource.outputs.arn),
      namespace: namespaceName,
    });
  },
  detach(resource, kernel) {
    registryOf(kernel).workgroups.delete(resource.id);
  },
};

export const redshiftRealisers: Realiser[] = [namespaceRealiser, workgroupRealiser];
