import { z } from "zod";
import { AwsError, LocalRuntimeError } from "./errors";

const share = z.number().min(0).max(1).default(0);

/** What goes wrong, and how often: shares from 0 to 1. Everything is left alone that is not named. */
const faultPlan = z.strictObject({
  /** The same seed draws the same numbers; which call gets which depends on timing. */
  seed: z.number().int().default(1),
  /** Of the records of a `PutRecords` call: refused with `ProvisionedThroughputExceededException`, the others are taken. */
  partial: share,
  /** Of the calls that functions make: refused before anything is done. */
  throttle: share,
  /** Of the calls that functions make: done, and the answer is lost. */
  lost: share,
  /** Of the batches of a stream: the function fails without having run. */
  crash: share,
  /** Of the batches of a stream: the function runs, and its answer is lost. */
  redeliver: share,
  /** Of the batches of a stream: an earlier batch comes once more behind them, as after a lost checkpoint. */
  reorder: share,
  /** Of the batches of a stream: come late, by up to `slowMs`. */
  slow: share,
  slowMs: z.number().min(0).default(200),
  /** A shard takes 1 MiB and 1,000 records a second, as on AWS. */
  shardLimits: z.boolean().default(false),
  /** The disk is full behind so many commits of the store. */
  diskFullAfter: z.number().int().min(0).optional(),
});
export type FaultPlan = z.infer<typeof faultPlan>;

/** What a batch's function came to, as the Lambda host tells it. */
interface Delivered {
  readonly json?: string | undefined;
  readonly error?: { readonly errorType: string; readonly errorMessage: string } | undefined;
}

/** Batches that `reorder` chooses from. */
const remembered = 4;

/**
 * Faults on purpose, for tests: what AWS does on a bad day. Set by `TRIBUTARY_FAULTS`, a JSON object
 * (`{"seed":7,"partial":0.05}`).
 */
export class Faults {
  private state: number;
  private readonly earlier: string[] = [];

  constructor(readonly plan: FaultPlan) {
    this.state = plan.seed >>> 0;
  }

  /** @throws LocalRuntimeError where the text is no plan */
  static parse(text: string | undefined): Faults | undefined {
    if (!text) return undefined;
    try {
      return new Faults(faultPlan.parse(JSON.parse(text)));
    } catch (error) {
      const why =
        error instanceof z.ZodError
          ? error.issues.map(({ path, message }) => `${path.join(".") || "(root)"}: ${message}`).join("; ")
          : (error as Error).message;
      const remedy = `It is a JSON object of ${Object.keys(faultPlan.shape).join(", ")}, such as {"seed":7,"partial":0.05}.`;
      throw new LocalRuntimeError(`TRIBUTARY_FAULTS is no plan of faults: ${why}`, remedy);
    }
  }

  /** Whether what happens so often happens now. */
  chance(how: number): boolean {
    return how > 0 && this.next() < how;
  }

  /** Before a function's call. @throws AwsError where it is refused */
  beforeCall(service: string): void {
    if (!this.chance(this.plan.throttle)) return;
    if (service === "s3") throw new AwsError("SlowDown", "Please reduce your request rate.", { status: 503 });
    const code = service === "dynamodb" ? "ProvisionedThroughputExceededException" : "ThrottlingException";
    throw new AwsError(code, "Rate exceeded (a fault on purpose)");
  }

  /** After a function's call was done. @throws AwsError where its answer is lost */
  afterCall(): void {
    if (!this.chance(this.plan.lost)) return;
    throw new AwsError("InternalServerError", "The answer was lost (a fault on purpose)", { status: 500 });
  }

  /** Brings a batch of a stream to its function, or not. */
  async deliver<T extends Delivered>(event: string, run: (event: string) => Promise<T>): Promise<T> {
    const { slow, slowMs, crash, redeliver, reorder } = this.plan;
    const failed = (why: string) =>
      ({ error: { errorType: "Sandbox.Fault", errorMessage: `${why} (on purpose)` } }) as T;
    if (this.chance(slow)) await new Promise((resolve) => setTimeout(resolve, this.next() * slowMs));
    if (this.chance(crash)) return failed("The function failed before it ran");
    const outcome = await run(event);
    if (this.chance(reorder)) {
      const again = this.earlier[Math.floor(this.next() * this.earlier.length)];
      if (again !== undefined) await run(again);
    }
    this.earlier.push(event);
    if (this.earlier.length > remembered) this.earlier.shift();
    return this.chance(redeliver) ? failed("The function's answer was lost") : outcome;
  }

  /** A number in [0, 1) (mulberry32). */
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
}
