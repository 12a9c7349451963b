import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type CollectedRecord, collectItem, rejectedRecord, rejection } from "@tributary/model";
import fc from "fast-check";
import { type Archivable, type ArchiveParts, archiveId, type Claims, chooseFirsts } from "../src/domain/archive";
import { claimTable } from "../src/handlers/adapters/claims";

const seed = Number(process.env.TRIBUTARY_SEED ?? 20261123);
const meta = { sourceId: "web", receivedAt: "2026-11-23T10:00:00.000Z" };
const event = (messageId: string, more: object = {}) =>
  collectItem({ type: "track", event: "e", userId: "u", messageId, ...more }, {}, meta, () => Buffer.from(""));
const bytes = (record: CollectedRecord | string) =>
  Buffer.from(typeof record === "string" ? record : JSON.stringify(record));
const at = (position: string | undefined, record: CollectedRecord | string): Archivable => ({
  position,
  data: bytes(record),
});

/** The table, as DynamoDB keeps it. */
function table(): Claims & { readonly owners: Map<string, string> } {
  const owners = new Map<string, string>();
  return {
    owners,
    async claim(claims) {
      await Promise.resolve();
      return claims.map(({ id, position }) => {
        const owner = owners.get(id) ?? position;
        owners.set(id, owner);
        return owner === position ? "ours" : "taken";
      });
    },
  };
}
const parts = (claims: Claims): ArchiveParts => ({ claims, until: Number.POSITIVE_INFINITY, sleep: async () => {} });

test("the first record of an event is archived, and that very record each time it comes", async () => {
  const claims = table();
  const batch = [at("s:1", event("a")), at("s:2", event("b")), at("s:3", event("a"))];
  expect(await chooseFirsts(batch, parts(claims))).toEqual([true, true, false]);
  expect(claims.owners.size).toBe(2);
  expect(await chooseFirsts(batch, parts(claims))).toEqual([true, true, false]);
  expect(await chooseFirsts([at("s:9", event("a")), at("t:1", event("c"))], parts(claims))).toEqual([false, true]);
});

test("what is the same row, and what is not", () => {
  const id = (record: CollectedRecord | string) => archiveId(bytes(record));
  expect(id(event("a", { sentAt: "2026-11-23T10:00:00Z" }))).toBe(id(event("a", { sentAt: "2026-11-23T10:05:00Z" })));
  expect(id(event("a", { timestamp: "2026-11-23T09:00:00Z" }))).toBe(id(event("a")));
  const rejected = rejectedRecord(rejection("callback-error", "", "x"), { payload: "{}", encoding: "utf8" }, meta, "a");
  const different = [
    event("a"),
    event("b"),
    event("a", { properties: { another: true } }),
    { ...event("a"), source_id: "shop", payload: event("a").payload },
    rejected,
    { ...rejected, payload: "[]" },
  ];
  expect(new Set(different.map(id)).size).toBe(different.length);
});

test("what is no record of the collector, or has no place, goes on unclaimed", async () => {
  const claims = table();
  const foreign = ["not json", "[1]", '{"message_id":"a"}', ""].map((text, index) => at(`s:${index}`, text));
  const batch = [...foreign, at(undefined, event("a")), at(undefined, event("a"))];
  expect(await chooseFirsts(batch, parts(claims))).toEqual(batch.map(() => true));
  expect(claims.owners.size).toBe(0);
});

test("busy claims are tried again, and the batch fails when the time is up; what cannot pass fails at once", async () => {
  const claims = table();
  let refusals = 3;
  const busy: Claims = {
    claim: async (all) => {
      const answers = await claims.claim(all);
      return answers.map((answer) => (refusals-- > 0 ? "busy" : answer));
    },
  };
  const waits: number[] = [];
  const sleep = async (ms: number) => void waits.push(ms);
  const batch = [at("s:1", event("a")), at("s:2", event("b"))];
  expect(await chooseFirsts(batch, { ...parts(busy), sleep })).toEqual([true, true]);
  expect(waits).toEqual([50, 100]);
  refusals = Number.POSITIVE_INFINITY;
  await expect(chooseFirsts(batch, { ...parts(busy), until: Date.now() })).rejects.toThrow(
    /2 of 2 claims were refused/,
  );
  const denied: Claims = {
    claim: async () => {
      throw new Error("AccessDenied");
    },
  };
  await expect(chooseFirsts(batch, parts(denied))).rejects.toThrow("AccessDenied");
});

