import { randomBytes } from "node:crypto";
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from "node:net";
import * as msk from "../../local/src/services/msk";
import { Bench } from "../../local/test/services/compute-kit";
import { kafkaStream } from "../src/handlers/adapters/kafka-stream";

/** The collector's way to Kafka over a wire that can be cut: durable or told, and alive again when the broker is. */

const bench = new Bench([msk.install]);
let clusterArn: string;
let wire: Server;
let port: number;
let cut = false;
const sockets = new Set<Socket>();

beforeAll(async () => {
  const cluster = await bench.create("aws:msk/serverlessCluster:ServerlessCluster", "c", { vpcConfigs: [] });
  clusterArn = cluster.id;
  await bench.create("aws:msk/topic:Topic", "t", {
    clusterArn,
    name: "events",
    partitionCount: 3,
    replicationFactor: 3,
  });
  port = Number(String(cluster.outputs.bootstrapBrokersSaslIam).split(":")[1]);
  wire = createServer((client) => {
    if (cut) return void client.destroy();
    const broker = dial(port, "127.0.0.1");
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    client.pipe(broker).pipe(client);
  });
  await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  wire.close();
  await bench.close();
});

const token = async (key = "local") =>
  Buffer.from(
    `https://kafka.us-east-1.amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Credential=${key}%2F1`,
  ).toString("base64url");
const entry = (id: number, bytes = 20) => ({
  data: Buffer.concat([Buffer.from(`${id}:`), randomBytes(bytes)]),
  partitionKey: `p${id % 7}`,
});
const stored = () => {
  const log = bench.kernel.logs.get(msk.topicArn(clusterArn, "events"));
  return (log?.shards() ?? []).flatMap((shard) =>
    (log?.read(shard, undefined, 10_000) ?? []).map(
      ({ data }) =>
        Buffer.from((data as msk.StoredMessage).v ?? "")
          .toString("latin1")
          .split(":")[0],
    ),
  );
};
const open = (address: string, key?: string) =>
  kafkaStream({ brokers: address, topic: "events", token: () => token(key) });

test("more than a message may weigh goes in several batches, each key to one partition", async () => {
  const stream = open(`127.0.0.1:${port}`);
  const entries = Array.from({ length: 40 }, (_, id) => entry(id, 100_000));
  expect(await stream.put(entries)).toEqual(entries.map(() => undefined));
  expect(stored().sort()).toEqual(entries.map((_, id) => String(id)).sort());
  expect(stream.maxRecordBytes).toBeLessThan(1_048_588);
});

test("a broker that cannot be reached, or refuses the login, is told for each entry; afterwards all goes on", async () => {
  // The bootstrap address is cut; what it names as leader is the broker itself.
  const stream = open(`127.0.0.1:${(wire.address() as AddressInfo).port}`);
  cut = true;
  for (const socket of sockets) socket.destroy();
  const refused = await stream.put([entry(100), entry(101)]);
  expect(refused).toHaveLength(2);
  for (const code of refused) expect(code).toEqual(expect.any(String));
  cut = false;
  expect(await stream.put([entry(100), entry(101)])).toEqual([undefined, undefined]);
  expect(await open(`127.0.0.1:${port}`, "STRANGER").put([entry(102)])).toEqual([expect.any(String)]);
  expect(
    stored()
      .filter((id) => Number(id) >= 100)
      .sort(),
  ).toEqual(["100", "101"]);
}, 30_000);
