import { AwsError, arn, type Kernel, type Table } from "../../../kernel";
import type { Host } from "../host";
import { Checkpoints } from "./checkpoints";
import type { MappingConfig } from "./mapping-config";
import { MappingStatus } from "./mapping-status";
import { QueueMapping } from "./queue-mapping";
import { StreamMapping } from "./stream-mapping";

interface Attached {
  readonly config: MappingConfig;
  readonly status: MappingStatus;
  /** Undefined while the mapping is disabled. */
  worker: StreamMapping | QueueMapping | undefined;
  readonly untrack: () => void;
}

/** Every event source mapping of the stack. */
export class EventSourceMappings {
  private readonly attached = new Map<string, Attached>();
  private readonly checkpoints: Checkpoints;
  /** What `UpdateEventSourceMapping` set, which outlives a restart. */
  private readonly switches: Table<{ readonly enabled: boolean }>;

  constructor(
    private readonly kernel: Kernel,
    private readonly host: Host,
  ) {
    this.checkpoints = new Checkpoints(kernel);
    this.switches = kernel.store.table("lambda.mappings");
  }

  /** Stops every mapping after the batches that run; their checkpoints are on disk then. */
  async close(): Promise<void> {
    await Promise.all([...this.attached.keys()].map((uuid) => this.detach(uuid)));
    await this.checkpoints.settled();
  }

  attach(config: MappingConfig): void {
    const label = `event source mapping ${config.functionName} ← ${config.sourceArn}`;
    const entry: Attached = {
      config,
      status: new MappingStatus(this.kernel, label),
      worker: undefined,
      untrack: this.kernel.track({
        name: `${config.functionName} ← ${config.sourceArn.split(":").slice(5).join(":")}`,
        pending: () => entry.worker?.pending() ?? 0,
        flush: () => entry.worker?.flush(),
      }),
    };
    this.attached.set(config.uuid, entry);
    if (this.switches.get(config.uuid)?.enabled ?? config.enabled) this.start(entry);
  }

  async detach(uuid: string): Promise<void> {
    const entry = this.attached.get(uuid);
    if (!entry) return;
    this.attached.delete(uuid);
    await entry.worker?.stop();
    entry.untrack();
  }

  /** Forgets how far a deleted mapping had read. */
  async destroy(uuid: string): Promise<void> {
    await this.checkpoints.clear(uuid);
    await this.kernel.store.write(() => this.switches.remove(uuid));
  }

  async setEnabled(uuid: string, enabled: boolean): Promise<void> {
    const entry = this.get(uuid);
    await this.kernel.store.write(() => this.switches.put(uuid, { enabled }));
    if (enabled && !entry.worker) this.start(entry);
    if (!enabled) {
      const { worker } = entry;
      entry.worker = undefined;
      await worker?.stop();
    }
  }

  list() {
    return [...this.attached.keys()].map((uuid) => this.describe(uuid));
  }

  /** @throws AwsError `ResourceNotFoundException` */
  describe(uuid: string) {
    const { config, status, worker } = this.get(uuid);
    return {
      UUID: uuid,
      EventSourceArn: config.kafka?.clusterArn ?? config.sourceArn,
      FunctionArn: arn(this.kernel.place, "lambda", `function:${config.functionName}`),
      BatchSize: config.batchSize,
      MaximumBatchingWindowInSeconds: config.windowMs / 1000,
      ParallelizationFactor: config.parallelizationFactor,
      BisectBatchOnFunctionError: config.bisect,
      MaximumRetryAttempts: config.maximumRetries ?? -1,
      MaximumRecordAgeInSeconds: config.maximumAgeMs === undefined ? -1 : config.maximumAgeMs / 1000,
      FunctionResponseTypes: config.reportsItemFailures ? ["ReportBatchItemFailures"] : [],
      State: worker ? "Enabled" : "Disabled",
      StateTransitionReason: "USER_INITIATED",
      LastProcessingResult: status.lastProcessingResult,
    };
  }

  private start(entry: Attached): void {
    const { config, status } = entry;
    entry.worker =
      config.kind === "sqs"
        ? new QueueMapping(this.kernel, this.host, config, status)
        : new StreamMapping(this.kernel, this.host, this.checkpoints, config, status);
  }

  private get(uuid: string): Attached {
    const entry = this.attached.get(uuid);
    if (entry) return entry;
    throw new AwsError("ResourceNotFoundException", `The resource you requested does not exist. (${uuid})`, {
      status: 404,
    });
  }
}
