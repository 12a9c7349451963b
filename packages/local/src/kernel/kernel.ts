import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Credentials } from "./credentials";
import { AwsError, NotSupportedLocally } from "./errors";
import { Faults } from "./faults";
import { Foreground } from "./foreground";
import { Metrics } from "./metrics";
import { localAccountId, type Place } from "./naming";
import { Store } from "./store";
import {
  type Activity,
  type AwsService,
  type LambdaHost,
  type Principal,
  type RequiredPermission,
  type Resource,
  rootPrincipal,
  type ShardedLog,
} from "./types";
import { VersionedMap } from "./versioned-map";

/** Decides whether a principal may do what a call needs; throws `AccessDeniedException` in AWS's words where not. */
export interface Authorizer {
  check(principal: Principal, required: RequiredPermission, operation: string): void;
}

export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

export interface KernelOptions {
  /** The data folder, absolute. */
  readonly dataDir: string;
  readonly region?: string;
  /** Base port: the AWS endpoint; HTTP APIs follow on the next ones. 0 or undefined: the system picks, and it is kept. */
  readonly port?: number;
  readonly log?: Logger;
  /** Milliseconds since the epoch; tests pass their own clock. */
  readonly now?: () => number;
  /**
   * Waits of Step Functions above one second take this share of their time. Default: what `TRIBUTARY_TIME_SCALE` says, or
   * 1/60: a minute is a second.
   */
  readonly timeScale?: number;
  /** Whether schedules (EventBridge rules, Scheduler) fire. Default true. */
  readonly schedules?: boolean;
  /** What goes wrong on purpose. Default: what `TRIBUTARY_FAULTS` says. */
  readonly faults?: Faults;
}

/**
 * What every realiser and service stands on: the store, the registry of services and resources, the one way to call an
 * API (permission first), wake-ups, and the list of work in progress. Knows no AWS service itself.
 */
export class Kernel {
  readonly place: Place;
  readonly store: Store;
  readonly metrics = new Metrics();
  readonly foreground = new Foreground();
  /** Which role an access key id stands for. */
  readonly credentials = new Credentials();
  readonly log: Logger;
  readonly now: () => number;
  /** Set in tests only. */
  readonly faults: Faults | undefined;
  /** Kinesis and DynamoDB streams by ARN. */
  readonly logs = new Map<string, ShardedLog>();
  /** Every resource of the stack that exists, by URN, in creation order. */
  readonly resources = new VersionedMap<string, Resource>();
  /** While resources of an earlier run come back one by one: what is not there yet is only not there yet. */
  restoring = false;
  /** Set while the runtime is up. */
  lambda!: LambdaHost;
  authorizer: Authorizer | undefined;
  /** `http://127.0.0.1:<port>` of the AWS endpoint, set once it listens. */
  awsEndpoint = "";
  private readonly services = new Map<string, AwsService>();
  private readonly activities = new Set<Activity>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly closers: (() => Promise<void> | void)[] = [];

  constructor(readonly options: KernelOptions) {
    this.place = { accountId: localAccountId, region: options.region ?? "us-east-1" };
    this.log = options.log ?? { debug() {}, info() {}, warn() {} };
    this.now = options.now ?? Date.now;
    this.faults = options.faults ?? Faults.parse(process.env.TRIBUTARY_FAULTS);
    this.store = Store.open(this.folder("store"), { fullAfter: this.faults?.plan.diskFullAfter });
  }

  /** A folder inside the data folder, made on first use. */
  folder(...parts: string[]): string {
    const path = join(this.options.dataDir, ...parts);
    mkdirSync(path, { recursive: true });
    return path;
  }

  register(service: AwsService): void {
    this.services.set(service.name, service);
  }

  service(name: string): AwsService | undefined {
    return this.services.get(name);
  }

  /** Calls an AWS API: `call("kinesis", "PutRecords", input)`. Permissions are checked for everyone but root. */
  async call<O = Record<string, unknown>>(
    service: string,
    operation: string,
    input: object,
    principal: Principal = rootPrincipal,
  ): Promise<O> {
    const target = this.services.get(service);
    const run = target?.operations[operation];
    if (!target || !run) {
      throw new NotSupportedLocally(
        `${service}.${operation}`,
        "The embedded runtime does not do this call; see docs/local.md for what it does.",
      );
    }
    if (principal.kind !== "root") {
      for (const required of target.permissions(operation, input as never))
        this.authorize(principal, required, operation);
    }
    const faults = principal.kind === "role" ? this.faults : undefined;
    faults?.beforeCall(service);
    const output = (await run.call(target.operations, input as never, { principal, requestId: randomUUID() })) as O;
    faults?.afterCall();
    return output;
  }

  authorize(principal: Principal, required: RequiredPermission, operation: string): void {
    if (principal.kind === "root") return;
    if (!this.authorizer) throw new AwsError("AccessDeniedException", "no authorizer is set", { status: 403 });
    this.authorizer.check(principal, required, operation);
  }

  /** Tells whoever waits on a topic (usually an ARN) that there is something new. Never loses data: only a hint. */
  wake(topic: string): void {
    for (const listener of this.listeners.get(topic) ?? []) listener();
  }

  /** Returns the function that stops listening. */
  onWake(topic: string, listener: () => void): () => void {
    const listeners = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Registers work in progress; returns the function that takes it back. */
  track(activity: Activity): () => void {
    this.activities.add(activity);
    return () => this.activities.delete(activity);
  }

  /** Units of work in progress by activity, without the idle ones. */
  pending(): Record<string, number> {
    const result: Record<string, number> = {};
    for (const activity of this.activities) {
      const count = activity.pending();
      if (count > 0) result[activity.name] = (result[activity.name] ?? 0) + count;
    }
    return result;
  }

  /** Makes waiting work due now: buffers are written, batching windows cut short. */
  async flush(): Promise<void> {
    for (const activity of [...this.activities]) if (activity.pending() > 0) await activity.flush?.();
  }

  /**
   * Waits until every stream, queue and buffer is empty, with each buffer flushed on the way. `onProgress` gets what is
   * pending. Rejects after `timeoutMs` with what was still pending.
   */
  async quiesce(
    options: { timeoutMs?: number; onProgress?: (pending: Record<string, number>) => void } = {},
  ): Promise<void> {
    const deadline = Date.now() + (options.timeoutMs ?? 600_000);
    let quiet = 0;
    while (quiet < 3) {
      await this.flush();
      const pending = this.pending();
      options.onProgress?.(pending);
      quiet = Object.keys(pending).length === 0 ? quiet + 1 : 0;
      if (Date.now() > deadline) {
        throw new AwsError("TimeoutException", `still at work: ${JSON.stringify(pending)}`, { status: 503 });
      }
      await new Promise((resolve) => setTimeout(resolve, quiet > 0 ? 5 : 25));
    }
  }

  /** Runs at `close`, last registered first. */
  onClose(closer: () => Promise<void> | void): void {
    this.closers.push(closer);
  }

  async close(): Promise<void> {
    for (const closer of this.closers.reverse()) await closer();
    await this.store.close();
  }
}
