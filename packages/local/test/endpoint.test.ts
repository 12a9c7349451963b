import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchClient, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { DecryptCommand, EncryptCommand, KMSClient } from "@aws-sdk/client-kms";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { GetScheduleCommand, ListSchedulesCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  CreateTopicCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { type AwsEndpoint, serveAwsEndpoint } from "../src/endpoint";
import { Kernel } from "../src/kernel";
import * as cloudwatch from "../src/services/cloudwatch";
import * as dynamodb from "../src/services/dynamodb";
import * as eventbridge from "../src/services/eventbridge";
import * as iam from "../src/services/iam";
import * as kinesis from "../src/services/kinesis";
import * as kms from "../src/services/kms";
import * as s3 from "../src/services/s3";
import * as scheduler from "../src/services/scheduler";
import * as secretsManager from "../src/services/secrets-manager";
import * as sns from "../src/services/sns";
import * as sqs from "../src/services/sqs";
import * as sts from "../src/services/sts";

let folder: string;
let kernel: Kernel;
let endpoint: AwsEndpoint;
const clients: { destroy(): void }[] = [];

const settings = (accessKeyId = "local") => ({
  endpoint: endpoint.url,
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey: "local" },
  maxAttempts: 1,
});

function client<C extends { destroy(): void }>(made: C): C {
  clients.push(made);
  return made;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-endpoint-"));
  kernel = new Kernel({ dataDir: folder });
  const services = [iam, sts, kms, cloudwatch, secretsManager, s3, kinesis, dynamodb, sqs, sns, eventbridge, scheduler];
  for (const { install } of services) install(kernel);
  endpoint = await serveAwsEndpoint(kernel);
});

