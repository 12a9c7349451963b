import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwsError, Kernel, type Principal, type Realiser, type Resource } from "../../src/kernel";
import { bucketFolder, dataPath, install, keysUnder, putLocalFile } from "../../src/services/s3";

let folder: string;
let kernel: Kernel;
let realisers: Map<string, Realiser>;
const calls: { service: string; operation: string; input: Record<string, unknown>; principal: Principal }[] = [];
const invoked: { arn: string; payload: unknown }[] = [];

function start(): void {
  kernel = new Kernel({ dataDir: folder });
  realisers = new Map(install(kernel).map((realiser) => [realiser.type, realiser]));
  // Targets that only note what reaches them; permissions are proven in iam.test.ts.
  kernel.authorizer = { check() {} };
  for (const [service, operation] of [
    ["sqs", "SendMessage"],
    ["sns", "Publish"],
    ["eventbridge", "PutServiceEvent"],
  ] as const) {
    kernel.register({
      name: service,
      operations: {
        [operation]: (input: never, { principal }) => {
          calls.push({ service, operation, input, principal });
          return {};
        },
      },
      permissions: () => [],
    });
  }
  kernel.lambda = {
    async invoke() {
      throw new Error("not used");
    },
    async invokeAsync(arn, payload) {
      invoked.push({ arn, payload });
    },
    roleOf: () => "",
  };
}

async function make(type: string, name: string, inputs: Record<string, unknown>): Promise<Resource> {
  const realiser = realisers.get(type);
  if (!realiser) throw new Error(`no realiser for ${type}`);
  const registered = { urn: `urn:pulumi:dev::test::${type}::${name}`, type, name, inputs };
  const { id, outputs } = await realiser.compute(registered, kernel);
  const resource: Resource = { ...registered, id, outputs: { ...inputs, ...outputs } };
  kernel.resources.set(resource.urn, resource);
  await realiser.attach?.(resource, kernel);
  return resource;
}

const s3 = <O = Record<string, unknown>>(operation: string, input: object) => kernel.call<O>("s3", operation, input);
const bytes = (value: unknown) => Buffer.from(value as Uint8Array).toString();

async function failure(work: Promise<unknown>): Promise<AwsError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AwsError) return error;
    throw error;
  }
  throw new Error("expected a failure");
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-s3-"));
  calls.length = 0;
  invoked.length = 0;
  start();
  await make("aws:s3/bucket:Bucket", "lake", { bucket: "lake" });
});

