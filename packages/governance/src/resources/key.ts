import * as kms from "@pulumi/aws/kms";
import * as pulumi from "@pulumi/pulumi";
import type { KeyRef, Place, Statement, Transform } from "@tributary/core";
import { applyTransform, policyDocument } from "@tributary/core";

/** What the account may let its own identities do with the key, by IAM policies. All of KMS but what no key policy can give. */
const accountActions = [
  "CancelKeyDeletion",
  "CreateAlias",
  "CreateGrant",
  "Decrypt",
  "DeleteAlias",
  "DescribeKey",
  "DisableKey",
  "DisableKeyRotation",
  "EnableKey",
  "EnableKeyRotation",
  "Encrypt",
  "GenerateDataKey",
  "GenerateDataKeyPair",
  "GenerateDataKeyPairWithoutPlaintext",
  "GenerateDataKeyWithoutPlaintext",
  "GetKeyPolicy",
  "GetKeyRotationStatus",
  "ListGrants",
  "ListKeyPolicies",
  "ListKeyRotations",
  "ListResourceTags",
  "PutKeyPolicy",
  "ReEncryptFrom",
  "ReEncryptTo",
  "RetireGrant",
  "RevokeGrant",
  "RotateKeyOnDemand",
  "ScheduleKeyDeletion",
  "TagResource",
  "UntagResource",
  "UpdateAlias",
  "UpdateKeyDescription",
].map((action) => `kms:${action}`);

/** Services that put messages into encrypted topics and queues with no role of ours. */
const publishers = [
  "cloudwatch.amazonaws.com",
  "events.amazonaws.com",
  "budgets.amazonaws.com",
  "s3.amazonaws.com",
  "sns.amazonaws.com",
];

/** The key policy's statements: what an existing key must allow too. */
export function keyStatements(place: Place): Statement[] {
  const { accountId, partition, region } = place;
  return [
    {
      sid: "AccountDelegatesToIam",
      actions: accountActions,
      principals: { AWS: pulumi.interpolate`arn:${partition}:iam::${accountId}:root` },
      resources: ["*"],
    },
    {
      sid: "CloudWatchLogs",
      actions: [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKey",
        "kms:DescribeKey",
      ],
      principals: { Service: pulumi.interpolate`logs.${region}.amazonaws.com` },
      resources: ["*"],
      conditions: {
        ArnLike: {
          "kms:EncryptionContext:aws:logs:arn": pulumi.interpolate`arn:${partition}:logs:${region}:${accountId}:log-group:*`,
        },
      },
    },
    {
      sid: "PublishToEncryptedTopicsAndQueues",
      // An encrypted event bus asks to see the key, too.
      actions: ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
      principals: { Service: publishers },
      resources: ["*"],
      conditions: { StringEquals: { "aws:SourceAccount": accountId } },
    },
  ];
}

/** The given key, or a customer managed one, rotated every year, with its alias. */
export function adoptOrMakeKey(
  name: string,
  key: { readonly existing: KeyRef } | { readonly deletionWindowDays: number },
  context: {
    readonly place: Place;
    readonly tags: Record<string, string>;
    readonly transform: Transform<kms.KeyArgs> | undefined;
  },
  opts: pulumi.CustomResourceOptions,
  keep: Pick<pulumi.CustomResourceOptions, "protect" | "retainOnDelete">,
): { readonly arn: pulumi.Output<string>; readonly nodes: Readonly<Record<string, pulumi.Resource>> } {
  if ("existing" in key) return { arn: pulumi.output(key.existing.arn), nodes: {} };
  const defaults: kms.KeyArgs = {
    description: `Everything at rest in the customer data platform ${name}`,
    deletionWindowInDays: key.deletionWindowDays,
    tags: context.tags,
  };
  const made = new kms.Key(
    `${name}-key`,
    {
      ...applyTransform(defaults, context.transform),
      enableKeyRotation: true,
      policy: policyDocument(keyStatements(context.place)),
    },
    { ...opts, ...keep },
  );
  // Pulumi names the alias: two stacks of one project may live in one account.
  const alias = new kms.Alias(`${name}-key`, { targetKeyId: made.keyId }, opts);
  return { arn: made.arn, nodes: { key: made, keyAlias: alias } };
}
