import { createHash } from "node:crypto";
import { join } from "node:path";
import { arn, type Kernel, type Realiser, type Registered } from "../../kernel";
import { DropFolder, perKernel, tagOutputs, text } from "../support";
import { replicate } from "./replicate";

const replicationsOf = perKernel(() => new Map<string, DropFolder>());

const id = (urn: string) => createHash("sha256").update(urn).digest("hex").slice(0, 26).toUpperCase();

/** Endpoints: what they say is read by the replication. */
function endpoint(type: string): Realiser {
  return {
    type,
    replaceOn: ["endpointId"],
    compute({ urn, inputs }: Registered, kernel: Kernel) {
      return {
        id: String(inputs.endpointId),
        outputs: {
          endpointArn: arn(kernel.place, "dms", `endpoint:${id(urn)}`),
          status: "active",
          ...tagOutputs(inputs),
        },
      };
    },
  };
}

const subnetGroup: Realiser = {
  type: "aws:dms/replicationSubnetGroup:ReplicationSubnetGroup",
  replaceOn: ["replicationSubnetGroupId"],
  compute({ inputs }, kernel) {
    const name = String(inputs.replicationSubnetGroupId);
    return {
      id: name,
      outputs: {
        replicationSubnetGroupArn: arn(kernel.place, "dms", `subgrp:${name}`),
        vpcId: "vpc-local",
        ...tagOutputs(inputs),
      },
    };
  },
};

const replicationConfig: Realiser = {
  type: "aws:dms/replicationConfig:ReplicationConfig",
  replaceOn: ["replicationConfigIdentifier"],
  compute({ urn, inputs }, kernel) {
    const configArn = arn(kernel.place, "dms", `replication-config:${id(urn)}`);
    return { id: configArn, outputs: { arn: configArn, ...tagOutputs(inputs) } };
  },
  attach(resource, kernel) {
    const name = text(resource.inputs.replicationConfigIdentifier) ?? resource.name;
    if (resource.inputs.startReplication !== true) {
      kernel.log.info(`dms/${name} is not started (startReplication): its folder is not looked at`);
      return;
    }
    const folder = new DropFolder(kernel, {
      name: `dms/${name}`,
      folder: join(kernel.options.dataDir, "dms", name),
      take: (file) => replicate(kernel, resource, file),
    });
    replicationsOf(kernel).set(resource.urn, folder);
  },
  async detach(resource, kernel) {
    await replicationsOf(kernel).get(resource.urn)?.stop();
    replicationsOf(kernel).delete(resource.urn);
  },
};

/**
 * DMS Serverless to S3: a folder for each replication, `<data>/dms/<replication>/`, with a file of rows and changes for
 * each table, `<schema>.<table>.jsonl`; what is put there is written to the target endpoint as DMS writes it. There is no
 * database, no secret is read and nothing is converted.
 */
export function install(): Realiser[] {
  return [
    endpoint("aws:dms/endpoint:Endpoint"),
    endpoint("aws:dms/s3Endpoint:S3Endpoint"),
    subnetGroup,
    replicationConfig,
  ];
}
