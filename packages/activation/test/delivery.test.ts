import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Profile } from "@tributary/model";
import type { SQSEvent } from "aws-lambda";
import { backoffSeconds } from "../src/domain/deliver-batch";
import type { MapCallback } from "../src/domain/delivery";
import type { DeliveryState, Ledger, LedgerEntry } from "../src/domain/messages";
import { postWebhook, retryAfter, urlFault } from "../src/domain/webhook";
import { type DeliverOptions, makeDeliver } from "../src/functions/deliver";

interface Received {
  readonly body: Record<string, unknown>;
  readonly headers: IncomingMessage["headers"];
}

/** A destination on loopback that answers as it is told. */
const received: Received[] = [];
let answer: { status: number; headers?: Record<string, string> } = { status: 200 };
let hang = false;
let server: Server;
let url = "";

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ body: JSON.parse(Buffer.concat(chunks).toString()), headers: request.headers });
      if (!hang) response.writeHead(answer.status, answer.headers).end("thanks");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  received.length = 0;
  answer = { status: 200 };
  hang = false;
});

const now = "2026-06-01T00:00:00.000Z";

function profile(changes: Partial<Profile> = {}): Profile {
  return {
    profileId: "p_1",
    identifiers: [],
    traits: { email: "jo@x.yz", lifetime_value: 700 },
    lineage: {},
    consent: { marketing: { granted: true, at: now } },
    firstSeen: now,
    lastSeen: now,
    version: "v1",
    ...changes,
  };
}

/** Profiles, memberships and deliveries in memory, with the ledger's optimistic lock. */
class MemoryLedger implements Ledger {
  readonly delivered = new Map<string, DeliveryState>();
  constructor(
    public current: Profile | null = profile(),
    public member = true,
  ) {}
  async load(_destination: string, places: readonly { audience: string; profileId: string }[]): Promise<LedgerEntry[]> {
    return places.map((place) => ({
      ...place,
      profile: this.current as LedgerEntry["profile"],
      member: this.member,
      delivered: this.delivered.get(place.profileId) ?? null,
    }));
  }
  async record(
    _destination: string,
    entries: readonly { profileId: string; next: DeliveryState }[],
  ): Promise<boolean[]> {
    return entries.map(({ profileId, next }) => {
      if ((this.delivered.get(profileId)?.revision ?? 0) !== next.revision - 1) return false;
      this.delivered.set(profileId, next);
      return true;
    });
  }
}

interface Sent {
  readonly name: string;
  readonly input: Record<string, unknown>;
}

const map: MapCallback = ({ profileId, traits }) => ({ id: profileId, value: traits.lifetime_value, gone: undefined });

function destination(
  ledger: Ledger,
  changes: Partial<DeliverOptions> & { map?: MapCallback | undefined; timeoutMs?: number } = {},
) {
  const sent: Sent[] = [];
  const client = {
    send: async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
      sent.push({ name: command.constructor.name, input: command.input });
      return {};
    },
  } as unknown as NonNullable<ReturnType<NonNullable<DeliverOptions["client"]>>>;
  const handler = makeDeliver({
    destination: { name: "crm", purpose: "marketing", map: "map" in changes ? changes.map : map },
    queueUrl: "queue",
    deadLetterUrl: "dead",
    ledger,
    post: (body, key) =>
      postWebhook({ url, headers: { "x-team": "crm" }, timeoutMs: changes.timeoutMs ?? 2_000 }, body, key),
    client: () => client,
    now: () => now,
    ...changes,
  });
  return { handler, sent };
}

function messages(...bodies: (object | string)[]): SQSEvent {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `id-${index}`,
      receiptHandle: `handle-${index}`,
      body: typeof body === "string" ? body : JSON.stringify(body),
      attributes: { ApproximateReceiveCount: "3" },
    })),
  } as unknown as SQSEvent;
}

const hint = { audience: "big", profileId: "p_1", change: "entered", version: "v1" };

