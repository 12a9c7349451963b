import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Environment, Outcome } from "./environment";
import type { HandlerError } from "./worker/protocol";

/**
 * A waiting invocation starts another environment when none became free for so long; a cold start costs more. Once there
 * is one for each processor, and one that waits, only work that waits for something else gains by more of them.
 */
const patienceMs = { few: 15, many: 250 };
const few = availableParallelism() + 1;
/** An environment that did nothing for so long is stopped: one of several sooner, as each takes some 40 MB. */
const idleLimitMs = { spare: 15_000, last: 120_000 };
const sweepMs = 5_000;

const stopped: HandlerError = { errorType: "Sandbox.Stopped", errorMessage: "The function was stopped" };

interface Job {
  readonly event: string;
  /** On the clock of `performance.now`. */
  readonly since: number;
  readonly resolve: (outcome: Outcome) => void;
}

export interface PoolOptions {
  /** Most environments at a time. */
  readonly size: number;
  readonly timeoutMs: number;
  create(): Environment;
}

/**
 * The execution environments of one function: warm ones are used again, the most recently used first; more are started,
 * one at a time, only while work waits.
 */
export class EnvironmentPool {
  private readonly idle: Environment[] = [];
  private readonly all = new Set<Environment>();
  private readonly waiting: Job[] = [];
  private starting = 0;
  private growth: NodeJS.Timeout | undefined;
  private readonly sweep: NodeJS.Timeout;
  private retired = false;
  private drained: (() => void) | undefined;
  private busy = 0;

  constructor(private readonly options: PoolOptions) {
    this.sweep = setInterval(() => this.stopIdle(), sweepMs);
    this.sweep.unref();
  }

  /** Invocations that run or wait. */
  get load(): number {
    return this.busy + this.waiting.length;
  }

  run(event: string): Promise<Outcome> {
    if (this.retired) return Promise.resolve({ error: stopped });
    return new Promise((resolve) => {
      const job = { event, since: performance.now(), resolve };
      const environment = this.takeIdle();
      if (environment) void this.execute(environment, job);
      else {
        this.waiting.push(job);
        this.grow(this.all.size === 0);
      }
    });
  }

  /** Stops the environments as soon as what runs and waits has ended, and resolves then. */
  async retire(graceMs: number): Promise<void> {
    this.retired = true;
    clearInterval(this.sweep);
    if (this.load > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        this.drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    clearTimeout(this.growth);
    await Promise.all([...this.all].map((environment) => environment.stop()));
    for (const job of this.waiting.splice(0)) job.resolve({ error: stopped });
  }

  private takeIdle(): Environment | undefined {
    for (let environment = this.idle.pop(); environment; environment = this.idle.pop()) {
      if (environment.alive) return environment;
      this.all.delete(environment);
    }
    return undefined;
  }

  private async execute(environment: Environment, job: Job): Promise<void> {
    this.busy += 1;
    const outcome = await environment.invoke(randomUUID(), job.event, this.options.timeoutMs);
    this.busy -= 1;
    job.resolve(outcome);
    this.release(environment);
  }

  private release(environment: Environment): void {
    if (!environment.alive) {
      this.all.delete(environment);
      if (this.waiting.length > 0) this.grow(true);
    } else {
      const next = this.waiting.shift();
      if (next) void this.execute(environment, next);
      else {
        environment.idleSince = Date.now();
        this.idle.push(environment);
      }
    }
    if (this.load === 0) this.drained?.();
  }

  private grow(atOnce: boolean): void {
    if (this.all.size >= this.options.size || this.starting >= this.waiting.length) return;
    if (atOnce) this.start();
    else this.growth ??= setTimeout(() => this.growWherePatienceEnds(), this.patienceMs);
  }

  private get patienceMs(): number {
    return this.all.size < few ? patienceMs.few : patienceMs.many;
  }

  private growWherePatienceEnds(): void {
    this.growth = undefined;
    const [oldest] = this.waiting;
    if (!oldest) return;
    this.grow(performance.now() - oldest.since >= this.patienceMs);
    this.grow(false);
  }

  private start(): void {
    const environment = this.options.create();
    this.all.add(environment);
    this.starting += 1;
    environment.ready.then(
      () => {
        this.starting -= 1;
        this.release(environment);
      },
      (error: HandlerError) => {
        this.starting -= 1;
        this.all.delete(environment);
        // As on Lambda: a function that can not be loaded fails the invocation that waited for it.
        this.waiting.shift()?.resolve({ error });
        if (this.waiting.length > 0) this.grow(true);
        if (this.load === 0) this.drained?.();
      },
    );
  }

  private stopIdle(): void {
    for (;;) {
      const limit = this.all.size > 1 ? idleLimitMs.spare : idleLimitMs.last;
      const [environment] = this.idle;
      if (!environment || environment.idleSince >= Date.now() - limit) return;
      this.idle.shift();
      this.all.delete(environment);
      void environment.stop();
    }
  }
}
