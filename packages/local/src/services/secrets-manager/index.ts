import { randomInt, randomUUID } from "node:crypto";
import { z } from "zod";
import { AwsError, type Kernel, type Realiser } from "../../kernel";
import { defineService, operation, text } from "../support";
import { secretRealisers } from "./realisers";
import { type SecretRow, secretsOf } from "./secrets";

const dayMs = 86_400_000;
const value = {
  SecretString: z.string().optional(),
  SecretBinary: z.instanceof(Uint8Array).optional(),
  ClientRequestToken: z.string().optional(),
};
const target = { SecretId: z.string().min(1) };
const schemas = {
  create: z.strictObject({
    ...value,
    Name: z.string().regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/, "letters, digits and /_+=.@-"),
    Description: z.string().optional(),
    KmsKeyId: z.string().optional(),
  }),
  get: z.strictObject({ ...target, VersionId: z.string().optional(), VersionStage: z.string().optional() }),
  put: z.strictObject({ ...target, ...value }),
  update: z.strictObject({
    ...target,
    ...value,
    Description: z.string().optional(),
    KmsKeyId: z.string().optional(),
  }),
  describe: z.strictObject(target),
  remove: z.strictObject({
    ...target,
    ForceDeleteWithoutRecovery: z.boolean().optional(),
    RecoveryWindowInDays: z.number().int().min(7).max(30).optional(),
  }),
  list: z.strictObject({ MaxResults: z.number().optional(), IncludePlannedDeletion: z.boolean().optional() }),
  password: z.strictObject({
    PasswordLength: z.number().int().min(1).max(4096).optional(),
    ExcludeCharacters: z.string().optional(),
    ExcludeNumbers: z.boolean().optional(),
    ExcludePunctuation: z.boolean().optional(),
    ExcludeUppercase: z.boolean().optional(),
    ExcludeLowercase: z.boolean().optional(),
  }),
};

function describe(row: SecretRow): Record<string, unknown> {
  return {
    ARN: row.arn,
    Name: row.name,
    Description: row.description,
    CreatedDate: new Date(row.createdAt),
    LastChangedDate: new Date(row.changedAt),
    ...(row.kmsKeyId && { KmsKeyId: row.kmsKeyId }),
    ...(row.deleteAt !== undefined && { DeletedDate: new Date(row.deleteAt) }),
  };
}

function stagesOf(row: SecretRow): Record<string, readonly string[]> {
  return Object.fromEntries(row.versions.map(({ id, stages }) => [id, stages]));
}

type Value = { SecretString?: string | undefined; SecretBinary?: Uint8Array | undefined };

function contentOf({ SecretString, SecretBinary }: Value): { text?: string; binary?: Uint8Array } | undefined {
  if (SecretString !== undefined && SecretBinary !== undefined) {
    throw new AwsError("InvalidParameterException", "You can't specify both a SecretString and a SecretBinary.");
  }
  if (SecretString !== undefined) return { text: SecretString };
  return SecretBinary ? { binary: SecretBinary } : undefined;
}

