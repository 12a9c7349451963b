import { Worker } from "node:worker_threads";
import type { CustomerEvent, Json } from "@tributary/model";
import type { CallbackAnswer, CallbackPort } from "../../domain/callback";
import { callbackWorker } from "./callback-worker";

export interface CallbackLimits {
  /** A call that lets nothing else run for so long is given up, in milliseconds. */
  readonly blockedMs: number;
  /** A promise that does not settle for so long is given up, in milliseconds. */
  readonly awaitMs: number;
}

type WorkerAnswer = Exclude<CallbackAnswer, { kind: "gave" }> | { readonly kind: "gave"; readonly text?: string };

interface Message {
  readonly ready?: true;
  readonly answers?: readonly (readonly [number, WorkerAnswer])[];
  readonly end?: true;
}

/** How a thread ended before it answered everything. */
interface Grief {
  readonly detail: string;
  /** Index of the call that was under way; undefined where none was: it came to grief between two of a callback's awaits. */
  readonly culprit: number | undefined;
}

/** Half of the function's memory: a callback that fills it ends its thread, not the function. */
const halfOfMemory = () => Math.floor(Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 1024) / 2);

class Thread {
  private readonly beat = new Int32Array(new SharedArrayBuffer(8));
  private readonly worker: Worker;
  private readonly ready: Promise<void>;
  private ended: string | undefined;
  private onMessage: (message: Message) => void = () => {};
  private onEnd: (detail: string) => void = () => {};

  constructor(
    file: string,
    private readonly limits: CallbackLimits,
  ) {
    const heapMb = halfOfMemory();
    this.worker = new Worker(callbackWorker, {
      eval: true,
      execArgv: [],
      workerData: { file, beat: this.beat, awaitMs: limits.awaitMs },
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    this.ready = new Promise((resolve, reject) => {
      this.worker.on("message", (message: Message) => (message.ready ? resolve() : this.onMessage(message)));
      this.worker.on("error", (error: NodeJS.ErrnoException) => {
        reject(error);
        const memory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
        this.end(
          memory ? `took more than ${heapMb} MB of memory` : `ended its thread: ${error.name}: ${error.message}`,
        );
      });
      this.worker.on("exit", (code) => {
        reject(new Error(`the callback's thread ended with ${code} while it was loaded`));
        this.end(`ended its thread with process.exit(${code})`);
      });
    });
    // The function ends when its handler is done, not when this thread is. After the listeners, which would hold it again.
    this.worker.unref();
    this.ready.catch(() => undefined); // Whoever runs something hears of it.
  }

  get alive(): boolean {
    return this.ended === undefined;
  }

  /** @throws what the callback's module throws while it is loaded: a fault of the deployment, not of an event. */
  async run(
    texts: readonly string[],
    answered: (index: number, answer: CallbackAnswer) => void,
  ): Promise<Grief | undefined> {
    await this.ready;
    return await new Promise((resolve) => {
      let pulse = -1;
      let since = Date.now();
      const watch = setInterval(() => {
        const now = Atomics.load(this.beat, 0);
        if (now !== pulse) {
          pulse = now;
          since = Date.now();
        } else if (Date.now() - since > this.limits.blockedMs) {
          this.end(`did not come back within ${this.limits.blockedMs / 1000} s (an endless loop?)`);
          void this.worker.terminate();
        }
      }, 100);
      this.onEnd = (detail) => {
        clearInterval(watch);
        const call = Atomics.load(this.beat, 1);
        resolve({ detail, culprit: call > 0 ? call - 1 : undefined });
      };
      this.onMessage = ({ answers = [], end }) => {
        for (const [index, answer] of answers) answered(index, parsed(answer));
        if (!end) return;
        clearInterval(watch);
        this.onEnd = () => {};
        resolve(undefined);
      };
      if (this.ended !== undefined) this.onEnd(this.ended);
      else this.worker.postMessage(texts);
    });
  }

  private end(detail: string): void {
    if (this.ended !== undefined) return;
    this.ended = detail;
    this.onEnd(detail);
  }
}

function parsed(answer: WorkerAnswer): CallbackAnswer {
  if (answer.kind !== "gave") return answer;
  return { kind: "gave", value: answer.text === undefined ? undefined : (JSON.parse(answer.text) as Json) };
}

/**
 * Runs the user's callback in a thread of its own, all events of a batch at once. A call that never comes back, ends the
 * process or fills the memory costs its own event only: the thread is ended and a new one goes on with the others. Without
 * it, only the function's timeout would end an endless loop, and the event source mapping would halve the batch nine times,
 * each half waiting for that timeout, before the one record is found.
 */
export function callbackThread(file: string, limits: CallbackLimits): CallbackPort {
  let thread: Thread | undefined = new Thread(file, limits);
  return {
    async run(events: readonly CustomerEvent[], until: number): Promise<readonly CallbackAnswer[]> {
      const texts = events.map((event) => JSON.stringify(event));
      const answers = new Map<number, CallbackAnswer>();
      let open = [...events.keys()];
      // Set once a thread came to grief and nobody knows by whom: then one after the other, until it is known.
      let alone = false;
      while (open.length > 0 && (answers.size === 0 || Date.now() < until)) {
        const group: readonly number[] = alone ? open.slice(0, 1) : open;
        if (!thread?.alive) thread = new Thread(file, limits);
        const grief: Grief | undefined = await thread.run(
          group.map((index) => texts[index] ?? ""),
          (place, answer) => answers.set(group[place] ?? -1, answer),
        );
        if (grief) {
          const culprit = group.length === 1 ? group[0] : group[grief.culprit ?? group.length];
          alone = culprit === undefined;
          if (culprit !== undefined) answers.set(culprit, { kind: "stuck", detail: grief.detail });
        }
        open = open.filter((index) => !answers.has(index));
      }
      return events.map((_, index) => answers.get(index) ?? { kind: "later" });
    },
  };
}
