// Computed traits over the embedded DynamoDB: calls and consumed capacity for each event that a trait is about, one at a
// time and in batches of 100, as a person's history grows; and how many people a sweep settles a second, or an import of a segment by SQL. TRAITS_PEOPLE
// sets how many (500).
import { createRequire } from "node:module";
import { join } from "node:path";
import { per, root, scratch } from "./support.mjs";

const people = Number(process.env.TRAITS_PEOPLE ?? 500);
const require = createRequire(join(root, "packages/activation/package.json"));
const activation = (path) => require(join(root, "packages/activation/dist", path));
const minute = 60_000;

export async function bench() {
  const {
    audience,
    count,
    defaultIdentityRules: rules,
    event,
    last,
    segment,
    sql,
    sum,
    trait,
  } = require("@tributary/model");
  const { setAwsDoor } = require("@tributary/runtime");
  const { Kernel } = require(join(root, "packages/local/dist/kernel/index.js"));
  const { install } = require(join(root, "packages/local/dist/services/dynamodb/index.js"));
  const identity = (path) => require(join(root, "packages/identity-resolution/dist", path));
  const { resolveBatch } = identity("domain/resolve-batch.js");
  const { DynamoGraph } = identity("store/dynamo-graph.js");
  const { SettleStore, settleOver } = activation("store/settle-store.js");
  const { definitionsOf } = activation("domain/standing/computed.js");
  const { makeTraitFacts } = activation("functions/trait-facts.js");
  const { makeSweep } = activation("functions/sweep.js");
  const orders = event("Order Completed");
  const traits = {
    orders: count(orders),
    revenue: sum(orders.property("total")),
    last_sku: last(orders.property("sku")).within({ hours: 1 }),
  };
  const audiences = {
    big: audience(trait("revenue").atLeast(500)),
    active: audience(orders.atLeast(1).within({ hours: 1 })),
  };
  const definitions = definitionsOf(traits, audiences);
  let clock = Date.parse("2026-05-01T12:00:00.000Z");
  const { path, remove } = scratch();
  const kernel = new Kernel({ dataDir: path });
  const rows = [];
  const tally = { calls: 0, read: 0, write: 0 };
  const names = { graph: "graph", profiles: "profiles" };
  try {
    install(kernel);
    setAwsDoor({
      call: async (service, operation, input) => {
        const output = await kernel.call(service, operation, { ...input, ReturnConsumedCapacity: "TOTAL" });
        tally.calls++;
        const units = [output.ConsumedCapacity ?? []].flat().reduce((all, one) => all + one.CapacityUnits, 0);
        tally[/Get|Query/.test(operation) ? "read" : "write"] += units;
        return output;
      },
    });
    await makeTables(kernel);
    const tables = { GRAPH_TABLE: "graph", PROFILES_TABLE: "profiles", TRAIT_FACTS_TABLE: "facts" };
    const store = new SettleStore(
      { ...tables, STANDINGS_TABLE: "standings", MEMBERSHIPS_TABLE: "memberships" },
      () => clock,
    );
    const settle = settleOver(store, definitions);
    const traitFacts = makeTraitFacts({
      definitions,
      rules,
      facts: store.traitFacts,
      profiles: store.profiles,
      settle,
    });
    let messages = 0;
    const made = (person, type, content) => {
      const timestamp = new Date(clock - (messages % 50) * minute).toISOString();
      const messageId = `m${++messages}`;
      const names = { userId: `u${person}`, anonymousId: `b${person}` };
      return { type, messageId, sourceId: "web", timestamp, receivedAt: timestamp, context: {}, ...names, ...content };
    };
    const order = (person) =>
      made(person, "track", { event: "Order Completed", properties: { total: 9.5, sku: `s${messages % 7}` } });
    const deliver = async (events) => {
      const Records = events.map((one) => ({
        eventName: "INSERT",
        dynamodb: { SequenceNumber: "1", NewImage: { event: { S: JSON.stringify(one) } } },
      }));
      const { batchItemFailures } = await traitFacts({ Records });
      if (batchItemFailures.length > 0) throw new Error("events were given back");
    };
    const identified = Array.from({ length: people }, (_, person) =>
      made(person, "identify", { traits: { email: `p${person}@example.org` } }),
    );
    await resolveBatch(identified, new DynamoGraph(names), rules);
    const round = async (what, events, batch) => {
      Object.assign(tally, { calls: 0, read: 0, write: 0 });
      const began = performance.now();
      for (let at = 0; at < events.length; at += batch) await deliver(events.slice(at, at + batch));
      const seconds = (performance.now() - began) / 1000;
      const each = (value) => (value / events.length).toFixed(1);
      rows.push(
        `${what}: ${each(tally.calls)} calls, ${each(tally.read)} read and ${each(tally.write)} write units an event; ${per(events.length, seconds)} events/s`,
      );
    };
    const everybody = () => Array.from({ length: people }, (_, person) => order(person));
    await round(
      "an event that no trait is about",
      everybody().map((one) => ({ ...one, event: "Other" })),
      1,
    );
    await round("a person's first event", everybody(), 1);
    await round("a person's second event", everybody(), 1);
    await round("batches of 100, of as many people", everybody(), 100);
    const busy = Array.from({ length: 1_000 }, () => order(0));
    await deliver(busy);
    await round(
      "an event of a person with 1,000 of them",
      Array.from({ length: 20 }, () => order(0)),
      1,
    );
    clock += 90 * minute;
    Object.assign(tally, { calls: 0, read: 0, write: 0 });
    const began = performance.now();
    const { settled } = await makeSweep(
      store.standings,
      settle,
      () => clock,
    )({}, { getRemainingTimeInMillis: () => 60_000 });
    rows.push(
      `a sweep: ${settled} people of whom several windows passed, ${per(settled, (performance.now() - began) / 1000)} people/s`,
    );
    const { Items } = await kernel.call("dynamodb", "Scan", { TableName: "profiles" });
    const picked = segment(sql("select profile_id from curated.people"));
    const night = segmentImport(
      store,
      definitionsOf(traits, { ...audiences, picked }),
      Items.map(({ profileId }) => profileId.S),
    );
    for (const [what, share] of [
      ["everybody enters", 1],
      ["nothing changed", 1],
      ["everybody leaves", 0],
    ]) {
      Object.assign(tally, { calls: 0, read: 0, write: 0 });
      const seconds = await night(share);
      const each = (value) => (value / Items.length).toFixed(2);
      rows.push(
        `an import of a segment by SQL, ${what}: ${each(tally.calls)} calls, ${each(tally.read)} read and ${each(tally.write)} write units a person; ${per(Items.length, seconds)} people/s`,
      );
    }
  } finally {
    setAwsDoor(undefined);
    await kernel.close();
    remove();
  }
  return rows;
}