afterAll(async () => {
  for (const made of clients) made.destroy();
  await endpoint.close();
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("S3, by an unmodified client", () => {
  const Bucket = "sdk";
  let sdk: S3Client;
  beforeAll(async () => {
    sdk = client(new S3Client(settings()));
    await sdk.send(new CreateBucketCommand({ Bucket }));
  });

  test("puts, gets, lists, copies and deletes", async () => {
    const Key = "folder/ä b&c+d.txt";
    const put = await sdk.send(
      new PutObjectCommand({ Bucket, Key, Body: "grüße", ContentType: "text/plain", Metadata: { a: "1" } }),
    );
    expect(put.ETag).toMatch(/^"[0-9a-f]{32}"$/);
    const got = await sdk.send(new GetObjectCommand({ Bucket, Key }));
    expect(await got.Body?.transformToString()).toBe("grüße");
    expect(got).toMatchObject({ ContentType: "text/plain", Metadata: { a: "1" }, ChecksumCRC32: put.ChecksumCRC32 });
    expect(got.LastModified).toBeInstanceOf(Date);
    const part = await sdk.send(new GetObjectCommand({ Bucket, Key, Range: "bytes=0-1" }));
    expect(await part.Body?.transformToString()).toBe("gr");
    await sdk.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/${encodeURIComponent(Key)}` }));
    const list = await sdk.send(new ListObjectsV2Command({ Bucket }));
    expect(list.Contents?.map((entry) => entry.Key)).toEqual(["copy", Key]);
    expect(list.Contents?.[0]).toMatchObject({ Size: 7, ETag: put.ETag });
    const removed = await sdk.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key }, { Key: "copy" }] } }),
    );
    expect(removed.Deleted).toHaveLength(2);
    expect((await sdk.send(new ListBucketsCommand({}))).Buckets).toMatchObject([{ Name: Bucket }]);
  });

  test("uploads in parts and streams a large object back", async () => {
    const Key = "large";
    const first = Buffer.alloc(6 * 2 ** 20, "x");
    const { UploadId } = await sdk.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const parts = [];
    for (const [index, Body] of [first, Buffer.from("end")].entries()) {
      const { ETag } = await sdk.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: index + 1, Body }));
      parts.push({ PartNumber: index + 1, ETag });
    }
    const done = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts } });
    expect((await sdk.send(done)).ETag).toMatch(/-2"$/);
    const got = await sdk.send(new GetObjectCommand({ Bucket, Key }));
    const bytes = (await got.Body?.transformToByteArray()) ?? new Uint8Array();
    expect([bytes.byteLength, Buffer.from(bytes.subarray(-4)).toString()]).toEqual([6 * 2 ** 20 + 3, "xend"]);
  });

  test("errors are those of AWS", async () => {
    const name = (work: Promise<unknown>) =>
      work.then(
        () => "no error",
        (error: Error) => error.name,
      );
    expect(await name(sdk.send(new GetObjectCommand({ Bucket, Key: "none" })))).toBe("NoSuchKey");
    expect(await name(sdk.send(new HeadObjectCommand({ Bucket, Key: "none" })))).toBe("NotFound");
    expect(await name(sdk.send(new PutObjectCommand({ Bucket: "none", Key: "k", Body: "x" })))).toBe("NoSuchBucket");
    await sdk.send(new PutObjectCommand({ Bucket, Key: "taken", Body: "1" }));
    expect(await name(sdk.send(new PutObjectCommand({ Bucket, Key: "taken", Body: "2", IfNoneMatch: "*" })))).toBe(
      "PreconditionFailed",
    );
    expect(await name(sdk.send(new GetObjectTaggingCommand({ Bucket, Key: "taken" })))).toBe("NotSupportedLocally");
    expect(await name(sdk.send(new PutObjectCommand({ Bucket, Key: "acl", Body: "2", ACL: "public-read" })))).toBe(
      "NotSupportedLocally",
    );
  });

  test("a body that does not match its checksum is refused and nothing is written", async () => {
    const answer = await fetch(`${endpoint.url}/${Bucket}/bad`, {
      method: "PUT",
      body: "hello",
      headers: {
        authorization:
          "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        "x-amz-checksum-crc32": "AAAAAA==",
      },
    });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("<Code>BadDigest</Code>")]);
    await expect(sdk.send(new HeadObjectCommand({ Bucket, Key: "bad" }))).rejects.toMatchObject({ name: "NotFound" });
  });

  test("presigned URLs work until they expire", async () => {
    const url = (key: string, seconds: number, at: Date) =>
      `${endpoint.url}/${Bucket}/${key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=local%2F20260101%2Fus-east-1%2Fs3%2Faws4_request` +
      `&X-Amz-Date=${at.toISOString().replace(/[-:]|\.\d+/g, "")}&X-Amz-Expires=${seconds}&X-Amz-SignedHeaders=host&X-Amz-Signature=0`;
    const now = new Date();
    expect((await fetch(url("signed", 60, now), { method: "PUT", body: "via url" })).status).toBe(200);
    expect(await (await fetch(url("signed", 60, now))).text()).toBe("via url");
    expect((await fetch(url("signed", 60, new Date(now.getTime() - 120_000)))).status).toBe(403);
  });
});

async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    const value = await read();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("nothing came within 10 s");
}

describe("the other services, by unmodified clients", () => {
  test("Kinesis, whose client speaks HTTP/2 with prior knowledge", async () => {
    const sdk = client(new KinesisClient(settings()));
    expect(sdk.config.requestHandler.constructor.name).toBe("NodeHttp2Handler");
    const StreamName = "clicks";
    await sdk.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    await until(async () => {
      const { StreamDescriptionSummary } = await sdk.send(new DescribeStreamSummaryCommand({ StreamName }));
      return StreamDescriptionSummary?.StreamStatus === "ACTIVE" ? true : undefined;
    });
    const Records = ["a", "b"].map((text) => ({ Data: Buffer.from([0, 255, text.charCodeAt(0)]), PartitionKey: text }));
    expect(await sdk.send(new PutRecordsCommand({ StreamName, Records }))).toMatchObject({ FailedRecordCount: 0 });
    const { Shards } = await sdk.send(new ListShardsCommand({ StreamName }));
    const position = { StreamName, ShardId: Shards?.[0]?.ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
    const { ShardIterator } = await sdk.send(new GetShardIteratorCommand(position));
    const got = await sdk.send(new GetRecordsCommand({ ShardIterator }));
    expect(got.Records?.map(({ Data }) => [...(Data ?? [])])).toEqual([
      [0, 255, 97],
      [0, 255, 98],
    ]);
    expect(got.Records?.[0]?.ApproximateArrivalTimestamp?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  test("DynamoDB", async () => {
    const sdk = client(new DynamoDBClient(settings()));
    const TableName = "people";
    await sdk.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      }),
    );
    const Item = {
      id: { S: "1" },
      n: { N: "12345678901234567890.5" },
      b: { B: new Uint8Array([1, 2, 255]) },
      set: { BS: [new Uint8Array([7])] },
      m: { M: { B: { S: "a key named B" } } },
      gone: { NULL: true },
    };
    const put = new PutItemCommand({ TableName, Item, ConditionExpression: "attribute_not_exists(id)" });
    await sdk.send(put);
    await expect(sdk.send(put)).rejects.toThrow(ConditionalCheckFailedException);
    expect((await sdk.send(new GetItemCommand({ TableName, Key: { id: { S: "1" } } }))).Item).toEqual(Item);
    const query = new QueryCommand({
      TableName,
      KeyConditionExpression: "id = :id",
      ExpressionAttributeValues: { ":id": { S: "1" } },
    });
    expect((await sdk.send(query)).Count).toBe(1);
  });

  test("SQS, with its message digests checked, fed by SNS and by EventBridge", async () => {
    const queues = client(new SQSClient(settings()));
    const { QueueUrl } = await queues.send(new CreateQueueCommand({ QueueName: "inbox" }));
    expect(QueueUrl).toBe(`${endpoint.url}/000000000000/inbox`);
    expect((await queues.send(new GetQueueUrlCommand({ QueueName: "inbox" }))).QueueUrl).toBe(QueueUrl);
    const receive = () =>
      until(async () => {
        const { Messages } = await queues.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"] }));
        const [message] = Messages ?? [];
        if (message) await queues.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
        return message;
      });
    const MessageAttributes = { k: { DataType: "Binary", BinaryValue: new Uint8Array([1, 255]) } };
    await queues.send(new SendMessageCommand({ QueueUrl, MessageBody: "direct", MessageAttributes }));
    expect(await receive()).toMatchObject({ Body: "direct", MessageAttributes });

    const names = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] });
    const queueArn = (await queues.send(names)).Attributes?.QueueArn ?? "";
    // Neither topic nor rule comes from a program, so the queue has no policy that lets them in.
    kernel.resources.set("urn:policy", {
      urn: "urn:policy",
      type: "aws:sqs/queuePolicy:QueuePolicy",
      name: "policy",
      id: "policy",
      outputs: {},
      inputs: {
        queueUrl: QueueUrl,
        policy: {
          Statement: {
            Effect: "Allow",
            Action: "sqs:SendMessage",
            Resource: queueArn,
            Principal: { Service: ["sns.amazonaws.com", "events.amazonaws.com"] },
          },
        },
      },
    });
    const topics = client(new SNSClient(settings()));
    const { TopicArn } = await topics.send(
      new CreateTopicCommand({ Name: "news", Attributes: { DisplayName: "News & more" } }),
    );
    await topics.send(
      new SubscribeCommand({
        TopicArn,
        Protocol: "sqs",
        Endpoint: queueArn,
        Attributes: { RawMessageDelivery: "true" },
      }),
    );
    await topics.send(new PublishCommand({ TopicArn, Message: "<via> & topic", MessageAttributes }));
    expect(await receive()).toMatchObject({ Body: "<via> & topic", MessageAttributes });
    const batch = {
      TopicArn,
      PublishBatchRequestEntries: [
        { Id: "1", Message: "m" },
        { Id: "2", Message: "m" },
      ],
    };
    expect((await topics.send(new PublishBatchCommand(batch))).Successful).toHaveLength(2);
    await receive();
    await receive();
    expect((await topics.send(new GetTopicAttributesCommand({ TopicArn }))).Attributes).toMatchObject({
      DisplayName: "News & more",
    });
    const { Subscriptions } = await topics.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    expect(Subscriptions).toMatchObject([{ Protocol: "sqs", Endpoint: queueArn }]);
    const missing = topics.send(new PublishCommand({ TopicArn: `${TopicArn}x`, Message: "m" }));
    await expect(missing).rejects.toMatchObject({ name: "NotFoundException" });

    const events = client(new EventBridgeClient(settings()));
    await events.send(new PutRuleCommand({ Name: "r", EventPattern: '{"source":["shop"]}' }));
    await events.send(
      new PutTargetsCommand({ Rule: "r", Targets: [{ Id: "t", Arn: queueArn, InputPath: "$.detail.id" }] }),
    );
    const Entries = [{ Source: "shop", DetailType: "Order", Detail: '{"id":"o-1"}', Time: new Date() }];
    expect(await events.send(new PutEventsCommand({ Entries }))).toMatchObject({ FailedEntryCount: 0 });
    expect((await receive()).Body).toBe("o-1");
  });

  test("STS, Secrets Manager, KMS, CloudWatch, Scheduler", async () => {
    const identity = await client(new STSClient(settings())).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({ Account: "000000000000", Arn: "arn:aws:iam::000000000000:root" });
    const none = new AssumeRoleCommand({ RoleArn: "arn:aws:iam::000000000000:role/none", RoleSessionName: "me" });
    await expect(client(new STSClient(settings())).send(none)).rejects.toMatchObject({ name: "NoSuchEntity" });

    const secrets = client(new SecretsManagerClient(settings()));
    await secrets.send(new CreateSecretCommand({ Name: "s", SecretBinary: new Uint8Array([1, 255]) }));
    const value = await secrets.send(new GetSecretValueCommand({ SecretId: "s" }));
    expect([[...(value.SecretBinary ?? [])], value.CreatedDate instanceof Date]).toEqual([[1, 255], true]);

    const arn = "arn:aws:kms:us-east-1:000000000000:key/k";
    const outputs = { arn, keyId: "k" };
    kernel.resources.set("urn:key", {
      urn: "urn:key",
      type: "aws:kms/key:Key",
      name: "k",
      id: "k",
      inputs: {},
      outputs,
    });
    const keys = client(new KMSClient(settings()));
    const { CiphertextBlob } = await keys.send(new EncryptCommand({ KeyId: "k", Plaintext: new Uint8Array([9, 255]) }));
    expect([...((await keys.send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [])]).toEqual([9, 255]);

    const MetricData = [{ MetricName: "M", Value: 2.5, Timestamp: new Date() }];
    await client(new CloudWatchClient(settings())).send(new PutMetricDataCommand({ Namespace: "N", MetricData }));
    expect(kernel.metrics.sum("M")).toBe(2.5);

    const schedules = client(new SchedulerClient(settings()));
    expect((await schedules.send(new ListSchedulesCommand({}))).Schedules).toEqual([]);
    const absent = schedules.send(new GetScheduleCommand({ Name: "none" }));
    await expect(absent).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });
});

describe("who is calling", () => {
  test("an unknown key is refused", async () => {
    await expect(client(new S3Client(settings("test"))).send(new ListBucketsCommand({}))).rejects.toMatchObject({
      name: "InvalidAccessKeyId",
      $metadata: { httpStatusCode: 403 },
    });
  });

  test("a function's key acts under its role", async () => {
    const roleArn = "arn:aws:iam::000000000000:role/loader-role";
    const { accessKeyId } = kernel.credentials.issue({ kind: "role", roleArn, session: "loader" });
    await expect(client(new S3Client(settings(accessKeyId))).send(new ListBucketsCommand({}))).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining("arn:aws:sts::000000000000:assumed-role/loader-role/loader is not authorized"),
    });
  });

  test("a body that is no JSON, and an operation that is not done, are named", async () => {
    const post = async (target: string, body: string) => {
      const authorization = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/kinesis/aws4_request, Signature=0";
      const headers = {
        authorization,
        "x-amz-target": `Kinesis_20131202.${target}`,
        "content-type": "application/x-amz-json-1.1",
      };
      const answer = await fetch(endpoint.url, { method: "POST", body, headers });
      return [answer.status, ((await answer.json()) as { __type: string }).__type];
    };
    expect(await post("PutRecord", "{")).toEqual([400, "SerializationException"]);
    expect(await post("PutRecord", "[]")).toEqual([400, "SerializationException"]);
    expect(await post("SubscribeToShard", "{}")).toEqual([501, "NotSupportedLocally"]);
    expect(await post("PutRecord", `"${"x".repeat(65 * 2 ** 20)}"`)).toEqual([413, "RequestEntityTooLarge"]);
  });

  test("no credentials at all", async () => {
    expect((await fetch(`${endpoint.url}/`)).status).toBe(403);
  });
});

test("a taken port is named, with the remedy", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => blocker.once("listening", resolve));
  const address = blocker.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const other = new Kernel({ dataDir: mkdtempSync(join(folder, "other-")), port });
  await expect(serveAwsEndpoint(other)).rejects.toThrow(new RegExp(`Port ${port}[^]*--port`));
  await other.close();
  await new Promise((resolve) => blocker.close(resolve));
});