describe("what a destination is told", () => {
  test("enter, nothing new, update, exit, enter again: each once, with keys of their own", async () => {
    const ledger = new MemoryLedger();
    const { handler } = destination(ledger);
    const steps: [() => void, string | undefined][] = [
      [() => undefined, "audience.entered"],
      [() => undefined, undefined],
      // A change that the payload does not show.
      [
        () => {
          ledger.current = profile({ traits: { email: "other@x.yz", lifetime_value: 700 }, version: "v2" });
        },
        undefined,
      ],
      [
        () => {
          ledger.current = profile({ traits: { lifetime_value: 900 }, version: "v3" });
        },
        "audience.updated",
      ],
      [
        () => {
          ledger.member = false;
        },
        "audience.exited",
      ],
      [() => undefined, undefined],
      [
        () => {
          ledger.member = true;
        },
        "audience.entered",
      ],
      // Merged into another profile.
      [
        () => {
          ledger.current = null;
        },
        "audience.exited",
      ],
    ];
    for (const [change, expected] of steps) {
      change();
      const before = received.length;
      expect(await handler(messages(hint))).toEqual({ batchItemFailures: [] });
      expect(received.slice(before).map(({ body }) => body.type)).toEqual(expected === undefined ? [] : [expected]);
    }
    expect(received[0]).toMatchObject({
      body: { type: "audience.entered", audience: "big", profileId: "p_1", payload: { id: "p_1", value: 700 } },
      headers: { "x-team": "crm", "content-type": "application/json" },
    });
    expect(received[2]?.body).toEqual({ type: "audience.exited", audience: "big", profileId: "p_1" });
    const keys = received.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(received.length);
  });

  test("messages late, twice and out of order lead to the state of now", async () => {
    const ledger = new MemoryLedger();
    const { handler } = destination(ledger);
    await handler(messages({ ...hint, change: "exited" }, hint, { ...hint, change: "updated" }));
    expect(received.map(({ body }) => body.type)).toEqual(["audience.entered"]);
  });

  test("without map it gets the traits", async () => {
    const { handler } = destination(new MemoryLedger(), { map: undefined });
    await handler(messages(hint));
    expect(received[0]?.body).toMatchObject({ traits: { email: "jo@x.yz", lifetime_value: 700 } });
  });
});

describe("consent", () => {
  const refusals: [string, Profile["consent"]][] = [
    ["never asked", {}],
    ["refused", { marketing: { granted: false, at: now } }],
    ["granted for another purpose", { analytics: { granted: true, at: now } }],
  ];
  test.each(refusals)("%s: nothing is sent, it is withheld once", async (_name, consent) => {
    const ledger = new MemoryLedger(profile({ consent }));
    const { handler } = destination(ledger);
    await handler(messages(hint));
    expect(received).toEqual([]);
    expect(ledger.delivered.get("p_1")).toMatchObject({ state: "withheld", revision: 1 });
    await handler(messages(hint));
    expect(ledger.delivered.get("p_1")?.revision).toBe(1);
  });
  test("taken back: the destination is told to forget; granted: it is told", async () => {
    const ledger = new MemoryLedger();
    const { handler } = destination(ledger);
    await handler(messages(hint));
    ledger.current = profile({ consent: {} });
    await handler(messages(hint));
    ledger.current = profile();
    await handler(messages(hint));
    expect(received.map(({ body }) => body.type)).toEqual(["audience.entered", "audience.exited", "audience.entered"]);
  });
});