/** Imports an answer of the lake that names everybody or nobody; gives the seconds that it took. */
function segmentImport(store, definitions, ids) {
  const { makeSegmentImporter } = activation("functions/segment-importer.js");
  const { SegmentMembers } = activation("store/segment-members.js");
  const { tellOver } = activation("store/settle-store.js");
  const known = new SegmentMembers({ memberships: "memberships", traitFacts: "facts" });
  let nights = 0;
  return async (share) => {
    const importer = makeSegmentImporter(["picked"], {
      size: async () => 0,
      lines: async function* () {
        yield '"segment","profile_id"';
        for (const id of share === 1 ? ids : []) yield `"picked","${id}"`;
      },
      begin: (segment, run) => known.begin(segment, run),
      members: (segment, range) => known.members(segment, range),
      ...tellOver(store, definitions),
    });
    const at = new Date(Date.parse("2026-05-01T00:00:00Z") + ++nights * 86_400_000).toISOString();
    const request = { location: "s3://lake/answer.csv", asOf: at, startedAt: at, from: "!", to: "~" };
    const began = performance.now();
    for (const action of ["enter", "leave"])
      await importer({ action, ...request }, { getRemainingTimeInMillis: () => 900_000 });
    return (performance.now() - began) / 1000;
  };
}

async function makeTables(kernel) {
  for (const [TableName, ...keys] of [
    ["graph", "key", "part"],
    ["profiles", "profileId"],
    ["facts", "identifier", "fact"],
    ["memberships", "audience", "profileId"],
    ["standings", "profileId"],
  ]) {
    const due = TableName === "standings";
    const index = { dueShard: "S", nextChange: "N" };
    await kernel.call("dynamodb", "CreateTable", {
      TableName,
      KeySchema: keys.map((AttributeName, place) => ({ AttributeName, KeyType: place === 0 ? "HASH" : "RANGE" })),
      AttributeDefinitions: [
        ...keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
        ...(due
          ? Object.entries(index).map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType }))
          : []),
      ],
      BillingMode: "PAY_PER_REQUEST",
      ...(due && {
        GlobalSecondaryIndexes: [
          {
            IndexName: "due",
            KeySchema: Object.keys(index).map((AttributeName, place) => ({
              AttributeName,
              KeyType: place === 0 ? "HASH" : "RANGE",
            })),
            Projection: { ProjectionType: "KEYS_ONLY" },
          },
        ],
      }),
    });
  }
}
