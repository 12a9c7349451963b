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

function taken(position: string) {
  return { name: "ConditionalCheckFailedException", $fault: "client", Item: { position: { S: position } } };
}

/** The table, as DynamoDB keeps it. */
function table(): Claims & { readonly owners: Map<string, string> } {
  const owners = new Map<string, string>();
  return {
    owners,
    async claim(id, position) {
      await Promise.resolve();
      const owner = owners.get(id) ?? position;
      owners.set(id, owner);
      return owner === position ? "ours" : "taken";
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
  const busy: Claims = { claim: async (...call) => (refusals-- > 0 ? "busy" : claims.claim(...call)) };
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

test.each([
  ["nobody had it", undefined, "ours"],
  ["this record had it: an answer was lost", taken("s:1"), "ours"],
  ["another record had it", taken("s:0"), "taken"],
  ["throttled", { name: "ProvisionedThroughputExceededException", $fault: "client" }, "busy"],
  ["DynamoDB is away", { name: "InternalServerError", $fault: "server" }, "busy"],
])("the table: %s", async (_, failure, answer) => {
  const sent: { Item?: object; ConditionExpression?: string }[] = [];
  const send = async ({ input }: { input: object }) => {
    sent.push(input);
    if (failure) throw Object.assign(new Error(failure.name), failure);
  };
  const claims = claimTable({ send } as unknown as DynamoDBClient, "archived", 30);
  expect(await claims.claim("web#a#x", "s:1")).toBe(answer);
  expect(sent).toEqual([expect.objectContaining({ ConditionExpression: "attribute_not_exists(id)" })]);
});

test("the table: what the role may not do is no waiting for", async () => {
  const send = async () => {
    throw Object.assign(new Error("no"), { name: "AccessDeniedException", $fault: "client" });
  };
  const claims = claimTable({ send } as unknown as DynamoDBClient, "archived", 30);
  await expect(claims.claim("web#a#x", "s:1")).rejects.toThrow("no");
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
