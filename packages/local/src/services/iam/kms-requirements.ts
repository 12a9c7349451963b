import type { RequiredPermission } from "../../kernel";

/**
 * What a caller must be allowed to do with the customer key of the resource that a call touches. Sources: the key
 * management pages of each service's guide ("What permissions do I need to use AWS KMS keys"). DynamoDB is not here: it
 * uses the key by grants of its own.
 */
const byAction: Readonly<Record<string, readonly string[]>> = {
  "kinesis:PutRecord": ["GenerateDataKey"],
  "kinesis:PutRecords": ["GenerateDataKey"],
  "kinesis:GetRecords": ["Decrypt"],
  "kinesis:SubscribeToShard": ["Decrypt"],
  "sqs:SendMessage": ["GenerateDataKey", "Decrypt"],
  "sqs:ReceiveMessage": ["Decrypt"],
  "sns:Publish": ["GenerateDataKey", "Decrypt"],
  "s3:PutObject": ["GenerateDataKey"],
  "s3:GetObject": ["Decrypt"],
  "secretsmanager:GetSecretValue": ["Decrypt"],
  "secretsmanager:PutSecretValue": ["GenerateDataKey", "Decrypt"],
  "secretsmanager:CreateSecret": ["GenerateDataKey", "Decrypt"],
  "ssm:GetParameter": ["Decrypt"],
  "ssm:GetParameters": ["Decrypt"],
  "ssm:GetParametersByPath": ["Decrypt"],
  "ssm:PutParameter": ["Encrypt"],
};

/** S3 decrypts the parts that it joins, so uploading in parts needs both. */
const multipart = new Set(["CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"]);

/** Permissions on a key that a call needs besides its own; empty for calls that touch no encrypted data. */
export function kmsPermissions(action: string, operation: string, keyArn: string): RequiredPermission[] {
  // Data Exchange writes by a grant on the key, which whoever makes the event action gives it.
  if (operation === "ExportRevision") return [];
  const needed = byAction[action] ?? [];
  const all = action === "s3:PutObject" && multipart.has(operation) ? [...needed, "Decrypt"] : needed;
  return all.map((name) => ({ action: `kms:${name}`, resource: keyArn }));
}
