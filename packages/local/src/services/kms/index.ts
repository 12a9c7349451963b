import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { AwsError, arn, type Kernel, type Realiser } from "../../kernel";
import { readPolicy } from "../iam";
import { defineService, operation, physicalName, tagOutputs, text } from "../support";
import { open, seal } from "./envelope";
import { keyIndex, requireKey } from "./keys";

export { requireKey } from "./keys";

const context = z.record(z.string(), z.string()).optional();
const bytes = z.instanceof(Uint8Array);
const dataKey = z.strictObject({
  KeyId: z.string(),
  KeySpec: z.enum(["AES_128", "AES_256"]).optional(),
  NumberOfBytes: z.number().int().min(1).max(1024).optional(),
  EncryptionContext: context,
});

function defaultPolicy(kernel: Kernel): string {
  const Principal = { AWS: `arn:aws:iam::${kernel.place.accountId}:root` };
  const Statement = [
    { Sid: "Enable IAM User Permissions", Effect: "Allow", Principal, Action: "kms:*", Resource: "*" },
  ];
  return JSON.stringify({ Version: "2012-10-17", Id: "key-default-1", Statement });
}

const key: Realiser = {
  type: "aws:kms/key:Key",
  replaceOn: ["keyUsage", "customerMasterKeySpec", "multiRegion"],
  compute({ urn, inputs }, kernel) {
    if (inputs.policy !== undefined) readPolicy(inputs.policy, `${urn} policy`);
    const hex = createHash("sha256").update(urn).digest("hex");
    const keyId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
      "-",
    );
    return {
      id: keyId,
      outputs: {
        keyId,
        arn: arn(kernel.place, "kms", `key/${keyId}`),
        policy: inputs.policy ?? defaultPolicy(kernel),
        description: text(inputs.description) ?? "",
        multiRegion: inputs.multiRegion === true,
        rotationPeriodInDays: inputs.rotationPeriodInDays ?? 365,
        region: kernel.place.region,
        ...tagOutputs(inputs),
      },
    };
  },
};

const alias: Realiser = {
  type: "aws:kms/alias:Alias",
  replaceOn: ["name", "namePrefix"],
  compute(resource, kernel, previous) {
    const given = physicalName(resource, previous, 250);
    const name = given.startsWith("alias/") ? given : `alias/${given}`;
    const target = requireKey(kernel, String(resource.inputs.targetKeyId));
    return {
      id: name,
      outputs: { name, arn: arn(kernel.place, "kms", name), targetKeyArn: target.arn, targetKeyId: target.keyId },
    };
  },
};

const keyPolicy: Realiser = {
  type: "aws:kms/keyPolicy:KeyPolicy",
  replaceOn: ["keyId"],
  compute({ urn, inputs }, kernel) {
    readPolicy(inputs.policy, `${urn} policy`);
    return { id: requireKey(kernel, String(inputs.keyId)).keyId, outputs: {} };
  },
};

/** KMS as identity: who may use which key is real, the encryption is not. */
export function install(kernel: Kernel): Realiser[] {
  const needs = (action: string) => (input: { KeyId: string }) => [
    { action: `kms:${action}`, resource: requireKey(kernel, input.KeyId).arn },
  ];
  const makeDataKey = ({ KeyId, KeySpec, NumberOfBytes, EncryptionContext }: z.output<typeof dataKey>) => {
    const { arn: keyArn } = requireKey(kernel, KeyId);
    const plaintext = new Uint8Array(randomBytes(NumberOfBytes ?? (KeySpec === "AES_128" ? 16 : 32)));
    return { KeyId: keyArn, Plaintext: plaintext, CiphertextBlob: seal(keyArn, plaintext, EncryptionContext) };
  };
  const service = defineService("kms", {
    Encrypt: operation(
      z.strictObject({ KeyId: z.string(), Plaintext: bytes, EncryptionContext: context }),
      needs("Encrypt"),
      ({ KeyId, Plaintext, EncryptionContext }) => {
        const { arn: keyArn } = requireKey(kernel, KeyId);
        if (Plaintext.byteLength > 4096) {
          throw new AwsError("ValidationException", "Plaintext must be at most 4096 bytes; use GenerateDataKey");
        }
        const CiphertextBlob = seal(keyArn, Plaintext, EncryptionContext);
        return { KeyId: keyArn, CiphertextBlob, EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
      },
    ),
    Decrypt: operation(
      z.strictObject({ CiphertextBlob: bytes, KeyId: z.string().optional(), EncryptionContext: context }),
      ({ CiphertextBlob, EncryptionContext }) => [
        { action: "kms:Decrypt", resource: open(CiphertextBlob, EncryptionContext).keyArn },
      ],
      ({ CiphertextBlob, KeyId, EncryptionContext }) => {
        const { keyArn, plaintext } = open(CiphertextBlob, EncryptionContext);
        if (KeyId !== undefined && requireKey(kernel, KeyId).arn !== keyArn) {
          throw new AwsError(
            "IncorrectKeyException",
            "The key ID in the request does not identify the key that was used",
          );
        }
        requireKey(kernel, keyArn);
        return { KeyId: keyArn, Plaintext: plaintext, EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
      },
    ),
    GenerateDataKey: operation(dataKey, needs("GenerateDataKey"), makeDataKey),
    GenerateDataKeyWithoutPlaintext: operation(dataKey, needs("GenerateDataKeyWithoutPlaintext"), (input) => {
      const { KeyId, CiphertextBlob } = makeDataKey(input);
      return { KeyId, CiphertextBlob };
    }),
    DescribeKey: operation(z.strictObject({ KeyId: z.string() }), needs("DescribeKey"), ({ KeyId }) => {
      const found = requireKey(kernel, KeyId);
      return {
        KeyMetadata: {
          KeyId: found.keyId,
          Arn: found.arn,
          Description: found.description,
          Enabled: found.enabled,
          KeyState: found.enabled ? "Enabled" : "Disabled",
          KeyUsage: "ENCRYPT_DECRYPT",
          KeyManager: "CUSTOMER",
          AWSAccountId: kernel.place.accountId,
        },
      };
    }),
    ListKeys: operation(
      z.strictObject({ Limit: z.number().optional() }),
      () => [{ action: "kms:ListKeys", resource: "*" }],
      () => ({
        Keys: [...new Set(keyIndex(kernel)().keys.values())].map((found) => ({
          KeyId: found.keyId,
          KeyArn: found.arn,
        })),
        Truncated: false,
      }),
    ),
  });
  kernel.register(service);
  return [key, alias, keyPolicy];
}