/** Secrets Manager. Values lie in the data folder in plain text; permissions, the key's too, are enforced. */
export function install(kernel: Kernel): Realiser[] {
  const secrets = secretsOf(kernel);
  const needs = (action: string) => (input: { SecretId: string }) => [
    { action: `secretsmanager:${action}`, resource: secrets.resourceOf(input.SecretId) },
  ];
  const service = defineService(
    "secrets-manager",
    {
      CreateSecret: operation(
        schemas.create,
        ({ Name }) => [{ action: "secretsmanager:CreateSecret", resource: secrets.arnOf(Name) }],
        async ({ Name, Description = "", KmsKeyId, ClientRequestToken = randomUUID(), ...content }) => {
          if (secrets.find(Name)) {
            throw new AwsError(
              "ResourceExistsException",
              `The operation failed because the secret ${Name} already exists.`,
            );
          }
          const now = kernel.now();
          const row = await secrets.save(Name, () => ({
            name: Name,
            arn: secrets.arnOf(Name),
            description: Description,
            createdAt: now,
            changedAt: now,
            versions: [],
            ...(KmsKeyId && { kmsKeyId: KmsKeyId }),
          }));
          const first = contentOf(content);
          if (!first) return { ARN: row.arn, Name };
          await secrets.putValue(Name, { ...first, id: ClientRequestToken });
          return { ARN: row.arn, Name, VersionId: ClientRequestToken };
        },
      ),
      GetSecretValue: operation(schemas.get, needs("GetSecretValue"), ({ SecretId, VersionId, VersionStage }) => {
        const row = secrets.require(SecretId);
        const found = secrets.version(row, { id: VersionId, stage: VersionStage });
        return {
          ARN: row.arn,
          Name: row.name,
          VersionId: found.id,
          VersionStages: [...found.stages],
          CreatedDate: new Date(found.createdAt),
          ...(found.text !== undefined && { SecretString: found.text }),
          ...(found.binary && { SecretBinary: new Uint8Array(found.binary) }),
        };
      }),
      PutSecretValue: operation(
        schemas.put,
        needs("PutSecretValue"),
        async ({ SecretId, ClientRequestToken = randomUUID(), ...content }) => {
          const given = contentOf(content);
          if (!given)
            throw new AwsError("InvalidParameterException", "You must provide a SecretString or a SecretBinary.");
          const row = await secrets.putValue(secrets.require(SecretId).name, { ...given, id: ClientRequestToken });
          return { ARN: row.arn, Name: row.name, VersionId: ClientRequestToken, VersionStages: ["AWSCURRENT"] };
        },
      ),
      UpdateSecret: operation(
        schemas.update,
        needs("UpdateSecret"),
        async ({ SecretId, Description, KmsKeyId, ClientRequestToken = randomUUID(), ...content }) => {
          const { name } = secrets.require(SecretId);
          const row = await secrets.save(name, (before) => ({
            ...(before ?? secrets.require(SecretId)),
            ...(Description !== undefined && { description: Description }),
            ...(KmsKeyId && { kmsKeyId: KmsKeyId }),
          }));
          const given = contentOf(content);
          if (!given) return { ARN: row.arn, Name: name };
          await secrets.putValue(name, { ...given, id: ClientRequestToken });
          return { ARN: row.arn, Name: name, VersionId: ClientRequestToken };
        },
      ),
      DescribeSecret: operation(schemas.describe, needs("DescribeSecret"), ({ SecretId }) => {
        const row = secrets.require(SecretId, { deleted: true });
        return { ...describe(row), VersionIdsToStages: stagesOf(row) };
      }),
      ListSecrets: operation(
        schemas.list,
        () => [{ action: "secretsmanager:ListSecrets", resource: "*" }],
        ({ IncludePlannedDeletion, MaxResults }) => ({
          SecretList: [...secrets.rows.entries()]
            .filter(({ value: row }) => IncludePlannedDeletion || row.deleteAt === undefined)
            .slice(0, MaxResults)
            .map(({ value: row }) => ({ ...describe(row), SecretVersionsToStages: stagesOf(row) })),
        }),
      ),
      DeleteSecret: operation(
        schemas.remove,
        needs("DeleteSecret"),
        async ({ SecretId, ForceDeleteWithoutRecovery, RecoveryWindowInDays = 30 }) => {
          const row = secrets.require(SecretId);
          const deleteAt = kernel.now() + (ForceDeleteWithoutRecovery ? 0 : RecoveryWindowInDays * dayMs);
          if (ForceDeleteWithoutRecovery) await kernel.store.write(() => secrets.rows.remove(row.name));
          else await secrets.save(row.name, () => ({ ...row, deleteAt }));
          return { ARN: row.arn, Name: row.name, DeletionDate: new Date(deleteAt) };
        },
      ),
      GetRandomPassword: operation(
        schemas.password,
        () => [{ action: "secretsmanager:GetRandomPassword", resource: "*" }],
        (input) => ({ RandomPassword: randomPassword(input) }),
      ),
    },
    { invalidCode: "InvalidParameterException" },
  );
  kernel.register(service);
  return secretRealisers;
}

function randomPassword(input: z.output<typeof schemas.password>): string {
  const sets = [
    input.ExcludeLowercase ? "" : "abcdefghijklmnopqrstuvwxyz",
    input.ExcludeUppercase ? "" : "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    input.ExcludeNumbers ? "" : "0123456789",
    input.ExcludePunctuation ? "" : "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
  ];
  const letters = [...sets.join("")].filter((letter) => !input.ExcludeCharacters?.includes(letter));
  if (letters.length === 0) throw new AwsError("InvalidParameterException", "no characters are left to choose from");
  return Array.from({ length: input.PasswordLength ?? 32 }, () => letters[randomInt(letters.length)]).join("");
}

/** `aws.secretsmanager.getSecretVersion` in a program. */
export function lookups(kernel: Kernel) {
  return {
    "aws:secretsmanager/getSecretVersion:getSecretVersion": (args: Record<string, unknown>) => {
      const row = secretsOf(kernel).require(String(args.secretId));
      const wanted = { id: text(args.versionId), stage: text(args.versionStage) };
      const found = secretsOf(kernel).version(row, wanted);
      return {
        id: `${row.arn}|${found.id}`,
        arn: row.arn,
        secretId: String(args.secretId),
        versionId: found.id,
        versionStages: [...found.stages],
        createdDate: new Date(found.createdAt).toISOString(),
        ...(found.text === undefined ? {} : { secretString: found.text }),
        ...(found.binary ? { secretBinary: Buffer.from(found.binary).toString("base64") } : {}),
      };
    },
  };
}
