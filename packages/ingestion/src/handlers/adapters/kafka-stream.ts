import { isIP } from "node:net";
import { Kafka, logLevel, Partitioners, type Producer } from "kafkajs";
import type { StreamEntry, StreamPort } from "../../domain/stream-writer";

/** Kafka weighs whole batches against its limit of a message (1 MiB by default), so batches are kept below it. */
const maxBatchBytes = 1_000_000;
/** What a message costs beside its key and value, at most. */
const overhead = 100;

export interface KafkaSettings {
  /** `host:port`, with commas between. */
  readonly brokers: string;
  readonly topic: string;
  readonly token: () => Promise<string>;
}

/**
 * A topic of Kafka as the event stream: acknowledged by all replicas in sync before it counts as durable. A batch that fails
 * is sent again whole; what it had doubled is deduplicated downstream, as everywhere.
 */
export function kafkaStream({ brokers, topic, token }: KafkaSettings): StreamPort {
  const addresses = brokers.split(",");
  const client = new Kafka({
    clientId: "tributary-collector",
    brokers: addresses,
    // Nothing lies between this process and the embedded runtime's broker; everywhere else TLS is not a choice.
    ssl: !addresses.every(isLoopback),
    sasl: { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: await token() }) },
    connectionTimeout: 3_000,
    authenticationTimeout: 3_000,
    requestTimeout: 6_000,
    retry: { initialRetryTime: 50, maxRetryTime: 400, retries: 3 },
    logLevel: logLevel.NOTHING,
  });
  let connecting: Promise<Producer> | undefined;
  const connected = (): Promise<Producer> => {
    connecting ??= (async () => {
      const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      return producer;
    })();
    return connecting;
  };
  const send = async (entries: readonly StreamEntry[]): Promise<readonly (string | undefined)[]> => {
    const connection = connected();
    try {
      const producer = await connection;
      const messages = entries.map(({ data, partitionKey }) => ({ key: partitionKey, value: Buffer.from(data) }));
      await producer.send({ topic, acks: -1, timeout: 5_000, messages });
      return entries.map(() => undefined);
    } catch (error) {
      // A connection that a frozen function lost is made anew at the next try; another send may have done so already.
      if (connecting === connection) {
        connecting = undefined;
        void connection.then((producer) => producer.disconnect()).catch(() => undefined);
      }
      const { type, name } = error as { readonly type?: string; readonly name?: string };
      return entries.map(() => type ?? name ?? "KafkaError");
    }
  };
  return {
    maxRecordBytes: maxBatchBytes - 2 * overhead,
    async put(entries) {
      return (await Promise.all([...batches(entries)].map(send))).flat();
    },
  };
}

/** In order, each below the limit. */
function* batches(entries: readonly StreamEntry[]): Generator<StreamEntry[]> {
  let batch: StreamEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.data.length + Buffer.byteLength(entry.partitionKey) + overhead;
    if (batch.length > 0 && bytes + size > maxBatchBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function isLoopback(address: string): boolean {
  const host = address.replace(/:\d+$/, "");
  return isIP(host) === 4 && host.startsWith("127.");
}
