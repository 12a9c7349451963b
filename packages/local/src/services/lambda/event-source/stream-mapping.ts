import type { Kernel, Principal, ShardedLog } from "../../../kernel";
import { groupArn } from "../../msk";
import type { Host } from "../host";
import type { Checkpoints } from "./checkpoints";
import { deliverDiscarded } from "./failure-destination";
import type { MappingConfig } from "./mapping-config";
import type { MappingStatus } from "./mapping-status";
import { Pauses } from "./pause";
import { ShardReader } from "./shard-reader";

/**
 * What Lambda's poller needs of the function's role.
 * Source: "Required permissions" of Kinesis and DynamoDB event source mappings in the developer guide.
 */
const requiredActions = {
  kinesis: ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"],
  dynamodb: ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"],
};
/** The same for MSK with IAM. Source: "Configuring Amazon MSK cluster authentication methods in Lambda". */
function kafkaPermissions(topic: string, { clusterArn, group }: { clusterArn: string; group: string }) {
  const on = (resource: string, ...actions: string[]) => actions.map((action) => ({ action, resource }));
  return [
    ...on(clusterArn, "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"),
    ...on(clusterArn, "kafka-cluster:Connect"),
    ...on(topic, "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"),
    ...on(groupArn(clusterArn, group), "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"),
  ];
}

/** Between looks at a source that is missing or that the role may not read, in milliseconds. */
const recheck = { first: 200, longest: 10_000 };

/** A mapping of a Kinesis or DynamoDB stream: one reader per shard, from its checkpoint on. */
export class StreamMapping {
  private readers: ShardReader[] = [];
  private readonly pauses = new Pauses();
  private readonly stopListening: () => void;
  private stopped = false;
  private soon: NodeJS.Immediate | undefined;
  private recheck: Promise<void> | undefined;
  private readonly begun: Promise<void>;

  constructor(
    private readonly kernel: Kernel,
    private readonly host: Host,
    private readonly checkpoints: Checkpoints,
    private readonly config: MappingConfig,
    private readonly status: MappingStatus,
  ) {
    this.stopListening = kernel.onWake(config.sourceArn, () => this.pumpSoon());
    this.begun = this.begin();
  }

  pending(): number {
    // Until the readers are there, what lies in the stream counts as one piece of work.
    if (this.readers.length === 0) return this.hasRecords() ? 1 : 0;
    return this.readers.reduce((sum, reader) => sum + reader.pending(), 0);
  }

  /** Cuts batching windows short. */
  flush(): void {
    for (const reader of this.readers) reader.pump(true);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.stopListening();
    clearImmediate(this.soon);
    this.pauses.end();
    await this.begun;
    await Promise.all(this.readers.map((reader) => reader.stop()));
    await this.checkpoints.settled();
  }

  /** Once for all that is written in a turn of the event loop. */
  private pumpSoon(): void {
    this.soon ??= setImmediate(() => {
      this.soon = undefined;
      this.pump();
    });
  }

  private pump(): void {
    for (const reader of this.readers) reader.pump();
  }

  /** Waits until the stream is there and may be read, then starts at the checkpoints. */
  private async begin(): Promise<void> {
    const log = await this.readable();
    if (!log) return;
    const readers: ShardReader[] = [];
    for (const shardId of log.shards()) readers.push(this.reader(shardId, await this.position(log, shardId)));
    if (this.stopped) return;
    this.readers = readers;
    this.pump();
  }

  private reader(shardId: string, after: string | undefined): ShardReader {
    const { config, kernel, host } = this;
    let tookMs = 0;
    return new ShardReader({
      config,
      shardId,
      after,
      pause: this.pauses.pause,
      now: kernel.now,
      log: () => kernel.logs.get(config.sourceArn),
      mayRead: () => this.mayRead(),
      invoke: async (event) => {
        const run = (batch: string) => host.run(host.get(config.functionName), batch);
        await kernel.foreground.giveWay(tookMs);
        const began = performance.now();
        const outcome = await (kernel.faults ? kernel.faults.deliver(event, run) : run(event));
        tookMs = performance.now() - began;
        return outcome;
      },
      discard: (discarded) => {
        const target = host.get(config.functionName).config;
        const what = `${discarded.items.length} records of ${shardId} given up: ${discarded.condition}`;
        kernel.log.warn(
          `${config.functionName}: ${what}${config.onFailureArn ? "" : " (no failure destination: lost, as on AWS)"}`,
        );
        return deliverDiscarded(kernel, config, target.arn, host.principalOf(target), discarded);
      },
      onCheckpoint: (sequence) => this.checkpoints.move(config.uuid, shardId, sequence),
      onProblem: (problem) => (problem === undefined ? this.status.ok() : this.status.problem(problem)),
    });
  }

  /** False while the role may not read the stream; looks again after a while. */
  private mayRead(): boolean {
    try {
      this.authorize();
      return true;
    } catch (error) {
      this.status.problem(error instanceof Error ? error.message : String(error));
      this.recheck ??= this.pauses.pause(recheck.longest).then(() => {
        this.recheck = undefined;
        this.pump();
      });
      return false;
    }
  }

  private async readable(): Promise<ShardedLog | undefined> {
    for (let wait = recheck.first; !this.stopped; wait = Math.min(recheck.longest, wait * 2)) {
      const problem = this.obstacle();
      if (problem === undefined) return this.kernel.logs.get(this.config.sourceArn);
      // A role's policy may come a moment after the mapping: only what stays is worth a warning.
      if (wait > recheck.first) this.status.problem(problem);
      await this.pauses.pause(wait);
    }
    return undefined;
  }

  private obstacle(): string | undefined {
    if (!this.kernel.logs.has(this.config.sourceArn)) return `Stream ${this.config.sourceArn} does not exist.`;
    try {
      this.authorize();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  private authorize(): void {
    const { kind, sourceArn, functionName } = this.config;
    const principal: Principal = this.host.principalOf(this.host.get(functionName).config);
    if (this.config.kafka) {
      for (const required of kafkaPermissions(sourceArn, this.config.kafka)) {
        this.kernel.authorize(principal, required, required.action.replace(/^.*:/, ""));
      }
      return;
    }
    for (const action of requiredActions[kind === "kinesis" ? "kinesis" : "dynamodb"]) {
      this.kernel.authorize(principal, { action: `${kind}:${action}`, resource: sourceArn }, action);
    }
  }

  private async position(log: ShardedLog, shardId: string): Promise<string | undefined> {
    const { uuid, startingPosition, startingTimestamp } = this.config;
    const known = this.checkpoints.get(uuid, shardId);
    if (known) return known.after ?? undefined;
    let after: string | undefined;
    if (startingPosition === "LATEST") after = log.newest(shardId);
    if (startingPosition === "AT_TIMESTAMP") after = log.before(shardId, startingTimestamp ?? 0);
    await this.checkpoints.begin(uuid, shardId, after);
    return after;
  }

  private hasRecords(): boolean {
    const log = this.kernel.logs.get(this.config.sourceArn);
    return (
      log?.shards().some((shardId) => {
        const newest = log.newest(shardId);
        const after = this.checkpoints.get(this.config.uuid, shardId)?.after;
        return newest !== undefined && newest !== after;
      }) ?? false
    );
  }
}
