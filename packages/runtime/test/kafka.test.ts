import { createHash, createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { MSKEvent } from "aws-lambda";
import { type Disposition, handleKafka, mskToken, ok, poison, putObject, retry } from "../src";

const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const escaped = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** Signature Version 4 as AWS documents it, written apart from the library that signs. */
function signature(canonical: string, date: string, service: string): string {
  const day = date.slice(0, 8);
  const scope = `${day}/eu-west-1/${service}/aws4_request`;
  const key = ["eu-west-1", service, "aws4_request"].reduce(hmac, hmac("AWS4secret", day));
  return hmac(key, ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n")).toString("hex");
}

const environment = {
  AWS_REGION: "eu-west-1",
  AWS_ACCESS_KEY_ID: "AKID",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_SESSION_TOKEN: "session/+=",
};

describe("Kafka's batches", () => {
  const message = (partition: number, offset: number, value?: string) => ({
    topic: "events",
    partition,
    offset,
    timestamp: 1_700_000_000_000,
    timestampType: "CREATE_TIME" as const,
    key: Buffer.from("ann").toString("base64"),
    value: value === undefined ? (undefined as never) : Buffer.from(value).toString("base64"),
    headers: [],
  });
  const event: MSKEvent = {
    eventSource: "aws:kafka",
    eventSourceArn: "arn",
    bootstrapServers: "b",
    records: {
      "events-0": [message(0, 5, "a"), message(0, 6, "b"), message(0, 9)],
      "events-1": [message(1, 1, "c"), message(1, 2, "d")],
    },
  };

  test("partitions stand for shards, offsets for sequence numbers; a tombstone has no data", async () => {
    const seen: unknown[] = [];
    const answer = await handleKafka(event, async (records) => {
      seen.push(...records.map(({ data, ...rest }) => ({ ...rest, data: data.toString() })));
      return records.map(() => ok);
    });
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(seen).toHaveLength(5);
    expect(seen[2]).toEqual({
      shardId: "events-0",
      sequenceNumber: "9",
      partitionKey: "ann",
      data: "",
      arrivedAt: 1_700_000_000_000,
    });
  });

  test("the first failure of each partition is answered, every one is told of", async () => {
    const dispositions: Disposition[] = [ok, retry("away"), poison("bad", "x"), retry("away"), ok];
    const told: string[] = [];
    const answer = await handleKafka(event, async () => dispositions, { onFailure: (id) => told.push(id) });
    expect(answer.batchItemFailures).toEqual([
      { itemIdentifier: { partition: "events-0", offset: 6 } },
      { itemIdentifier: { partition: "events-1", offset: 1 } },
    ]);
    expect(told).toEqual(["events-0:6", "events-0:9", "events-1:1"]);
    await expect(handleKafka(event, async () => [ok])).rejects.toThrow(/5 records got 1 dispositions/);
  });
});

test("MSK's token is the presigned address of Connect, with a signature that holds", async () => {
  const token = await mskToken(environment, new Date("2026-11-23T10:00:00Z"));
  expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
  const url = new URL(Buffer.from(token, "base64url").toString());
  expect(url.host).toBe("kafka.eu-west-1.amazonaws.com");
  const { "X-Amz-Signature": signed, "User-Agent": agent, ...query } = Object.fromEntries(url.searchParams);
  expect(agent).toBe("tributary");
  expect(query).toEqual({
    Action: "kafka-cluster:Connect",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKID/20261123/eu-west-1/kafka-cluster/aws4_request",
    "X-Amz-Date": "20261123T100000Z",
    "X-Amz-Expires": "900",
    "X-Amz-Security-Token": "session/+=",
    "X-Amz-SignedHeaders": "host",
  });
  const search = Object.entries(query)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join("&");
  const canonical = ["GET", "/", search, `host:${url.host}\n`, "host", sha256("")].join("\n");
  expect(signed).toBe(signature(canonical, "20261123T100000Z", "kafka-cluster"));
});

test("PutObject alone: signed as S3 asks, tried again while S3 is busy, refused with S3's code", async () => {
  const answers = [503, 200, 403];
  const requests: { url: string; headers: Record<string, unknown>; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    requests.push({ url: request.url ?? "", headers: request.headers, body });
    response.statusCode = answers.shift() ?? 500;
    response.end(response.statusCode === 403 ? "<Error><Code>AccessDenied</Code></Error>" : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const local = { ...environment, AWS_ENDPOINT_URL: `http://${host}` };
  const input = {
    Bucket: "b",
    Key: "dt=2026-11-23/reason=x (1)/ö.jsonl",
    Body: '{"ä":1}\n',
    ContentType: "application/x-ndjson",
  };
  try {
    await putObject(input, local);
    await expect(putObject(input, local)).rejects.toThrow("PutObject answered 403 AccessDenied");
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  expect(requests).toHaveLength(3);
  const [, sent] = requests;
  expect(sent?.url).toBe("/b/dt%3D2026-11-23/reason%3Dx%20%281%29/%C3%B6.jsonl");
  expect(sent?.body).toBe(input.Body);
  const { authorization, ...headers } = (sent?.headers ?? {}) as Record<string, string>;
  const [, names = "", signed] = /SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(authorization ?? "") ?? [];
  expect(names.split(";")).toEqual(expect.arrayContaining(["host", "x-amz-content-sha256", "x-amz-security-token"]));
  const list = names
    .split(";")
    .map((name) => `${name}:${headers[name]}\n`)
    .join("");
  const canonical = ["PUT", sent?.url, "", list, names, sha256(input.Body)].join("\n");
  expect(signed).toBe(signature(canonical, headers["x-amz-date"] ?? "", "s3"));
});