afterEach(async () => {
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("objects", () => {
  test("are plain files with their headers kept, across a restart", async () => {
    const put = await s3("PutObject", {
      Bucket: "lake",
      Key: "raw/year=2026/a b+c.json",
      Body: "hello",
      ContentType: "application/json",
      Metadata: { origin: "test" },
    });
    expect(put.ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    expect(readFileSync(join(bucketFolder(kernel, "lake"), "raw/year=2026/a b+c.json"), "utf8")).toBe("hello");
    await kernel.close();
    start();
    const got = await s3("GetObject", { Bucket: "lake", Key: "raw/year=2026/a b+c.json" });
    expect(bytes(got.Body)).toBe("hello");
    expect(got).toMatchObject({ ContentLength: 5, ContentType: "application/json", Metadata: { origin: "test" } });
    await s3("DeleteObject", { Bucket: "lake", Key: "raw/year=2026/a b+c.json" });
    expect(existsSync(join(bucketFolder(kernel, "lake"), "raw"))).toBe(false);
    expect((await failure(s3("GetObject", { Bucket: "lake", Key: "raw/year=2026/a b+c.json" }))).name).toBe(
      "NoSuchKey",
    );
  });

  test.each([
    "../outside",
    "a/../../b",
    "/leading",
    "double//slash",
    "folder/",
    "line\nbreak",
    `${"x".repeat(300)}/long`,
    ".s3-escaped/mine",
  ])("the odd key %j stays inside the bucket and is listed under its own name", async (key) => {
    await s3("PutObject", { Bucket: "lake", Key: key, Body: key });
    expect(bytes((await s3("GetObject", { Bucket: "lake", Key: key })).Body)).toBe(key);
    expect(dataPath(kernel, "lake", key).startsWith(join(bucketFolder(kernel, "lake"), ".s3-escaped"))).toBe(true);
    expect([...keysUnder(kernel, "lake", "")].map((entry) => entry.key)).toEqual([key]);
    await s3("DeleteObject", { Bucket: "lake", Key: key });
    expect((await s3("ListObjectsV2", { Bucket: "lake" })).KeyCount).toBe(0);
  });

  test("a key and a key below it live side by side", async () => {
    await s3("PutObject", { Bucket: "lake", Key: "a", Body: "file" });
    await s3("PutObject", { Bucket: "lake", Key: "a/b", Body: "below" });
    await s3("PutObject", { Bucket: "lake", Key: "c/d", Body: "below" });
    await s3("PutObject", { Bucket: "lake", Key: "c", Body: "file" });
    for (const [key, text] of [
      ["a", "file"],
      ["a/b", "below"],
      ["c/d", "below"],
      ["c", "file"],
    ]) {
      expect(bytes((await s3("GetObject", { Bucket: "lake", Key: key })).Body)).toBe(text);
    }
  });

  test.each([
    ["bytes=0-1", "01", "bytes 0-1/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=8-100", "89", "bytes 8-9/10"],
  ])("range %s", async (Range, expected, ContentRange) => {
    await s3("PutObject", { Bucket: "lake", Key: "digits", Body: "0123456789" });
    const got = await s3("GetObject", { Bucket: "lake", Key: "digits", Range });
    expect(bytes(got.Body)).toBe(expected);
    expect(got).toMatchObject({ ContentRange, ContentLength: expected.length });
  });

  test("conditional writes and reads", async () => {
    const target = { Bucket: "lake", Key: "once" };
    await s3("PutObject", { ...target, Body: "1", IfNoneMatch: "*" });
    expect(await failure(s3("PutObject", { ...target, Body: "2", IfNoneMatch: "*" }))).toMatchObject({
      name: "PreconditionFailed",
      status: 412,
    });
    const { ETag } = await s3("HeadObject", target);
    await s3("PutObject", { ...target, Body: "3", IfMatch: ETag });
    expect((await failure(s3("PutObject", { ...target, Body: "4", IfMatch: ETag }))).name).toBe("PreconditionFailed");
    expect(bytes((await s3("GetObject", target)).Body)).toBe("3");
    expect((await failure(s3("GetObject", { ...target, Range: "bytes=5-" }))).name).toBe("InvalidRange");
    expect((await failure(s3("GetObject", { ...target, VersionId: "x" }))).name).toBe("NotSupportedLocally");
  });

  test("only one of many concurrent first writers wins", async () => {
    const writes = Array.from({ length: 20 }, (_, n) =>
      s3("PutObject", { Bucket: "lake", Key: "race", Body: `${n}`, IfNoneMatch: "*" }).then(
        () => true,
        () => false,
      ),
    );
    expect((await Promise.all(writes)).filter(Boolean)).toHaveLength(1);
  });

  test("copy, delete many, missing bucket", async () => {
    await s3("PutObject", { Bucket: "lake", Key: "from here", Body: "x", ContentType: "text/plain" });
    await s3("CopyObject", { Bucket: "lake", Key: "to", CopySource: "/lake/from%20here" });
    expect((await s3("HeadObject", { Bucket: "lake", Key: "to" })).ContentType).toBe("text/plain");
    const removed = await s3("DeleteObjects", {
      Bucket: "lake",
      Delete: { Objects: [{ Key: "to" }, { Key: "none" }] },
    });
    expect(removed).toEqual({ Deleted: [{ Key: "to" }, { Key: "none" }] });
    expect((await failure(s3("PutObject", { Bucket: "nowhere", Key: "k" }))).name).toBe("NoSuchBucket");
  });

  test("a finished local file becomes an object without copying", async () => {
    const file = join(folder, "ready.parquet");
    writeFileSync(file, "PAR1");
    await putLocalFile(kernel, "lake", "clean/events/part-0.parquet", file);
    expect(existsSync(file)).toBe(false);
    expect(readFileSync(join(bucketFolder(kernel, "lake"), "clean/events/part-0.parquet"), "utf8")).toBe("PAR1");
    expect(await s3("HeadObject", { Bucket: "lake", Key: "clean/events/part-0.parquet" })).toMatchObject({
      ContentLength: 4,
    });
  });
});

describe("a crash in the middle of a write", () => {
  const row = { size: 3, etag: '"new"', lastModified: 1, path: "k" };

  test("before the rename leaves the old object, after it finishes the new one", async () => {
    await s3("PutObject", { Bucket: "lake", Key: "k", Body: "old" });
    const unmoved = join(folder, "s3-incoming", "unmoved");
    writeFileSync(unmoved, "new");
    const intents = kernel.store.table("s3.intents");
    const intent = { bucket: "lake", key: "k", put: { temporary: unmoved, row, deliveries: [] } };
    await kernel.store.write(() => intents.put(99, intent));
    await kernel.close();
    start();
    expect(bytes((await s3("GetObject", { Bucket: "lake", Key: "k" })).Body)).toBe("old");

    await s3("PutObject", { Bucket: "lake", Key: "other", Body: "x" });
    expect(existsSync(unmoved)).toBe(false);
    await kernel.store.write(() => kernel.store.table("s3.intents").put(99, intent));
    writeFileSync(join(bucketFolder(kernel, "lake"), "k"), "new");
    await kernel.close();
    start();
    await s3("PutObject", { Bucket: "lake", Key: "other", Body: "y" });
    expect(await s3("HeadObject", { Bucket: "lake", Key: "k" })).toMatchObject({ ETag: '"new"', ContentLength: 3 });
    expect([...kernel.store.table("s3.intents").entries()]).toEqual([]);
  });
});

describe("lists", () => {
  const keys = ["a/1", "a/2", "b", "b/1", "c/x/1", "c/x/2", "c/y", "d", "é", "z"];
  beforeEach(async () => {
    for (const Key of keys) await s3("PutObject", { Bucket: "lake", Key, Body: Key });
  });

  async function all(input: object): Promise<{ keys: string[]; prefixes: string[]; pages: number }> {
    const result = { keys: [] as string[], prefixes: [] as string[], pages: 0 };
    let token: string | undefined;
    do {
      const page = await s3<{
        Contents?: { Key: string }[];
        CommonPrefixes?: { Prefix: string }[];
        NextContinuationToken?: string;
      }>("ListObjectsV2", { Bucket: "lake", ...input, ...(token && { ContinuationToken: token }) });
      result.keys.push(...(page.Contents ?? []).map(({ Key }) => Key));
      result.prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
      result.pages += 1;
      token = page.NextContinuationToken;
    } while (token && result.pages < 50);
    return result;
  }

  test.each([1, 2, 3, 4, 10, 1000])("pages of %i give every key once, in UTF-8 order", async (MaxKeys) => {
    const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await all({ MaxKeys })).toEqual({ keys: sorted, prefixes: [], pages: Math.ceil(keys.length / MaxKeys) });
    expect(await all({ MaxKeys, Delimiter: "/" })).toMatchObject({
      keys: ["b", "d", "z", "é"],
      prefixes: ["a/", "b/", "c/"],
    });
    expect(await all({ MaxKeys, Delimiter: "/", Prefix: "c/" })).toMatchObject({ keys: ["c/y"], prefixes: ["c/x/"] });
    expect((await all({ MaxKeys, StartAfter: "c/x/1" })).keys).toEqual(["c/x/2", "c/y", "d", "z", "é"]);
  });

  test("V1 goes on from its marker", async () => {
    const first = await s3("ListObjects", { Bucket: "lake", Delimiter: "/", MaxKeys: 2 });
    expect(first).toMatchObject({ IsTruncated: true, NextMarker: "b" });
    const second = await s3("ListObjects", { Bucket: "lake", Delimiter: "/", MaxKeys: 2, Marker: first.NextMarker });
    expect(second).toMatchObject({ CommonPrefixes: [{ Prefix: "b/" }, { Prefix: "c/" }], NextMarker: "c/" });
    const third = await s3("ListObjects", { Bucket: "lake", Delimiter: "/", Marker: second.NextMarker });
    expect((third.Contents as { Key: string }[]).map(({ Key }) => Key)).toEqual(["d", "z", "é"]);
  });
});

test("multipart: parts survive a restart, small and wrong parts are refused", async () => {
  const target = { Bucket: "lake", Key: "big" };
  const { UploadId } = await s3("CreateMultipartUpload", { ...target, ContentType: "text/plain" });
  const large = Buffer.alloc(5 * 2 ** 20, "a");
  const first = await s3("UploadPart", { ...target, UploadId, PartNumber: 1, Body: large });
  const small = await s3("UploadPart", { ...target, UploadId, PartNumber: 2, Body: "b" });
  await kernel.close();
  start();
  const last = await s3("UploadPart", { ...target, UploadId, PartNumber: 3, Body: "c" });
  const complete = (Parts: object[]) =>
    s3("CompleteMultipartUpload", { ...target, UploadId, MultipartUpload: { Parts } });
  const part = (PartNumber: number, { ETag }: { ETag?: unknown }) => ({ PartNumber, ETag });
  expect((await failure(complete([part(1, first), part(2, small), part(3, last)]))).name).toBe("EntityTooSmall");
  expect((await failure(complete([part(1, small), part(3, last)]))).name).toBe("InvalidPart");
  expect((await failure(complete([part(3, last), part(1, first)]))).name).toBe("InvalidPartOrder");
  const done = await complete([part(1, first), part(3, last)]);
  expect(done.ETag).toMatch(/^"[0-9a-f]{32}-2"$/);
  const got = await s3("GetObject", { ...target, Range: "bytes=-2" });
  expect([bytes(got.Body), got.ContentType]).toEqual(["ac", "text/plain"]);
  expect((await failure(s3("ListParts", { ...target, UploadId }))).name).toBe("NoSuchUpload");
});

describe("notifications", () => {
  const queueArn = "arn:aws:sqs:us-east-1:000000000000:uploads";
  const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:loader";

  test("reach queues, functions and the bus in AWS's shape, by prefix, suffix and event", async () => {
    await make("aws:s3/bucketNotification:BucketNotification", "n", {
      bucket: "lake",
      eventbridge: true,
      queues: [{ id: "q", queueArn, events: ["s3:ObjectCreated:*"], filterPrefix: "in/", filterSuffix: ".csv" }],
      lambdaFunctions: [{ lambdaFunctionArn: functionArn, events: ["s3:ObjectRemoved:Delete"] }],
    });
    await s3("PutObject", { Bucket: "lake", Key: "in/a b.csv", Body: "1,2" });
    await s3("PutObject", { Bucket: "lake", Key: "out/a.csv", Body: "1,2" });
    await s3("DeleteObject", { Bucket: "lake", Key: "out/a.csv" });
    await kernel.quiesce({ timeoutMs: 5_000 });
    const queued = calls.filter(({ service }) => service === "sqs");
    expect(queued).toHaveLength(1);
    expect(queued[0]?.input.QueueUrl).toMatch(/\/000000000000\/uploads$/);
    expect(queued[0]?.principal).toEqual({
      kind: "service",
      service: "s3.amazonaws.com",
      sourceArn: "arn:aws:s3:::lake",
    });
    expect(JSON.parse(String(queued[0]?.input.MessageBody)).Records[0]).toMatchObject({
      eventVersion: "2.1",
      eventSource: "aws:s3",
      eventName: "ObjectCreated:Put",
      s3: { configurationId: "q", bucket: { name: "lake" }, object: { key: "in/a+b.csv", size: 3 } },
    });
    expect(invoked).toMatchObject([
      { arn: functionArn, payload: { Records: [{ eventName: "ObjectRemoved:Delete" }] } },
    ]);
    const bridged = calls.filter(({ service }) => service === "eventbridge").map(({ input }) => input.Event);
    expect(bridged).toHaveLength(3);
    expect(bridged).toContainEqual(expect.objectContaining({ source: "aws.s3", "detail-type": "Object Deleted" }));
  });

  test("that could not be delivered before a stop are delivered after it", async () => {
    await make("aws:s3/bucketNotification:BucketNotification", "n", {
      bucket: "lake",
      queues: [{ queueArn, events: ["s3:ObjectCreated:*"] }],
    });
    kernel.register({
      name: "sqs",
      operations: {
        SendMessage: () => {
          throw new AwsError("ServiceUnavailable", "down", { status: 503 });
        },
      },
      permissions: () => [],
    });
    await s3("PutObject", { Bucket: "lake", Key: "k", Body: "v" });
    await kernel.close();
    start();
    expect(calls).toEqual([]);
    await kernel.quiesce({ timeoutMs: 5_000 });
    expect(calls.map(({ service }) => service)).toEqual(["sqs"]);
  });
});

test("realisers: names, encryption, objects from the program, and a bucket that is not empty", async () => {
  const named = await make("aws:s3/bucket:Bucket", "Raw", {});
  expect(named.id).toMatch(/^raw-[0-9a-f]{7}$/);
  await make("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", "sse", {
    bucket: named.id,
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: "arn:aws:kms:k" } }],
  });
  const script = await make("aws:s3/bucketObjectv2:BucketObjectv2", "script", {
    bucket: named.id,
    key: "jobs/clean.sql",
    content: "select 1",
  });
  expect(script.outputs).toMatchObject({ key: "jobs/clean.sql", etag: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(await s3("HeadObject", { Bucket: named.id, Key: "jobs/clean.sql" })).toMatchObject({
    ServerSideEncryption: "aws:kms",
    SSEKMSKeyId: "arn:aws:kms:k",
  });
  const realiser = realisers.get("aws:s3/bucket:Bucket");
  expect((await failure(Promise.resolve(realiser?.destroy?.(named, kernel)))).name).toBe("BucketNotEmpty");
  await realisers.get(script.type)?.destroy?.(script, kernel);
  await realiser?.destroy?.(named, kernel);
  expect((await failure(s3("HeadBucket", { Bucket: named.id }))).name).toBe("NotFound");
});
