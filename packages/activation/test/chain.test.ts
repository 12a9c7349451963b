import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  audience,
  type CustomerEvent,
  consent,
  defaultIdentityRules,
  encodeComponent,
  evidenceOf,
  type Identifier,
  identifier,
  identifierItemKey,
  mergeEvidence,
  type Profile,
  type ProfileItem,
  resolve,
  trait,
} from "@tributary/model";
import { ProfileStore, setAwsDoor } from "@tributary/runtime";
import type { APIGatewayProxyEventV2, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { Kernel } from "../../local/src/kernel";
import { install as installDynamoDb } from "../../local/src/services/dynamodb";
import { membershipWrites } from "../src/domain/membership";
import { makeAuthorizer } from "../src/functions/authorizer";
import { makeDispatch } from "../src/functions/dispatch";
import { makeProfileApi } from "../src/functions/profile-api";
import { makePropagate } from "../src/functions/propagate";
import { DynamoLedger } from "../src/store/dynamo-ledger";
import { Memberships } from "../src/store/memberships";

/** The functions over the embedded runtime's DynamoDB: streams in, tables and messages out. */

const folder = mkdtempSync(join(tmpdir(), "tributary-activation-"));
const kernel = new Kernel({ dataDir: folder });

beforeAll(async () => {
  installDynamoDb(kernel);
  setAwsDoor({ call: (service, operation, input) => kernel.call(service, operation, input) });
  for (const [name, hash, range] of [
    ["memberships", "audience", "profileId"],
    ["deliveries", "target", "profileId"],
    ["profiles", "profileId", undefined],
    ["graph", "key", "part"],
  ] as const) {
    await kernel.call("dynamodb", "CreateTable", {
      TableName: name,
      KeySchema: [
        { AttributeName: hash, KeyType: "HASH" },
        ...(range ? [{ AttributeName: range, KeyType: "RANGE" }] : []),
      ],
      AttributeDefinitions: [hash, ...(range ? [range] : [])].map((AttributeName) => ({
        AttributeName,
        AttributeType: "S",
      })),
      BillingMode: "PAY_PER_REQUEST",
    });
  }
});

afterAll(async () => {
  setAwsDoor(undefined);
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = "2026-06-01T00:00:00.000Z";

function profile(id: string, traits: Profile["traits"], version = JSON.stringify(traits)): ProfileItem {
  return {
    kind: "profile",
    profileId: id,
    identifiers: [],
    traits,
    lineage: {},
    consent: {},
    firstSeen: at,
    lastSeen: at,
    version,
  };
}

const redirect = (id: string): ProfileItem => ({
  kind: "redirect",
  profileId: id,
  redirectTo: "p_other",
  at,
  reason: "merged",
});

function record(profileId: string, before: ProfileItem | undefined, after: ProfileItem | undefined): DynamoDBRecord {
  return {
    eventName: before === undefined ? "INSERT" : after === undefined ? "REMOVE" : "MODIFY",
    dynamodb: {
      SequenceNumber: "1",
      Keys: { profileId: { S: profileId } },
      ...(before ? { OldImage: marshall(before) } : {}),
      ...(after ? { NewImage: marshall(after) } : {}),
    },
  } as DynamoDBRecord;
}

const audiences = { big: audience(trait("value").atLeast(500)), reachable: audience(identifier("email").exists()) };
const rich = profile("p", { value: 900 });
const richer = profile("p", { value: 990 });
const poor = profile("p", { value: 1 });

describe("memberships of changes", () => {
  const cases: [
    string,
    [ProfileItem | undefined, ProfileItem | undefined][],
    { member: boolean; reason?: string; version: string | null }[],
  ][] = [
    [
      "a new profile that fits",
      [[undefined, rich]],
      [{ member: true, version: rich.kind === "profile" ? rich.version : "" }],
    ],
    ["a new profile that does not", [[undefined, poor]], []],
    ["still in, with another version", [[rich, richer]], [{ member: true, version: '{"value":990}' }]],
    ["out", [[rich, poor]], [{ member: false, version: '{"value":1}' }]],
    ["merged into another", [[rich, redirect("p")]], [{ member: false, reason: "merge", version: null }]],
    ["deleted", [[rich, undefined]], [{ member: false, reason: "deletion", version: null }]],
    ["back from a redirect", [[redirect("p"), rich]], [{ member: true, version: '{"value":900}' }]],
    [
      "in and out within a batch",
      [
        [poor, rich],
        [rich, poor],
      ],
      [{ member: false, version: '{"value":1}' }],
    ],
    [
      "out and in within a batch",
      [
        [rich, poor],
        [poor, richer],
      ],
      [{ member: true, version: '{"value":990}' }],
    ],
  ];
  test.each(cases)("%s", (_name, changes, expected) => {
    const writes = membershipWrites(
      changes.map(([before, after]) => ({ profileId: "p", before, after })),
      audiences,
    );
    expect(writes).toMatchObject(expected.map((write) => ({ audience: "big", profileId: "p", ...write })));
    const first = changes[0]?.[0];
    for (const { was } of writes) expect(was).toBe(first === rich);
  });
});

test("propagate writes memberships, and again the same when the batch comes twice", async () => {
  const handler = makePropagate(audiences, new Memberships("memberships", undefined, () => Date.parse(at)));
  const batch: DynamoDBStreamEvent = {
    Records: [
      record("p_a", undefined, profile("p_a", { value: 700 })),
      record("p_b", undefined, profile("p_b", { value: 7 })),
    ],
  };
  const read = async () =>
    (await kernel.call<{ Items?: Record<string, object>[] }>("dynamodb", "Scan", { TableName: "memberships" })).Items;
  expect(await handler(batch)).toEqual({ batchItemFailures: [] });
  const once = await read();
  expect(once).toEqual([
    {
      audience: { S: "big" },
      profileId: { S: "p_a" },
      member: { BOOL: true },
      version: { S: '{"value":700}' },
      at: { S: at },
      reason: { S: "profile" },
      sequence: { N: "1" },
    },
  ]);
  await handler(batch);
  expect(await read()).toEqual(once);
  await handler({ Records: [record("p_a", profile("p_a", { value: 700 }), redirect("p_a"))] });
  const exit = { member: { BOOL: false }, version: { NULL: true }, sequence: { N: "2" }, reason: { S: "merge" } };
  expect((await read())?.[0]).toMatchObject(exit);
});

test("propagate reports an item that is no profile, and a failing table fails the batch", async () => {
  const broken = record("p_x", undefined, { kind: "thing" } as unknown as ProfileItem);
  const handler = makePropagate(audiences, new Memberships("memberships"));
  expect((await handler({ Records: [broken] })).batchItemFailures).toEqual([{ itemIdentifier: "1" }]);
  const away = makePropagate(audiences, { write: async () => Promise.reject(new Error("throttled")) });
  await expect(away({ Records: [record("p", undefined, rich)] })).rejects.toThrow("throttled");
});

describe("dispatch", () => {
  function membership(profileId: string, name: string, was: boolean | undefined, is: boolean): DynamoDBRecord {
    const image = (member: boolean) => ({ member: { BOOL: member }, version: { S: "v" } });
    return {
      dynamodb: {
        SequenceNumber: "1",
        Keys: { audience: { S: name }, profileId: { S: profileId } },
        ...(was === undefined ? {} : { OldImage: image(was) }),
        NewImage: image(is),
      },
    } as DynamoDBRecord;
  }
  const collect = (failed: object[] = []) => {
    const sent: { queue: string; messages: Record<string, unknown>[] }[] = [];
    const client = {
      send: async ({ input }: { input: { QueueUrl: string; Entries: { MessageBody: string }[] } }) => {
        sent.push({ queue: input.QueueUrl, messages: input.Entries.map(({ MessageBody }) => JSON.parse(MessageBody)) });
        return { Failed: failed };
      },
    };
    return { sent, client: () => client as never };
  };
  const targets = [
    { name: "crm", audiences: ["big"], queueUrl: "crm" },
    { name: "ads", audiences: ["big", "other"], queueUrl: "ads" },
  ];
  test("each subscriber gets each membership that changed, once, in batches of ten", async () => {
    const { sent, client } = collect();
    const many = Array.from({ length: 11 }, (_, n) => membership(`p_${n}`, "other", true, true));
    await makeDispatch(
      targets,
      client,
    )({
      Records: [
        membership("p_1", "big", undefined, true),
        membership("p_2", "big", true, false),
        membership("p_3", "big", false, false),
        membership("p_4", "nobodys", undefined, true),
        membership("p_1", "big", true, true),
        ...many,
      ],
    });
    const of = (queue: string) => sent.filter((one) => one.queue === queue);
    expect(of("crm").flatMap(({ messages }) => messages)).toEqual([
      { audience: "big", profileId: "p_1", change: "updated", version: "v" },
      { audience: "big", profileId: "p_2", change: "exited", version: "v" },
    ]);
    expect(of("ads").map(({ messages }) => messages.length)).toEqual([10, 3]);
  });
  test("what SQS did not take fails the batch", async () => {
    const { client } = collect([{ Id: "0", Code: "InternalError" }]);
    await expect(makeDispatch(targets, client)({ Records: [membership("p", "big", undefined, true)] })).rejects.toThrow(
      "SQS refused 1 of 1",
    );
  });
});

test("the ledger knows who is where, and lets the faster of two records win", async () => {
  const ledger = new DynamoLedger({
    memberships: "memberships",
    deliveries: "deliveries",
    profiles: "profiles",
    graph: "graph",
  });
  await kernel.call("dynamodb", "PutItem", { TableName: "profiles", Item: marshall(profile("p_l", { value: 900 })) });
  const entry = {
    audience: "big",
    profileId: "p_l",
    was: false,
    member: true,
    reason: "profile",
    version: "v",
  } as const;
  expect(await new Memberships("memberships").write(entry)).toBe("entered");
  expect(await new Memberships("memberships").write(entry)).toBe("unchanged");
  const place = { audience: "big", profileId: "p_l" };
  const [loaded] = await ledger.load("crm", [place]);
  expect(loaded).toMatchObject({ ...place, member: true, delivered: null, profile: { traits: { value: 900 } } });
  expect(loaded?.profile).not.toHaveProperty("kind");
  const next = { state: "member", checksum: "c", at, revision: 1 } as const;
  expect(await ledger.record("crm", [{ ...place, next }])).toEqual([true]);
  expect(await ledger.record("crm", [{ ...place, next }])).toEqual([false]);
  expect((await ledger.load("crm", [place]))[0]?.delivered).toEqual(next);
  // Another destination knows nothing of it.
  expect((await ledger.load("ads", [place]))[0]?.delivered).toBeNull();
  expect(await ledger.load("crm", [{ audience: "big", profileId: "p_none" }])).toMatchObject([
    { member: false, profile: null },
  ]);
});

describe("the profile API", () => {
  const events: CustomerEvent[] = [
    { userId: "u1", anonymousId: "tablet", traits: { email: "Jo@x.yz" } },
    { userId: "u2", anonymousId: "tablet", traits: {} },
  ].map(
    (names, index) =>
      ({
        type: "identify",
        messageId: `m${index}`,
        sourceId: "web",
        timestamp: at,
        receivedAt: at,
        context: {},
        ...names,
      }) as CustomerEvent,
  );
  const evidence = events
    .map((event) => evidenceOf(event, defaultIdentityRules)?.evidence)
    .reduce((all, one) => (all && one ? mergeEvidence(all, one) : (all ?? one)));
  if (!evidence) throw new Error("the events name nobody");
  const { profiles, assignment } = resolve(evidence, defaultIdentityRules);
  const handler = makeProfileApi(new ProfileStore({ graph: "graph", profiles: "profiles" }), defaultIdentityRules);

  beforeAll(async () => {
    const put = (TableName: string, Item: object) => kernel.call("dynamodb", "PutItem", { TableName, Item });
    for (const one of profiles) {
      const mine = [...evidence.nodes].filter(([key]) => assignment.get(key) === one.profileId);
      const keys = new Set(mine.map(([key]) => key));
      const part = {
        nodes: new Map(mine),
        edges: new Map([...evidence.edges].filter(([, { a, b }]) => keys.has(a) || keys.has(b))),
      };
      await put("graph", {
        key: { S: `COMP#${one.profileId}` },
        part: { S: "-" },
        revision: { N: "1" },
        data: { B: encodeComponent({ evidence: part, profile: { id: one.profileId, version: one.version } }) },
      });
      for (const [, { type, value }] of mine) {
        await put("graph", {
          key: { S: identifierItemKey({ type, value } satisfies Identifier) },
          part: { S: "-" },
          component: { S: one.profileId },
        });
      }
    }
    for (const one of profiles) await put("profiles", marshall({ kind: "profile", ...one }));
    await put(
      "profiles",
      marshall({
        kind: "redirect",
        profileId: `p_${"0".repeat(32)}`,
        redirectTo: profiles[0]?.profileId,
        at,
        reason: "merged",
      }),
    );
  });

  const get = async (identifier: string, explainWith?: string | null) => {
    const explaining = explainWith !== undefined;
    const answer = await handler({
      rawPath: `/v1/profiles/${encodeURIComponent(identifier)}${explaining ? "/explain" : ""}`,
      pathParameters: { identifier },
      ...(explainWith ? { queryStringParameters: { with: explainWith } } : {}),
    } as unknown as APIGatewayProxyEventV2);
    return { status: answer.statusCode, body: JSON.parse(answer.body ?? "null"), headers: answer.headers };
  };
  const first = assignment.get("user_id:u1");

  test.each([
    ["user_id:u1"],
    ["email:JO@X.yz"],
    ["email%3Ajo%40x.yz"],
    ["anonymous_id:tablet"],
    [first ?? ""],
    [`p_${"0".repeat(32)}`],
  ])("%s is found", async (identifier) => {
    const { status, body, headers } = await get(identifier);
    expect({ status, id: body.profileId }).toEqual({
      status: 200,
      id: identifier.startsWith("p_0") ? profiles[0]?.profileId : first,
    });
    expect(body).not.toHaveProperty("kind");
    expect(headers).toMatchObject({ "cache-control": "no-store" });
  });
  test.each([
    ["user_id:nobody", 404, "No profile has user_id:nobody"],
    ["email:test@test.com", 404, "malformed or blocked"],
    ["shoe_size:44", 400, "The types are user_id, email"],
    ["jo@x.yz", 400, "neither a profile id nor"],
    [`p_${"f".repeat(32)}`, 404, "No profile has"],
    ["", 400, "neither a profile id nor"],
  ])("%s is answered %i", async (identifier, status, message) => {
    const answer = await get(identifier);
    expect(answer.status).toBe(status);
    expect(answer.body.error.message).toContain(message);
  });
  test("explains one person, two people, and what is missing", async () => {
    expect((await get("user_id:u1", "email:jo@x.yz")).body).toMatchObject({
      samePerson: true,
      path: [{ kind: "same-event" }],
    });
    const two = await get("user_id:u1", "user_id:u2");
    expect(two.body).toMatchObject({ samePerson: false, summary: expect.stringContaining("at most 1 user_id") });
    expect((await get("user_id:u1", "user_id:u9")).status).toBe(404);
    expect(await get("user_id:u1", null)).toMatchObject({
      status: 400,
      body: { error: { code: "missing-parameter" } },
    });
  });
  test("a store that is away is a 500 without a word of the cause", async () => {
    const away = {
      byIdentifier: async () => Promise.reject(new Error("jo@x.yz is secret")),
    } as unknown as ProfileStore;
    const answer = await makeProfileApi(
      away,
      defaultIdentityRules,
    )({
      rawPath: "/v1/profiles/user_id:u1",
      pathParameters: { identifier: "user_id:u1" },
    } as unknown as APIGatewayProxyEventV2);
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain("secret");
  });
});

test.each([
  ["the token", { authorization: "Bearer right-token" }, true],
  ["another case of the header", { Authorization: "bearer right-token" }, true],
  ["another token", { authorization: "Bearer wrong-token" }, false],
  ["a prefix of the token", { authorization: "Bearer right" }, false],
  ["the token without a scheme", { authorization: "right-token" }, false],
  ["an empty bearer", { authorization: "Bearer " }, false],
  ["no header", {}, false],
])("the authorizer and %s", async (_name, headers, isAuthorized) => {
  expect(await makeAuthorizer(async () => "right-token")({ headers })).toEqual({ isAuthorized });
});

test("consent can be part of an audience", () => {
  const granted: ProfileItem = { ...(rich as Profile), kind: "profile", consent: { ads: { granted: true, at } } };
  const writes = membershipWrites([{ profileId: "p", before: undefined, after: granted }], {
    ads: audience(consent("ads").granted()),
  });
  expect(writes).toMatchObject([{ audience: "ads", member: true }]);
});
