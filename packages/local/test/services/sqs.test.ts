import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Message } from "@aws-sdk/client-sqs";
import { Kernel, type Realiser, type Resource } from "../../src/kernel";
import { install, type QueueHandle, queueByArn, type SqsService } from "../../src/services/sqs";

interface SendOutput {
  MessageId: string;
  MD5OfMessageBody: string;
  MD5OfMessageAttributes?: string;
  SequenceNumber?: string;
}

interface BatchOutput {
  Successful: { Id: string; MessageId?: string }[];
  Failed: { Id: string; Code: string; SenderFault: boolean }[];
}

const arnOf = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
const urlOf = (name: string) => `http://127.0.0.1:4566/000000000000/${name}`;

describe("sqs", () => {
  let dataDir: string;
  let now: number;
  let kernel: Kernel;
  let realisers: Map<string, Realiser>;

  const open = () => {
    kernel = new Kernel({ dataDir, now: () => now });
    kernel.awsEndpoint = "http://127.0.0.1:4566";
    realisers = new Map(install(kernel).map((realiser) => [realiser.type, realiser]));
  };
  const service = () => kernel.service("sqs") as unknown as SqsService;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "tributary-sqs-"));
    now = Date.UTC(2026, 0, 1);
    open();
  });
  afterEach(async () => {
    await kernel.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const call = <O>(operation: string, name: string, input: object = {}) =>
    kernel.call<O>("sqs", operation, { QueueUrl: urlOf(name), ...input });
  const create = (QueueName: string, Attributes: Record<string, string> = {}) =>
    kernel.call<{ QueueUrl: string }>("sqs", "CreateQueue", { QueueName, Attributes });
  const send = (name: string, MessageBody: string, extra: object = {}) =>
    call<SendOutput>("SendMessage", name, { MessageBody, ...extra });
  const receive = async (name: string, extra: object = {}): Promise<Message[]> =>
    (await call<{ Messages?: Message[] }>("ReceiveMessage", name, { MaxNumberOfMessages: 10, ...extra })).Messages ??
    [];
  const bodies = async (name: string, extra: object = {}) => (await receive(name, extra)).map(({ Body }) => Body);
  const remove = (name: string, message: Message | undefined) =>
    call("DeleteMessage", name, { ReceiptHandle: message?.ReceiptHandle });
  const handle = (name: string): QueueHandle => {
    const found = queueByArn(kernel, arnOf(name));
    if (!found) throw new Error(`no queue ${name}`);
    return found;
  };
  const attributes = async (name: string) =>
    (await call<{ Attributes: Record<string, string> }>("GetQueueAttributes", name, { AttributeNames: ["All"] }))
      .Attributes;
  const realise = async (type: string, name: string, inputs: Record<string, unknown>): Promise<Resource> => {
    const realiser = realisers.get(type);
    if (!realiser) throw new Error(`no realiser of ${type}`);
    const registered = { urn: `urn:${name}`, type, name, inputs };
    const { id, outputs } = await realiser.compute(registered, kernel);
    const resource = { ...registered, id, outputs: { ...inputs, ...outputs } };
    await realiser.attach?.(resource, kernel);
    return resource;
  };

  describe("a standard queue", () => {
    it("hides a received message until its visibility timeout ends, and forgets a deleted one", async () => {
      await create("q", { VisibilityTimeout: "30" });
      await send("q", "hello");
      const [first] = await receive("q", { MessageSystemAttributeNames: ["All"] });
      expect(first).toMatchObject({
        Body: "hello",
        MD5OfBody: "5d41402abc4b2a76b9719d911017c592",
        Attributes: {
          ApproximateReceiveCount: "1",
          SentTimestamp: String(now),
          ApproximateFirstReceiveTimestamp: String(now),
        },
      });
      expect(await receive("q")).toEqual([]);
      now += 30_000;
      const [second] = await receive("q", { AttributeNames: ["ApproximateReceiveCount"] });
      expect(second?.Attributes).toEqual({ ApproximateReceiveCount: "2" });
      expect(second?.MessageId).toBe(first?.MessageId);
      // The first receiver was too slow: its handle no longer deletes what another one works on.
      await remove("q", first);
      expect(handle("q").depth()).toBe(1);
      await remove("q", second);
      expect(handle("q").depth()).toBe(0);
      now += 60_000;
      expect(await receive("q")).toEqual([]);
    });

    it("lets a receiver choose and change the timeout, down to none", async () => {
      await create("q");
      await send("q", "a");
      const [message] = await receive("q", { VisibilityTimeout: 5 });
      now += 5000;
      expect(await receive("q", { VisibilityTimeout: 0 })).toHaveLength(1);
      const [again] = await receive("q", { VisibilityTimeout: 10 });
      const change = (ReceiptHandle: string | undefined, VisibilityTimeout: number) =>
        call("ChangeMessageVisibility", "q", { ReceiptHandle, VisibilityTimeout });
      await expect(change(message?.ReceiptHandle, 10)).rejects.toMatchObject({ name: "MessageNotInflight" });
      await change(again?.ReceiptHandle, 100);
      now += 50_000;
      expect(await receive("q")).toEqual([]);
      await change(again?.ReceiptHandle, 0);
      expect(await bodies("q")).toEqual(["a"]);
      await expect(change(again?.ReceiptHandle, 43_201)).rejects.toMatchObject({ name: "InvalidParameterValue" });
    });

    it("delays messages by the queue's or their own delay", async () => {
      await create("q", { DelaySeconds: "10" });
      await send("q", "queue's");
      await send("q", "own", { DelaySeconds: 0 });
      expect(await bodies("q")).toEqual(["own"]);
      expect(await attributes("q")).toMatchObject({
        ApproximateNumberOfMessages: "0",
        ApproximateNumberOfMessagesNotVisible: "1",
        ApproximateNumberOfMessagesDelayed: "1",
      });
      now += 10_000;
      expect(await bodies("q")).toEqual(["queue's"]);
    });

    it("moves what was received too often to the dead letters, and back on request", async () => {
      await create("dead");
      await create("q", {
        VisibilityTimeout: "1",
        RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf("dead"), maxReceiveCount: 2 }),
      });
      const sent = await send("q", "poison");
      await send("q", "fine");
      for (let round = 0; round < 2; round += 1) {
        const messages = await receive("q");
        expect(messages.map(({ Body }) => Body)).toContain("poison");
        const fine = messages.find(({ Body }) => Body === "fine");
        if (fine) await remove("q", fine);
        now += 1000;
      }
      let woken = 0;
      const stop = kernel.onWake(arnOf("dead"), () => {
        woken += 1;
      });
      expect(await receive("q")).toEqual([]);
      stop();
      expect(woken).toBe(1);
      expect([handle("q").depth(), handle("dead").depth()]).toEqual([0, 1]);
      const [dead] = await receive("dead", { MessageSystemAttributeNames: ["All"], VisibilityTimeout: 0 });
      expect(dead).toMatchObject({ MessageId: sent.MessageId, Attributes: { DeadLetterQueueSourceArn: arnOf("q") } });
      await kernel.call("sqs", "StartMessageMoveTask", { SourceArn: arnOf("dead") });
      expect([handle("q").depth(), handle("dead").depth()]).toEqual([1, 0]);
      expect(await bodies("q")).toEqual(["poison"]);
      await expect(kernel.call("sqs", "StartMessageMoveTask", { SourceArn: arnOf("q") })).rejects.toMatchObject({
        name: "UnsupportedOperation",
      });
    });

    it("finds messages behind a long row of poison ones", async () => {
      await create("dead");
      await create("q", { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf("dead"), maxReceiveCount: 1 }) });
      for (let index = 0; index < 30; index += 1) await send("q", `poison ${index}`);
      expect(await handle("q").receive(100, 1)).toHaveLength(30);
      now += 1000;
      for (let index = 0; index < 5; index += 1) await send("q", "fine");
      expect(await bodies("q")).toEqual(Array(5).fill("fine"));
      expect(handle("dead").depth()).toBe(30);
    });

    it("drops messages past the retention, also before the sweep", async () => {
      await create("q", { MessageRetentionPeriod: "60" });
      await send("q", "old");
      now += 40_000;
      await send("q", "young");
      now += 30_000;
      await service().deliveries.expire();
      expect(handle("q").depth()).toBe(1);
      now += 40_000;
      expect(await receive("q")).toEqual([]);
      expect(handle("q").depth()).toBe(0);
    });

    it("never gives one message to two concurrent receivers", async () => {
      await create("q");
      await Promise.all(Array.from({ length: 50 }, (_, index) => send("q", String(index))));
      const all = (await Promise.all(Array.from({ length: 10 }, () => bodies("q")))).flat();
      expect(all).toHaveLength(50);
      expect(new Set(all).size).toBe(50);
    });

    it("carries message attributes with the digests that SDKs check", async () => {
      await create("q");
      const MessageAttributes = {
        kind: { DataType: "String", StringValue: "order" },
        "kind.sub": { DataType: "Number", StringValue: "7" },
        raw: { DataType: "Binary", BinaryValue: new Uint8Array([1, 2, 3]) },
      };
      // From AWS's algorithm by hand: sorted names; length, name, length, type, 1 or 2, length, value.
      const sent = await send("q", "hello", {
        MessageAttributes: { test: { DataType: "String", StringValue: "value" } },
      });
      const { createHash } = await import("node:crypto");
      const oracle = Buffer.concat(
        ["\0\0\0\x04test", "\0\0\0\x06String", "\x01", "\0\0\0\x05value"].map((part) => Buffer.from(part, "latin1")),
      );
      expect(sent.MD5OfMessageAttributes).toBe(createHash("md5").update(oracle).digest("hex"));
      await call("PurgeQueue", "q");
      await send("q", "hello", { MessageAttributes });
      const ask = async (...MessageAttributeNames: string[]) => {
        const [message] = await receive("q", { MessageAttributeNames, VisibilityTimeout: 0 });
        return Object.keys(message?.MessageAttributes ?? {});
      };
      expect(await ask()).toEqual([]);
      expect(await ask("kind")).toEqual(["kind"]);
      expect(await ask("kind.*")).toEqual(["kind.sub"]);
      expect(await ask("All")).toEqual(["kind", "kind.sub", "raw"]);
      const [record] = await handle("q").receive(1);
      expect(record?.messageAttributes).toEqual({
        kind: { stringValue: "order", stringListValues: [], binaryListValues: [], dataType: "String" },
        "kind.sub": { stringValue: "7", stringListValues: [], binaryListValues: [], dataType: "Number" },
        raw: { binaryValue: "AQID", stringListValues: [], binaryListValues: [], dataType: "Binary" },
      });
    });
  });

  describe("waiting", () => {
    it("answers a long poll as soon as a message is sent", async () => {
      await create("q");
      const started = performance.now();
      const waiting = bodies("q", { WaitTimeSeconds: 20 });
      await send("q", "now");
      expect(await waiting).toEqual(["now"]);
      expect(performance.now() - started).toBeLessThan(5000);
    });

    it("ends a long poll without messages after its time, and all of them at close", async () => {
      await create("q");
      const ended = bodies("q", { WaitTimeSeconds: 20 });
      expect(await bodies("q", { WaitTimeSeconds: 1 })).toEqual([]);
      service().polls.close();
      expect(await ended).toEqual([]);
    });

    it("wakes readers when a hidden message becomes visible again", async () => {
      // On the real clock: it is a timer that is tested.
      await kernel.close();
      kernel = new Kernel({ dataDir });
      install(kernel);
      await create("q");
      await send("q", "a");
      await handle("q").receive(1, 1);
      const woken = new Promise<void>((resolve) => {
        kernel.onWake(arnOf("q"), resolve);
      });
      await woken;
      expect(await handle("q").receive(1)).toHaveLength(1);
    });
  });

  describe("a FIFO queue", () => {
    const put = (body: string, group: string, id = body) =>
      send("q.fifo", body, { MessageGroupId: group, MessageDeduplicationId: id });

    it("keeps order per group: a message in flight holds back its group only", async () => {
      await create("q.fifo", { FifoQueue: "true" });
      for (const [body, group] of [
        ["a1", "a"],
        ["a2", "a"],
        ["b1", "b"],
        ["a3", "a"],
        ["b2", "b"],
      ]) {
        await put(body ?? "", group ?? "");
      }
      const [first] = await receive("q.fifo", { MaxNumberOfMessages: 1 });
      expect(first?.Body).toBe("a1");
      const second = await receive("q.fifo");
      expect(second.map(({ Body }) => Body)).toEqual(["b1", "b2"]);
      expect(await receive("q.fifo")).toEqual([]);
      await remove("q.fifo", first);
      expect(await bodies("q.fifo")).toEqual(["a2", "a3"]);
      now += 30_000;
      expect(await bodies("q.fifo")).toEqual(["a2", "b1", "a3", "b2"]);
      await expect(remove("q.fifo", second[0])).resolves.toEqual({});
    });

    it("takes a duplicate for five minutes without delivering it", async () => {
      await create("q.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" });
      const first = await send("q.fifo", "same", { MessageGroupId: "g" });
      const second = await send("q.fifo", "same", { MessageGroupId: "g" });
      expect(second.MessageId).toBe(first.MessageId);
      expect(second.SequenceNumber).toBe(first.SequenceNumber);
      expect(first.SequenceNumber).toMatch(/^\d{20}$/);
      const [message] = await receive("q.fifo");
      await remove("q.fifo", message);
      await send("q.fifo", "same", { MessageGroupId: "g" });
      expect(handle("q.fifo").depth()).toBe(0);
      now += 300_001;
      await send("q.fifo", "same", { MessageGroupId: "g" });
      expect(handle("q.fifo").depth()).toBe(1);
    });

    it("refuses to delete once the visibility timeout is over", async () => {
      await create("q.fifo", { FifoQueue: "true" });
      await put("a", "g");
      const [message] = await receive("q.fifo");
      now += 30_000;
      await expect(remove("q.fifo", message)).rejects.toMatchObject({ name: "InvalidParameterValue" });
    });

    it.each([
      ["no group", { MessageDeduplicationId: "x" }, "MissingParameter"],
      ["neither deduplication id nor content", { MessageGroupId: "g" }, "InvalidParameterValue"],
      [
        "a delay of its own",
        { MessageGroupId: "g", MessageDeduplicationId: "x", DelaySeconds: 3 },
        "InvalidParameterValue",
      ],
    ])("refuses a message with %s", async (_, extra, name) => {
      await create("q.fifo", { FifoQueue: "true" });
      await expect(send("q.fifo", "x", extra)).rejects.toMatchObject({ name });
    });
  });

  it("answers batches entry by entry", async () => {
    await create("q");
    const sent = await call<BatchOutput>("SendMessageBatch", "q", {
      Entries: [
        { Id: "good", MessageBody: "a" },
        { Id: "bad", MessageBody: "\u0000" },
        { Id: "late", MessageBody: "b", DelaySeconds: 901 },
      ],
    });
    expect(sent.Successful).toEqual([
      { Id: "good", MessageId: expect.any(String), MD5OfMessageBody: "0cc175b9c0f1b6a831c399e269772661" },
    ]);
    expect(sent.Failed).toMatchObject([
      { Id: "bad", Code: "InvalidMessageContents", SenderFault: true },
      { Id: "late", Code: "InvalidParameterValue", SenderFault: true },
    ]);
    const [message] = await receive("q");
    const changed = await call<BatchOutput>("ChangeMessageVisibilityBatch", "q", {
      Entries: [{ Id: "one", ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout: 100 }],
    });
    expect(changed).toEqual({ Successful: [{ Id: "one" }], Failed: [] });
    const deleted = await call<BatchOutput>("DeleteMessageBatch", "q", {
      Entries: [
        { Id: "one", ReceiptHandle: message?.ReceiptHandle },
        { Id: "two", ReceiptHandle: "nonsense" },
      ],
    });
    expect(deleted).toMatchObject({
      Successful: [{ Id: "one" }],
      Failed: [{ Id: "two", Code: "ReceiptHandleIsInvalid" }],
    });
  });

  it.each([
    ["an unknown queue", "SendMessage", { QueueUrl: urlOf("none"), MessageBody: "x" }, "QueueDoesNotExist"],
    ["an empty body", "SendMessage", { MessageBody: "" }, "InvalidParameterValue"],
    ["no body", "SendMessage", {}, "MissingParameter"],
    ["more than 1 MiB", "SendMessage", { MessageBody: "x".repeat(2 ** 20 + 1) }, "InvalidParameterValue"],
    ["eleven messages at once", "ReceiveMessage", { MaxNumberOfMessages: 11 }, "InvalidParameterValue"],
    ["an empty batch", "SendMessageBatch", { Entries: [] }, "EmptyBatchRequest"],
    [
      "eleven entries",
      "SendMessageBatch",
      { Entries: Array.from({ length: 11 }, (_, index) => ({ Id: `e${index}`, MessageBody: "x" })) },
      "TooManyEntriesInBatchRequest",
    ],
    [
      "repeated ids",
      "SendMessageBatch",
      {
        Entries: [
          { Id: "a", MessageBody: "x" },
          { Id: "a", MessageBody: "y" },
        ],
      },
      "BatchEntryIdsNotDistinct",
    ],
    ["an invalid id", "SendMessageBatch", { Entries: [{ Id: "a b", MessageBody: "x" }] }, "InvalidBatchEntryId"],
    [
      "a batch of more than 1 MiB",
      "SendMessageBatch",
      { Entries: ["a", "b"].map((Id) => ({ Id, MessageBody: "x".repeat(600_000) })) },
      "BatchRequestTooLong",
    ],
    [
      "a receipt of another queue",
      "DeleteMessage",
      { ReceiptHandle: Buffer.from("other\n1\n1").toString("base64") },
      "ReceiptHandleIsInvalid",
    ],
    ["an unknown attribute", "SetQueueAttributes", { Attributes: { Colour: "red" } }, "InvalidAttributeName"],
    [
      "a timeout out of range",
      "SetQueueAttributes",
      { Attributes: { VisibilityTimeout: "50000" } },
      "InvalidAttributeValue",
    ],
    [
      "dead letters that do not exist",
      "SetQueueAttributes",
      { Attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf("none"), maxReceiveCount: 3 }) } },
      "InvalidParameterValue",
    ],
    ["a policy that is no JSON", "SetQueueAttributes", { Attributes: { Policy: "{" } }, "InvalidAttributeValue"],
  ])("refuses %s", async (_, operation, input, name) => {
    await create("q");
    await expect(call(operation, "q", input)).rejects.toMatchObject({ name });
    expect(handle("q").depth()).toBe(0);
  });

  it("finds messages, receive counts and timers again after a restart", async () => {
    const resource = await realise("aws:sqs/queue:Queue", "jobs", { name: "jobs", visibilityTimeoutSeconds: 5 });
    await send("jobs", "in flight");
    await receive("jobs");
    await send("jobs", "waiting");
    await kernel.close();
    open();
    await realisers.get(resource.type)?.attach?.(resource, kernel);
    expect(handle("jobs").depth()).toBe(2);
    expect(await bodies("jobs")).toEqual(["waiting"]);
    now += 5000;
    const back = await receive("jobs", { MessageSystemAttributeNames: ["ApproximateReceiveCount"] });
    expect(back.map(({ Body, Attributes }) => [Body, Attributes?.ApproximateReceiveCount]).sort()).toEqual([
      ["in flight", "2"],
      ["waiting", "2"],
    ]);
  });

  it("realises queues and their policies", async () => {
    const dead = await realise("aws:sqs/queue:Queue", "dead", {});
    expect(dead.outputs.name).toMatch(/^dead-[0-9a-f]{7}$/);
    const fifo = await realise("aws:sqs/queue:Queue", "ordered", { fifoQueue: true });
    expect(fifo.outputs.name).toMatch(/^ordered-[0-9a-f]{7}\.fifo$/);
    const queue = await realise("aws:sqs/queue:Queue", "jobs", { name: "jobs", messageRetentionSeconds: 60 });
    expect(queue).toMatchObject({ id: urlOf("jobs"), outputs: { url: urlOf("jobs"), arn: arnOf("jobs") } });
    const queueUrl = String(queue.outputs.url).replace("4566", "9999");
    const redrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.outputs.arn, maxReceiveCount: 3 });
    const redrive = await realise("aws:sqs/redrivePolicy:RedrivePolicy", "redrive", { queueUrl, redrivePolicy });
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    await realise("aws:sqs/queuePolicy:QueuePolicy", "policy", { queueUrl, policy });
    expect(await attributes("jobs")).toMatchObject({
      RedrivePolicy: redrivePolicy,
      Policy: policy,
      MessageRetentionPeriod: "60",
      QueueArn: arnOf("jobs"),
    });
    // An update of the queue leaves what other resources set.
    await realise("aws:sqs/queue:Queue", "jobs", { name: "jobs", messageRetentionSeconds: 120 });
    expect(await attributes("jobs")).toMatchObject({ RedrivePolicy: redrivePolicy, MessageRetentionPeriod: "120" });
    await realisers.get(redrive.type)?.destroy?.(redrive, kernel);
    expect(await attributes("jobs")).not.toHaveProperty("RedrivePolicy");
    const allow = JSON.stringify({ redrivePermission: "denyAll" });
    await realise("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "allow", {
      queueUrl: dead.outputs.url,
      redriveAllowPolicy: allow,
    });
    await expect(
      realise("aws:sqs/redrivePolicy:RedrivePolicy", "redrive", { queueUrl, redrivePolicy }),
    ).rejects.toThrow(/allow policy/);
    await realisers.get(queue.type)?.destroy?.(queue, kernel);
    await expect(send("jobs", "x")).rejects.toMatchObject({ name: "QueueDoesNotExist" });
    expect((await kernel.call<{ QueueUrls: string[] }>("sqs", "ListQueues", {})).QueueUrls).toHaveLength(2);
  });

  it("names the permission that each call needs", () => {
    const of = (operation: string, input: object) => service().permissions(operation, input as never);
    expect(of("SendMessageBatch", { QueueUrl: urlOf("q") })).toEqual([
      { action: "sqs:SendMessage", resource: arnOf("q") },
    ]);
    expect(of("DeleteMessageBatch", { QueueUrl: urlOf("q") })).toEqual([
      { action: "sqs:DeleteMessage", resource: arnOf("q") },
    ]);
    expect(of("GetQueueUrl", { QueueName: "q" })).toEqual([{ action: "sqs:GetQueueUrl", resource: arnOf("q") }]);
    expect(of("ListQueues", {})).toEqual([{ action: "sqs:ListQueues", resource: "*" }]);
  });

  test("a timer that is early by a millisecond does not leave a message lying", async () => {
    await create("work");
    const due = now + 1_000;
    const ready: boolean[] = [];
    const stop = kernel.onWake(arnOf("work"), () => ready.push(handle("work").hasReady()));
    await send("work", "later", { DelaySeconds: 1 });
    ready.length = 0;
    // The clock as the timer sees it: one look before the message is due, the next ones after.
    let looks = 0;
    Object.assign(kernel, { now: () => (looks++ === 0 ? due - 1 : due) });
    for (let waited = 0; waited < 3_000 && !ready.includes(true); waited += 20)
      await new Promise((resolve) => setTimeout(resolve, 20));
    stop();
    expect(ready).toEqual([true]);
  });
});
