import { createHash } from "node:crypto";
import { join } from "node:path";
import { AwsError, arn, type Kernel, type Principal, type Realiser, type Resource } from "../../kernel";
import { putLocalFile } from "../s3";
import { DropFolder, defineService, perKernel, records, tagOutputs, text } from "../support";
import { connectorOperations, connectorRealiser } from "./connectors";

/** `s-` and 17 hex digits, as Transfer Family names servers. */
const serverId = (urn: string) => `s-${createHash("sha256").update(urn).digest("hex").slice(0, 17)}`;

/** Upload folders of users, by URN. */
const foldersOf = perKernel(() => new Map<string, DropFolder>());

const server: Realiser = {
  type: "aws:transfer/server:Server",
  replaceOn: ["domain", "identityProviderType"],
  compute({ urn, inputs }, kernel, previous) {
    const id = previous?.id ?? serverId(urn);
    const { region } = kernel.place;
    return {
      id,
      outputs: {
        arn: arn(kernel.place, "transfer", `server/${id}`),
        endpoint: `${id}.server.transfer.${region}.amazonaws.com`,
        hostKeyFingerprint: `SHA256:${createHash("sha256").update(id).digest("base64").replace(/=+$/, "")}`,
        ...tagOutputs(inputs),
      },
    };
  },
};

/** Where a path of the user's session lies in S3. */
function target({ inputs }: Resource): { bucket: string; prefix: string } {
  const [mapping] = records(inputs.homeDirectoryMappings).filter(({ entry }) => entry === "/");
  const path = text(mapping?.target) ?? text(inputs.homeDirectory);
  const [, bucket = "", ...folders] = (path ?? "").split("/");
  if (bucket === "") {
    throw new AwsError("InvalidRequestException", "the user has no home directory; map its / to /bucket/folder");
  }
  const prefix = folders.filter((folder) => folder !== "").join("/");
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/` };
}

/** The logical name of the user's server, or its id where it is not of this stack. */
function serverName(kernel: Kernel, id: string): string {
  for (const resource of kernel.resources.values()) {
    if (resource.type === server.type && resource.id === id) return resource.name;
  }
  return id;
}

const user: Realiser = {
  type: "aws:transfer/user:User",
  replaceOn: ["serverId", "userName"],
  compute({ inputs }, kernel) {
    const id = `${String(inputs.serverId)}/${String(inputs.userName)}`;
    return { id, outputs: { arn: arn(kernel.place, "transfer", `user/${id}`), ...tagOutputs(inputs) } };
  },
  attach(resource, kernel) {
    const userName = String(resource.inputs.userName);
    const { bucket, prefix } = target(resource);
    const principal: Principal = { kind: "role", roleArn: String(resource.inputs.role), session: userName };
    const place = ["sftp", serverName(kernel, String(resource.inputs.serverId)), userName];
    const folder = new DropFolder(kernel, {
      name: place.join("/"),
      folder: join(kernel.options.dataDir, ...place),
      take: async ({ path, name }) => {
        const key = `${prefix}${name}`;
        kernel.authorize(principal, { action: "s3:PutObject", resource: `arn:aws:s3:::${bucket}/${key}` }, "PutObject");
        await putLocalFile(kernel, bucket, key, path);
      },
    });
    foldersOf(kernel).set(resource.urn, folder);
  },
  async detach(resource, kernel) {
    await foldersOf(kernel).get(resource.urn)?.stop();
    foldersOf(kernel).delete(resource.urn);
  },
};

/**
 * Transfer Family: each user has a folder, `<data>/sftp/<server>/<user>/`; what is put there is uploaded as the user, with
 * the user's role. Each connector has one too, `<data>/sftp-remote/<connector>/`, which stands for the partner's server:
 * listed and fetched from, with the connector's role. There is no SFTP protocol, and there are no keys.
 */
export function install(kernel: Kernel): Realiser[] {
  kernel.register(defineService("transfer", connectorOperations(kernel)));
  return [server, user, connectorRealiser];
}
