import { createHash } from "node:crypto";
import { AwsError, type Realiser, type Registered } from "../../kernel";
import { readPolicy } from "../iam";
import { physicalName, tagOutputs, text } from "../support";
import { type SecretVersion, secretsOf } from "./secrets";

const secret: Realiser = {
  type: "aws:secretsmanager/secret:Secret",
  replaceOn: ["name", "namePrefix"],
  compute(resource, kernel, before) {
    const { inputs, urn } = resource;
    if (inputs.policy !== undefined) readPolicy(inputs.policy, `${urn} policy`);
    const name = physicalName(resource, before, 512);
    const secretArn = secretsOf(kernel).arnOf(name);
    return { id: secretArn, outputs: { name, arn: secretArn, region: kernel.place.region, ...tagOutputs(inputs) } };
  },
  async attach(resource, kernel) {
    const name = String(resource.outputs.name);
    const kmsKeyId = text(resource.inputs.kmsKeyId);
    const now = kernel.now();
    await secretsOf(kernel).save(name, (row) => {
      const { deleteAt: _restored, ...kept } = row ?? { createdAt: now, changedAt: now, versions: [] };
      const description = text(resource.inputs.description) ?? "";
      return { ...kept, name, arn: resource.id, description, ...(kmsKeyId && { kmsKeyId }) };
    });
  },
  async destroy(resource, kernel) {
    await kernel.store.write(() => secretsOf(kernel).rows.remove(String(resource.outputs.name)));
  },
};

function contentFrom({ inputs, name }: Registered): Omit<SecretVersion, "id" | "stages" | "createdAt"> {
  const value = text(inputs.secretString) ?? text(inputs.secretStringWo);
  const binary = text(inputs.secretBinary);
  if (value !== undefined) return { text: value };
  if (binary !== undefined) return { binary: new Uint8Array(Buffer.from(binary, "base64")) };
  throw new AwsError("InvalidParameterException", `${name}: a secret version needs secretString or secretBinary`);
}

const secretVersion: Realiser = {
  type: "aws:secretsmanager/secretVersion:SecretVersion",
  replaceOn: ["secretId", "secretString", "secretBinary"],
  async compute(resource, kernel) {
    const secrets = secretsOf(kernel);
    const row = secrets.require(String(resource.inputs.secretId));
    const value = contentFrom(resource);
    const digest = createHash("sha256")
      .update(resource.urn)
      .update(value.text ?? value.binary ?? "")
      .digest("hex");
    const versionId = `terraform-${digest.slice(0, 26)}`;
    const saved = await secrets.putValue(row.name, { ...value, id: versionId });
    const stages = saved.versions.find(({ id }) => id === versionId)?.stages ?? [];
    return {
      id: `${row.arn}|${versionId}`,
      outputs: { arn: row.arn, secretArn: row.arn, versionId, versionStages: [...stages], region: kernel.place.region },
    };
  },
  async destroy(resource, kernel) {
    const secrets = secretsOf(kernel);
    const row = secrets.find(String(resource.outputs.arn));
    if (!row) return;
    // As on AWS: the current version cannot be taken away, only replaced; it goes with its secret.
    await secrets.save(row.name, () => ({
      ...row,
      versions: row.versions.filter(
        ({ id, stages }) => id !== resource.outputs.versionId || stages.includes("AWSCURRENT"),
      ),
    }));
  },
};

const secretPolicy: Realiser = {
  type: "aws:secretsmanager/secretPolicy:SecretPolicy",
  replaceOn: ["secretArn"],
  compute({ inputs, urn }) {
    readPolicy(inputs.policy, `${urn} policy`);
    return { id: String(inputs.secretArn), outputs: {} };
  },
};

export const secretRealisers: Realiser[] = [secret, secretVersion, secretPolicy];
