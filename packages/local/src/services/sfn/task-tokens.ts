import { randomUUID } from "node:crypto";
import type { Json } from "@tributary/model";
import { AwsError, type Kernel } from "../../kernel";
import { abortion } from "./clock";
import { StateError } from "./state-error";

type Outcome = { readonly output: Json } | { readonly error: string; readonly cause: string };

interface TokenRow {
  readonly machineArn: string;
  readonly outcome?: Outcome;
  /** Nobody waits for it any more. */
  readonly closed?: boolean;
}

/** Tokens of tasks that wait for `SendTaskSuccess` or `SendTaskFailure`. What was sent is durable before it is answered. */
export class TaskTokens {
  private readonly rows;
  private readonly beats = new Map<string, number>();

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<TokenRow>("sfn.taskTokens");
  }

  async issue(machineArn: string): Promise<string> {
    const token = Buffer.from(`${randomUUID()}${randomUUID()}`).toString("base64url");
    await this.put(token, { machineArn });
    return token;
  }

  /** The machine that a token is of, for permissions; any where there is no such token. */
  machineOf(token: string): string {
    return this.rows.get(token)?.machineArn ?? "*";
  }

  async settle(token: string, outcome: Outcome): Promise<void> {
    const row = this.open(token);
    await this.put(token, { ...row, outcome });
    this.kernel.wake(topic(token));
  }

  beat(token: string): void {
    this.open(token);
    this.beats.set(token, performance.now());
  }

  /**
   * What was sent for a token.
   *
   * @param heartbeatSeconds how long there may be between two heartbeats
   * @throws `States.HeartbeatTimeout`, or what `SendTaskFailure` said
   */
  async wait(token: string, heartbeatSeconds: number | undefined, signal: AbortSignal): Promise<Json> {
    const aborted = abortion(signal);
    let [timer, forget]: [NodeJS.Timeout | undefined, () => void] = [undefined, () => {}];
    this.beats.set(token, performance.now());
    try {
      const outcome = await Promise.race([
        aborted.promise,
        new Promise<Outcome>((resolve, reject) => {
          const look = () => {
            const sent = this.rows.get(token)?.outcome;
            if (sent) resolve(sent);
          };
          forget = this.kernel.onWake(topic(token), look);
          look();
          const check = () => {
            const limit = (heartbeatSeconds ?? 0) * 1000;
            const left = limit - (performance.now() - (this.beats.get(token) ?? 0));
            if (left > 0) timer = setTimeout(check, left);
            else reject(new StateError("States.HeartbeatTimeout", `no heartbeat in ${heartbeatSeconds} seconds`));
          };
          if (heartbeatSeconds !== undefined) check();
        }),
      ]);
      if ("output" in outcome) return outcome.output;
      throw new StateError(outcome.error, outcome.cause);
    } finally {
      clearTimeout(timer);
      forget();
      aborted.release();
      this.beats.delete(token);
    }
  }

  /** A token that was waited for in vain, or whose answer was taken. */
  async close(token: string): Promise<void> {
    const row = this.rows.get(token);
    if (row) await this.put(token, { ...row, closed: true });
  }

  private open(token: string): TokenRow {
    const row = this.rows.get(token);
    if (!row) throw new AwsError("InvalidToken", "Invalid Token: 'Invalid token'");
    if (row.closed || row.outcome)
      throw new AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
    return row;
  }

  private async put(token: string, row: TokenRow): Promise<void> {
    await this.kernel.store.write(() => this.rows.put(token, row));
  }
}

const topic = (token: string): string => `sfn.token.${token}`;
