import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import type { Statement } from "./policy";
import { policyDocument } from "./policy";
import type { BucketRef, Callee, EventStreamRef, QueueRef, TableRef } from "./refs";

/** Who can be granted something: a function, a job. */
export type Grantee = pulumi.Resource & {
  readonly role: iam.Role;
  /** Plain name that the grants' resources begin with. */
  readonly grantName: string;
  /** Told which service a grant is for, where the grantee wants to check that it can reach it. */
  readonly checkReach?: (service: Callee) => void;
};

/** KMS actions that reading and writing data under a key takes. */
const kmsRead = ["kms:Decrypt", "kms:DescribeKey"];
const kmsWrite = [...kmsRead, "kms:GenerateDataKey"];
/** DynamoDB re-encrypts items that it moves, under the writer's permissions. */
const kmsTableWrite = [...kmsWrite, "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"];

const tableRead = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"];
const tableWrite = [
  "dynamodb:PutItem",
  "dynamodb:UpdateItem",
  "dynamodb:DeleteItem",
  "dynamodb:BatchWriteItem",
  "dynamodb:ConditionCheckItem",
];

/** Exactly these actions on a table, and its key, which DynamoDB uses in the caller's name: for what the wider verbs would exceed. */
export function grantTableActions(
  grantee: Grantee,
  table: TableRef,
  sid: string,
  actions: readonly `dynamodb:${string}`[],
): iam.RolePolicy {
  return grantStatements(grantee, sid, [
    { actions: [...actions], resources: [table.arn] },
    onKey(table.keyArn, kmsTableWrite),
  ]);
}

/** GetItem, BatchGetItem and Query on the table and its indexes. */
export function grantTableRead(grantee: Grantee, table: TableRef): iam.RolePolicy {
  return grant(grantee, "dynamodb", "read", table.label, [onTable(table, tableRead), onKey(table.keyArn, kmsRead)]);
}

/** The single and batch writes, and the condition checks of transactions. */
export function grantTableWrite(grantee: Grantee, table: TableRef): iam.RolePolicy {
  return grant(grantee, "dynamodb", "write", table.label, [
    onTable(table, tableWrite),
    onKey(table.keyArn, kmsTableWrite),
  ]);
}

/** Read and write. */
export function grantTableReadWrite(grantee: Grantee, table: TableRef): iam.RolePolicy {
  return grant(grantee, "dynamodb", "read-write", table.label, [
    onTable(table, [...tableRead, ...tableWrite]),
    onKey(table.keyArn, kmsTableWrite),
  ]);
}

/** Scan too: for the rare function that must see a whole table. */
export function grantTableScan(grantee: Grantee, table: TableRef): iam.RolePolicy {
  return grant(grantee, "dynamodb", "scan", table.label, [
    onTable(table, ["dynamodb:Scan"]),
    onKey(table.keyArn, kmsRead),
  ]);
}

/** PutRecord and PutRecords. */
export function grantStreamWrite(grantee: Grantee, stream: EventStreamRef): iam.RolePolicy {
  return grant(grantee, "kinesis", "put", stream.label, [
    { actions: ["kinesis:PutRecord", "kinesis:PutRecords"], resources: [stream.arn] },
    onKey(stream.keyArn, kmsWrite),
  ]);
}

/** SendMessage, single and batch. */
export function grantQueueSend(grantee: Grantee, queue: QueueRef): iam.RolePolicy {
  return grant(grantee, "sqs", "send", queue.label, [
    { actions: ["sqs:SendMessage"], resources: [queue.arn] },
    onKey(queue.keyArn, kmsWrite),
  ]);
}

/** Reads objects, and lists them, below a prefix (or all). */
export function grantBucketRead(grantee: Grantee, bucket: BucketRef, prefix = ""): iam.RolePolicy {
  return grant(grantee, "s3", "read", labelled(bucket.label, prefix), [
    { actions: ["s3:GetObject"], resources: [pulumi.interpolate`${bucket.arn}/${prefix}*`] },
    {
      actions: ["s3:ListBucket"],
      resources: [bucket.arn],
      ...(prefix === "" ? {} : { conditions: { StringLike: { "s3:prefix": [prefix, `${prefix}*`] } } }),
    },
    onKey(bucket.keyArn, kmsRead),
  ]);
}

/** Writes objects below a prefix (or anywhere), multipart uploads too. Not deletes. */
export function grantBucketWrite(grantee: Grantee, bucket: BucketRef, prefix = ""): iam.RolePolicy {
  return grant(grantee, "s3", "write", labelled(bucket.label, prefix), [
    { actions: ["s3:PutObject", "s3:AbortMultipartUpload"], resources: [pulumi.interpolate`${bucket.arn}/${prefix}*`] },
    onKey(bucket.keyArn, kmsWrite),
  ]);
}

/** Deletes objects below a prefix: for jobs that replace what they wrote. */
export function grantBucketDelete(grantee: Grantee, bucket: BucketRef, prefix = ""): iam.RolePolicy {
  return grant(grantee, "s3", "delete", labelled(bucket.label, prefix), [
    { actions: ["s3:DeleteObject"], resources: [pulumi.interpolate`${bucket.arn}/${prefix}*`] },
  ]);
}

/** GetSecretValue of one secret. */
export function grantSecretRead(
  grantee: Grantee,
  secretArn: pulumi.Input<string>,
  keyArn: pulumi.Input<string>,
  label = "secret",
): iam.RolePolicy {
  return grant(grantee, "secretsmanager", "read", label, [
    { actions: ["secretsmanager:GetSecretValue"], resources: [secretArn] },
    onKey(keyArn, ["kms:Decrypt"]),
  ]);
}

/** Any statements, as one inline policy of the grantee's role: `<grantee>-<name>`. */
export function grantStatements(grantee: Grantee, name: string, statements: readonly Statement[]): iam.RolePolicy {
  const logicalName = `${grantee.grantName}-${name}`;
  const given = namesOf(grantee);
  if (given.has(logicalName)) {
    throw new Error(
      `"${grantee.grantName}" is granted "${name}" twice. Where it is on two stores, give their refs a label each; where on one, once is enough.`,
    );
  }
  given.add(logicalName);
  return new iam.RolePolicy(
    logicalName,
    { role: grantee.role.name, policy: policyDocument(statements) },
    { parent: grantee },
  );
}

const granted = new WeakMap<pulumi.Resource, Set<string>>();

function namesOf(grantee: pulumi.Resource): Set<string> {
  const names = granted.get(grantee) ?? new Set<string>();
  granted.set(grantee, names);
  return names;
}

function grant(
  grantee: Grantee,
  service: Callee,
  verb: string,
  label: string | undefined,
  statements: readonly Statement[],
): iam.RolePolicy {
  grantee.checkReach?.(service);
  return grantStatements(grantee, `${verb}-${label ?? service}`, statements);
}

function onTable(table: TableRef, actions: readonly string[]): Statement {
  return { actions, resources: [table.arn, pulumi.interpolate`${table.arn}/index/*`] };
}

function onKey(keyArn: pulumi.Input<string>, actions: readonly string[]): Statement {
  return { actions, resources: [keyArn] };
}

function labelled(label: string | undefined, prefix: string): string {
  const part = prefix.replace(/[^a-z0-9]+/gi, "-").replace(/^-+|-+$/g, "");
  return [label ?? "bucket", part].filter((text) => text !== "").join("-");
}
