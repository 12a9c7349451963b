// The identity graph in the embedded DynamoDB: reads, writes, transactions and retries an event, with duplicates 10 %, 10 %
// of events on 20 hot people, each of 8, 64 and 256 workers taking the next events of a shuffled stream. IDENTITY_STORE_EVENTS
// sets how many (20,000).
import { createRequire } from "node:module";
import { join } from "node:path";
import { identityEvents, randomOf } from "./identity-events.mjs";
import { per, root, scratch } from "./support.mjs";

const count = Number(process.env.IDENTITY_STORE_EVENTS ?? 20_000);
const require = createRequire(join(root, "packages/identity-resolution/package.json"));

function shuffled(items, random) {
  const list = [...items];
  for (let at = list.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [list[at], list[other]] = [list[other], list[at]];
  }
  return list;
}

export async function bench() {
  const model = require("@tributary/model");
  const { setAwsDoor } = require("@tributary/runtime");
  const { Kernel } = require(join(root, "packages/local/dist/kernel/index.js"));
  const { install } = require(join(root, "packages/local/dist/services/dynamodb/index.js"));
  const { resolveBatch } = require(join(root, "packages/identity-resolution/dist/domain/resolve-batch.js"));
  const { DynamoGraph } = require(join(root, "packages/identity-resolution/dist/store/dynamo-graph.js"));
  const rules = model.defaultIdentityRules;
  const random = randomOf(7);
  const events = [...identityEvents({ events: count, seed: 3, hot: { people: 20, share: 0.1 }, seconds: 1 })];
  const deliveries = shuffled([...events, ...events.filter(() => random() < 0.1)], random);
  const rows = [];
  const states = new Set();
  for (const [workers, batch] of [
    [8, 1],
    [64, 1],
    [256, 1],
    [8, 100],
  ]) {
    const { path, remove } = scratch();
    const kernel = new Kernel({ dataDir: path });
    try {
      install(kernel);
      const tally = { reads: 0, log: 0, transactions: 0, cancelled: 0, items: 0, givenBack: 0 };
      setAwsDoor({
        call: async (service, operation, input) => {
          if (operation === "BatchGetItem") {
            for (const { Keys } of Object.values(input.RequestItems)) tally.reads += Keys.length;
          } else if (operation === "BatchWriteItem") {
            for (const requests of Object.values(input.RequestItems)) tally.log += requests.length;
          } else if (operation === "TransactWriteItems") {
            tally.transactions++;
            tally.items += input.TransactItems.length;
          }
          try {
            return await kernel.call(service, operation, input);
          } catch (error) {
            if (operation === "TransactWriteItems") tally.cancelled++;
            throw error;
          }
        },
      });
      const names = { graph: "graph", profiles: "profiles" };
      for (const [TableName, ...keys] of [
        ["graph", "key", "part"],
        ["profiles", "profileId"],
      ]) {
        await kernel.call("dynamodb", "CreateTable", {
          TableName,
          KeySchema: keys.map((key, place) => ({ AttributeName: key, KeyType: place === 0 ? "HASH" : "RANGE" })),
          AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
          BillingMode: "PAY_PER_REQUEST",
        });
      }
      let next = 0;
      const began = performance.now();
      await Promise.all(
        Array.from({ length: workers }, async () => {
          while (next < deliveries.length) {
            const at = next;
            next += batch;
            let pending = deliveries.slice(at, at + batch);
            while (pending.length > 0) {
              const { dispositions } = await resolveBatch(pending, new DynamoGraph(names), rules);
              const poison = dispositions.find(({ kind }) => kind === "poison");
              if (poison) throw new Error(`an event was not applied: ${JSON.stringify(poison)}`);
              // The stream delivers again what was given back.
              pending = pending.filter((_event, place) => dispositions[place].kind === "retry");
              tally.givenBack += pending.length;
            }
          }
        }),
      );
      const seconds = (performance.now() - began) / 1000;
      const n = deliveries.length;
      const each = (value) => (value / n).toFixed(3);
      states.add(await stateOf(kernel, model));
      rows.push(
        `${workers} workers, batches of ${batch}: ${each(tally.reads)} items read, ${each(tally.transactions)} transactions of ${(tally.items / tally.transactions).toFixed(1)} items, ${each(tally.cancelled)} retries (${tally.givenBack} given back), ${each(tally.log)} log writes an event; ${per(n, seconds)} events/s`,
      );
    } finally {
      setAwsDoor(undefined);
      await kernel.close();
      remove();
    }
  }
  rows.push(
    `${count} events, ${deliveries.length} deliveries; ${states.size === 1 ? "the same profiles in each run" : `DIFFERENT PROFILES: ${states.size} states`}`,
  );
  return rows;
}

async function stateOf(kernel, { canonicalJson, shortHash }) {
  const lines = [];
  let ExclusiveStartKey;
  do {
    const page = await kernel.call("dynamodb", "Scan", { TableName: "profiles", ExclusiveStartKey });
    for (const item of page.Items ?? []) if (item.kind?.S === "profile") lines.push(canonicalJson(item));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  return shortHash(lines.sort().join("\n"));
}
