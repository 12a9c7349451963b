import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Kernel, Principal } from "../../kernel";
import { readRecords, UnsupportedCompression } from "./record-batch";
import { type Topics, topicArn } from "./topics";
import { WireReader, WireWriter } from "./wire";

/** Calls that this broker answers, with the one or few versions of each. Clients choose by the answer of ApiVersions. */
const apis = {
  produce: { key: 0, least: 3, most: 3 },
  metadata: { key: 3, least: 1, most: 1 },
  saslHandshake: { key: 17, least: 1, most: 1 },
  apiVersions: { key: 18, least: 0, most: 2 },
  saslAuthenticate: { key: 36, least: 1, most: 1 },
} as const;

/** Error codes of Kafka's protocol. */
const errors = {
  none: 0,
  unknownServer: -1,
  unknownTopic: 3,
  messageTooLarge: 10,
  topicAuthorizationFailed: 29,
  unsupportedSaslMechanism: 33,
  unsupportedVersion: 35,
  saslAuthenticationFailed: 58,
  unsupportedCompression: 76,
} as const;

const nodeId = 1;
const maxRequestBytes = 16 * 2 ** 20;
/** How long a login is good: MSK's tokens last 15 minutes. */
const sessionMs = 900_000;

interface Session {
  principal: Principal | undefined;
}

/**
 * A broker for local producers: enough of Kafka's protocol to log in by IAM (SASL/OAUTHBEARER with MSK's token), to find a
 * topic's partitions and to produce with acknowledgement after the write is on disk. One node leads every partition. There
 * is no fetching, no consumer group and no TLS: event source mappings and delivery streams read the log itself.
 */