describe("answers", () => {
  const cases: [number, Record<string, string>, "done" | "retry" | "dead", number?][] = [
    [200, {}, "done"],
    [204, {}, "done"],
    [408, {}, "retry", 64],
    [429, { "retry-after": "120" }, "retry", 120],
    [429, { "retry-after": "999999" }, "retry", 12 * 3600 - 300],
    [500, {}, "retry", 64],
    [503, { "retry-after": "7" }, "retry", 7],
    [302, { location: "https://elsewhere.example" }, "dead"],
    [400, {}, "dead"],
    [401, {}, "dead"],
    [404, {}, "dead"],
    [410, {}, "dead"],
  ];
  test.each(cases)("%i %j is %s", async (status, headers, expected, ...[seconds]) => {
    answer = { status, headers };
    const ledger = new MemoryLedger();
    const { handler, sent } = destination(ledger);
    const { batchItemFailures } = await handler(messages(hint));
    expect(received).toHaveLength(1);
    expect(batchItemFailures).toEqual(expected === "retry" ? [{ itemIdentifier: "id-0" }] : []);
    expect(ledger.delivered.has("p_1")).toBe(expected === "done");
    if (expected === "retry") {
      expect(sent).toEqual([
        {
          name: "ChangeMessageVisibilityCommand",
          input: { QueueUrl: "queue", ReceiptHandle: "handle-0", VisibilityTimeout: seconds },
        },
      ]);
    }
    if (expected === "dead") {
      expect(sent).toMatchObject([
        {
          name: "SendMessageCommand",
          input: {
            QueueUrl: "dead",
            MessageBody: JSON.stringify(hint),
            MessageAttributes: { reason: { StringValue: expect.stringContaining(`status ${status}`) } },
          },
        },
      ]);
    }
    if (expected === "done") expect(sent).toEqual([]);
  });

  test("no answer in time, and nobody there, are tried again under the same key", async () => {
    hang = true;
    const ledger = new MemoryLedger();
    const { handler, sent } = destination(ledger, { timeoutMs: 100 });
    expect((await handler(messages(hint))).batchItemFailures).toHaveLength(1);
    hang = false;
    await handler(messages(hint));
    expect(received.map(({ headers }) => headers["idempotency-key"]).length).toBe(2);
    expect(new Set(received.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    expect(sent).toHaveLength(1);
    const away = await postWebhook(
      { url: "http://127.0.0.1:9/", headers: {}, timeoutMs: 1_000 },
      { type: "audience.exited", audience: "a", profileId: "p" },
      "k",
    );
    expect(away).toMatchObject({ kind: "retry", reason: expect.stringContaining("no connection") });
  });
});

describe("what goes wrong", () => {
  const maps: [string, MapCallback, string][] = [
    [
      "throws",
      () => {
        throw new TypeError("no such field");
      },
      "map threw TypeError: no such field",
    ],
    [
      "rejects",
      async () => {
        throw new Error("later");
      },
      "map threw Error: later",
    ],
    ["returns nothing", () => undefined, "returned undefined"],
    ["returns a list", () => [1], "returned a list"],
    ["returns what JSON cannot hold", () => ({ big: 1n }), "JSON cannot hold"],
  ];
  test.each(maps)("a map that %s puts the delivery into the dead letters", async (_name, broken, reason) => {
    const { handler, sent } = destination(new MemoryLedger(), { map: broken });
    expect(await handler(messages(hint))).toEqual({ batchItemFailures: [] });
    expect(received).toEqual([]);
    expect(JSON.stringify(sent)).toContain(reason);
  });
  test("a message of another kind rests in the dead letters, its neighbour is delivered", async () => {
    const { handler, sent } = destination(new MemoryLedger());
    expect(await handler(messages("{", { audience: "big" }, hint))).toEqual({ batchItemFailures: [] });
    expect(sent.map(({ name }) => name)).toEqual(["SendMessageCommand", "SendMessageCommand"]);
    expect(received).toHaveLength(1);
  });
  test("a delivery that can never keep its record goes back to the queue", async () => {
    const racing = Object.assign(new MemoryLedger(), { record: async () => [false] });
    expect((await destination(racing).handler(messages(hint))).batchItemFailures).toHaveLength(1);
  });
  test("a slow call with an old payload is put right, though a faster one told the new payload", async () => {
    const ledger = new MemoryLedger();
    let others = 0;
    const racing = Object.assign(Object.create(ledger) as MemoryLedger, {
      record: async (name: string, entries: Parameters<MemoryLedger["record"]>[1]) => {
        if (others++ > 0) return ledger.record(name, entries);
        // While our call was under way, the profile changed and another delivery told it.
        ledger.current = profile({ traits: { lifetime_value: 900 }, version: "v2" });
        await destination(ledger).handler(messages(hint));
        return [false];
      },
    });
    Object.defineProperty(racing, "current", { get: () => ledger.current });
    expect(await destination(racing).handler(messages(hint))).toEqual({ batchItemFailures: [] });
    // On the wire: ours (700), the faster one's (900); ours may have come last, so 900 is told again.
    expect(received.map(({ body }) => (body.payload as { value: number }).value)).toEqual([700, 900, 900]);
  });
  test("two deliveries that told the same are one", async () => {
    const ledger = new MemoryLedger();
    let others = 0;
    const racing = Object.assign(Object.create(ledger) as MemoryLedger, {
      record: async (name: string, entries: Parameters<MemoryLedger["record"]>[1]) => {
        if (others++ === 0) await ledger.record(name, entries);
        return ledger.record(name, entries);
      },
    });
    expect(await destination(racing).handler(messages(hint))).toEqual({ batchItemFailures: [] });
    expect(received).toHaveLength(1);
  });
  test("a ledger that is away fails the batch", async () => {
    const away = Object.assign(new MemoryLedger(), { load: async () => Promise.reject(new Error("away")) });
    await expect(destination(away).handler(messages(hint))).rejects.toThrow("away");
  });
});

test.each<[string, string | undefined]>([
  ["https://example.com/hook", undefined],
  ["http://localhost:8080/", undefined],
  ["http://127.0.0.1/", undefined],
  ["http://[::1]:80/", undefined],
  ["http://example.com/", "in the clear"],
  ["http://localhost.example.com/", "in the clear"],
  ["http://127.0.0.1.example.com/", "in the clear"],
  ["https://user:secret@example.com/", "credentials"],
  ["ftp://example.com/", "scheme"],
  ["example.com", "no URL"],
])("URL %s", (text, fault) => {
  const found = urlFault(text);
  if (fault === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(fault);
});

test("waiting times", () => {
  expect([1, 2, 3, 4, 5, 40].map(backoffSeconds)).toEqual([4, 16, 64, 256, 900, 900]);
  const at = Date.parse("2026-06-01T00:00:00Z");
  expect(retryAfter("Mon, 01 Jun 2026 00:01:30 GMT", at)).toBe(90);
  expect(retryAfter("Sun, 31 May 2026 00:00:00 GMT", at)).toBe(0);
  expect(retryAfter("soon", at)).toBeUndefined();
  expect(retryAfter(null, at)).toBeUndefined();
});
