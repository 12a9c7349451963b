import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import { type AwsEndpoint, serveAwsEndpoint } from "../src/endpoint";
import { Kernel } from "../src/kernel";
import * as iam from "../src/services/iam";
import * as s3 from "../src/services/s3";

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
  for (const { install } of [iam, s3]) install(kernel);
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
    const name = async (command: Parameters<S3Client["send"]>[0]) => {
      try {
        await sdk.send(command as PutObjectCommand);
        return "no error";
      } catch (error) {
        return (error as Error).name;
      }
    };
    expect(await name(new GetObjectCommand({ Bucket, Key: "none" }))).toBe("NoSuchKey");
    expect(await name(new HeadObjectCommand({ Bucket, Key: "none" }))).toBe("NotFound");
    expect(await name(new PutObjectCommand({ Bucket: "none", Key: "k", Body: "x" }))).toBe("NoSuchBucket");
    await sdk.send(new PutObjectCommand({ Bucket, Key: "taken", Body: "1" }));
    expect(await name(new PutObjectCommand({ Bucket, Key: "taken", Body: "2", IfNoneMatch: "*" }))).toBe(
      "PreconditionFailed",
    );
    expect(await name(new GetObjectTaggingCommand({ Bucket, Key: "taken" }))).toBe("NotSupportedLocally");
    expect(await name(new PutObjectCommand({ Bucket, Key: "acl", Body: "2", ACL: "public-read" }))).toBe(
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