export class Broker {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly kernel: Kernel,
    private readonly topics: Topics,
    readonly clusterArn: string,
  ) {
    this.server = createServer((socket) => this.serve(socket));
  }

  /** Listens on loopback; the port of the last time where it is free. */
  async listen(port: number): Promise<number> {
    const bind = (wanted: number) =>
      new Promise<void>((resolve, reject) => {
        this.server.once("error", reject);
        this.server.listen(wanted, "127.0.0.1", () => {
          this.server.off("error", reject);
          resolve();
        });
      });
    await bind(port).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") return bind(0);
      throw error;
    });
    return this.port;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    const session: Session = { principal: undefined };
    let buffered = Buffer.alloc(0);
    let turn = Promise.resolve();
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
      while (buffered.length >= 4) {
        const length = buffered.readInt32BE(0);
        if (length < 0 || length > maxRequestBytes) return void socket.destroy();
        if (buffered.length < 4 + length) return;
        const request = buffered.subarray(4, 4 + length);
        buffered = buffered.subarray(4 + length);
        // Answers go out in the order of their requests.
        turn = turn.then(async () => {
          const answer = await this.answer(new WireReader(request), session);
          if (answer) socket.write(Buffer.concat([new WireWriter().int32(answer.length).bytes(), answer]));
        });
        turn = turn.catch((error) => {
          this.kernel.log.warn(`kafka: a request could not be read: ${String(error)}`);
          socket.destroy();
        });
      }
    });
  }

  private async answer(request: WireReader, session: Session): Promise<Buffer | undefined> {
    const key = request.int16();
    const version = request.int16();
    const correlation = request.int32();
    request.string(); // client id
    const body = new WireWriter().int32(correlation);
    const api = Object.values(apis).find((known) => known.key === key);
    if (key === apis.apiVersions.key) return this.apiVersions(body, version).bytes();
    if (!api || version < api.least || version > api.most) {
      throw new Error(
        `call ${key}, version ${version}, does not exist locally: this broker only takes what is produced`,
      );
    }
    if (key === apis.saslHandshake.key) return this.handshake(request, body).bytes();
    if (key === apis.saslAuthenticate.key) return this.authenticate(request, body, session).bytes();
    const { principal } = session;
    if (!principal) throw new Error("a call before the login");
    if (key === apis.metadata.key) return this.metadata(request, body, principal).bytes();
    return await this.produce(request, body, principal);
  }

  private apiVersions(body: WireWriter, version: number): WireWriter {
    const { least, most } = apis.apiVersions;
    const known = version >= least && version <= most;
    body.int16(known ? errors.none : errors.unsupportedVersion);
    body.list(Object.values(apis), (api) => body.int16(api.key).int16(api.least).int16(api.most));
    return known && version > 0 ? body.int32(0) : body;
  }

  private handshake(request: WireReader, body: WireWriter): WireWriter {
    const supported = request.string() === "OAUTHBEARER";
    body.int16(supported ? errors.none : errors.unsupportedSaslMechanism);
    return body.list(["OAUTHBEARER"], (mechanism) => void body.string(mechanism));
  }

  private authenticate(request: WireReader, body: WireWriter, session: Session): WireWriter {
    try {
      session.principal = this.login(request.blob()?.toString("utf8") ?? "");
      return body.int16(errors.none).string(null).blob(Buffer.alloc(0)).int64(sessionMs);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return body.int16(errors.saslAuthenticationFailed).string(why).blob(Buffer.alloc(0)).int64(0);
    }
  }

  /** The principal of a token: a presigned URL in base64, whose access key names the caller, as at every local door. */
  private login(message: string): Principal {
    const token = /auth=Bearer ([A-Za-z0-9_-]+)/.exec(message)?.[1];
    if (token === undefined) throw new Error("no bearer token");
    const query = new URL(Buffer.from(token, "base64url").toString("utf8")).searchParams;
    const key = query.get("X-Amz-Credential")?.split("/")[0] ?? "";
    const principal = this.kernel.credentials.resolve(key);
    if (query.get("Action") !== "kafka-cluster:Connect" || !principal) {
      throw new Error(`the token is not of a principal of this account (${key})`);
    }
    const required = { action: "kafka-cluster:Connect", resource: this.clusterArn };
    this.kernel.authorize(principal, required, "Connect");
    return principal;
  }

  private may(principal: Principal, action: string, topic: string): boolean {
    const required = { action: `kafka-cluster:${action}`, resource: topicArn(this.clusterArn, topic) };
    try {
      this.kernel.authorize(principal, required, action);
      return true;
    } catch (error) {
      this.kernel.log.warn(`kafka: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }

  private metadata(request: WireReader, body: WireWriter, principal: Principal): WireWriter {
    const asked = request.list(() => request.string() ?? "");
    const names = asked.length > 0 ? asked : this.topics.of(this.clusterArn).map(({ definition }) => definition.name);
    body.list([nodeId], (id) => body.int32(id).string("127.0.0.1").int32(this.port).string(null));
    body.int32(nodeId);
    return body.list(names, (name) => {
      const topic = this.topics.find(this.clusterArn, name);
      const allowed = this.may(principal, "DescribeTopic", name);
      body.int16(allowed ? (topic ? errors.none : errors.unknownTopic) : errors.topicAuthorizationFailed);
      body.string(name).bool(false);
      const partitions = allowed ? Array.from({ length: topic?.definition.partitions ?? 0 }, (_, index) => index) : [];
      body.list(partitions, (partition) => {
        body.int16(errors.none).int32(partition).int32(nodeId);
        body.list([nodeId], (id) => void body.int32(id)).list([nodeId], (id) => void body.int32(id));
      });
    });
  }

  private async produce(request: WireReader, body: WireWriter, principal: Principal): Promise<Buffer | undefined> {
    request.string(); // transactional id
    const acknowledge = request.int16() !== 0;
    request.int32(); // time-out
    const given = request.list(() => ({
      name: request.string() ?? "",
      partitions: request.list(() => ({ partition: request.int32(), records: request.blob() ?? Buffer.alloc(0) })),
    }));
    const results = await Promise.all(
      given.map(async ({ name, partitions }) => ({
        name,
        partitions: await Promise.all(
          partitions.map(async ({ partition, records }) => ({
            partition,
            ...(await this.append(principal, name, partition, records)),
          })),
        ),
      })),
    );
    body.list(results, ({ name, partitions }) => {
      body.string(name);
      body.list(partitions, ({ partition, error, offset }) => {
        body.int32(partition).int16(error).int64(offset).int64(-1);
      });
    });
    return acknowledge ? body.int32(0).bytes() : undefined;
  }

  /** Resolves when the messages are on disk. */
  private async append(principal: Principal, name: string, partition: number, records: Buffer) {
    const failed = (error: number) => ({ error, offset: -1 });
    if (!this.may(principal, "WriteData", name)) return failed(errors.topicAuthorizationFailed);
    const topic = this.topics.find(this.clusterArn, name);
    if (!topic || partition < 0 || partition >= topic.definition.partitions) return failed(errors.unknownTopic);
    if (records.length > topic.definition.maxMessageBytes) return failed(errors.messageTooLarge);
    try {
      const messages = readRecords(records);
      const offsets = await this.kernel.store.write(() => {
        const t = this.kernel.now();
        return messages.map(({ timestamp, key, value, headers }) =>
          topic.log.append(partition, { t, c: timestamp, k: key, v: value, h: headers }),
        );
      });
      this.kernel.wake(topic.arn);
      return { error: errors.none, offset: Number(offsets[0] ?? -1) };
    } catch (error) {
      if (error instanceof UnsupportedCompression) return failed(errors.unsupportedCompression);
      this.kernel.log.warn(`kafka: messages of topic ${name} were not taken: ${String(error)}`);
      return failed(errors.unknownServer);
    }
  }
}