/** A table of claims that answers as DynamoDB does; `refuse` gives a statement's error by its place among all. */
function dynamo(refuse: (call: number) => string | undefined = () => undefined) {
  const items = new Map<string, { readonly id: { S: string }; readonly position: { S: string } }>();
  const calls: string[] = [];
  const send = async (command: { input: unknown }) => {
    const { Statements, RequestItems } = command.input as {
      Statements?: { Statement: string; Parameters: { S: string }[] }[];
      RequestItems?: Record<string, { Keys: { id: { S: string } }[] }>;
    };
    calls.push(Statements ? `${Statements.length} inserts` : `${RequestItems?.archived?.Keys.length} reads`);
    if (RequestItems) {
      const found = RequestItems.archived?.Keys.flatMap(({ id }) => items.get(id.S) ?? []);
      return { Responses: { archived: found } };
    }
    const Responses = Statements?.map(({ Statement, Parameters: [id, position] }) => {
      expect(Statement).toBe(`INSERT INTO "archived" VALUE {'id': ?, 'position': ?, 'expiresAt': ?}`);
      const refused = refuse(statements++);
      if (refused) return { Error: { Code: refused } };
      if (!id || !position || items.has(id.S)) return { Error: { Code: "DuplicateItem" } };
      items.set(id.S, { id, position });
      return {};
    });
    return { Responses };
  };
  let statements = 0;
  return { client: { send } as unknown as DynamoDBClient, calls, items };
}
const claimOf = (id: string, position: string) => ({ id, position });

test("the table: each claim has its answer, 25 to a call, and only those that are taken are looked up", async () => {
  const { client, calls } = dynamo();
  const claims = claimTable(client, "archived", 30);
  const first = Array.from({ length: 60 }, (_, index) => claimOf(`e${index}`, `s:${index}`));
  expect(await claims.claim(first)).toEqual(first.map(() => "ours"));
  expect(calls.sort()).toEqual(["10 inserts", "25 inserts", "25 inserts"]);
  calls.length = 0;
  // The same records once more, as after a lost answer; an event that comes again; a new one.
  const again = [...first.slice(0, 2), claimOf("e7", "t:1"), claimOf("new", "t:2")];
  expect(await claims.claim(again)).toEqual(["ours", "ours", "taken", "ours"]);
  expect(calls).toEqual(["4 inserts", "3 reads"]);
});

test.each(["ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded", "InternalServerError"])(
  "the table: a statement that ends with %s is tried again, the others are done",
  async (code) => {
    const { client } = dynamo((place) => (place === 1 ? code : undefined));
    const claims = claimTable(client, "archived", 30);
    const all = ["a", "b", "c"].map((id) => claimOf(id, `s:${id}`));
    expect(await claims.claim(all)).toEqual(["ours", "busy", "ours"]);
    expect(await claims.claim(all)).toEqual(["ours", "ours", "ours"]);
  },
);

test.each([
  ["ThrottlingException", "client", "busy"],
  ["InternalServerError", "server", "busy"],
  ["AccessDeniedException", "client", "thrown"],
])("the table: a call that ends with %s (%s) is %s", async (name, $fault, answer) => {
  const send = async () => {
    throw Object.assign(new Error(name), { name, $fault });
  };
  const claims = claimTable({ send } as unknown as DynamoDBClient, "archived", 30);
  const answers = claims.claim([claimOf("a", "s:1")]);
  if (answer === "thrown") await expect(answers).rejects.toThrow(name);
  else expect(await answers).toEqual([answer]);
});

test("the table: what the role may not do is no waiting for; an answer that is missing is", async () => {
  const { client } = dynamo(() => "AccessDenied");
  await expect(claimTable(client, "archived", 30).claim([claimOf("a", "s:1")])).rejects.toThrow(
    /archived: AccessDenied/,
  );
  const silent = { send: async () => ({ Responses: [] }) } as unknown as DynamoDBClient;
  expect(await claimTable(silent, "archived", 30).claim([claimOf("a", "s:1")])).toEqual(["busy"]);
});

test(`any batches, any repeats of invocations: one record of each event (seed ${seed})`, async () => {
  const record = fc.record({ id: fc.integer({ min: 0, max: 5 }), end: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 30 }), fc.integer(), async (records, salt) => {
      const claims = table();
      const stream = records.map(({ id }, index) => at(`s:${index}`, event(String(id))));
      const written = new Map<number, boolean>();
      for (let from = 0; from < stream.length; ) {
        const length = 1 + records.slice(from).findIndex(({ end }) => end) || stream.length;
        const batch = stream.slice(from, from + length);
        const first = await chooseFirsts(batch, parts(claims));
        // Its answer was lost: what Firehose goes by is the second.
        const answer = (from + salt) % 3 === 0 ? await chooseFirsts(batch, parts(claims)) : first;
        expect(answer).toEqual(first);
        for (const [index, kept] of answer.entries()) written.set(from + index, kept);
        from += length;
      }
      const kept = records.flatMap(({ id }, index) => (written.get(index) ? [id] : []));
      expect(kept.sort()).toEqual([...new Set(records.map(({ id }) => id))].sort());
    }),
    { seed, numRuns: 60 },
  );
});
