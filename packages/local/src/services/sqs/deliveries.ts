import { AwsError, type Kernel } from "../../kernel";
import { invalid } from "./message";
import type { Queue, Received } from "./queue";
import type { Queues } from "./queues";
import { decodeReceipt } from "./receipt";

/** The life of a message after it was sent: handed out, hidden, given back, deleted or moved to the dead letters. */
export class Deliveries {
  constructor(
    private readonly kernel: Kernel,
    private readonly queues: Queues,
  ) {}

  /**
   * Hands out up to `max` visible messages and hides them for `visibilitySeconds` (default: the queue's). Those that
   * were received too often go to the dead-letter queue instead, in the same write.
   */
  async receive(queue: Queue, max: number, visibilitySeconds?: number): Promise<Received[]> {
    if (!queue.hasReady()) return [];
    const hidden = visibilitySeconds ?? queue.setting("VisibilityTimeout");
    const policy = queue.redrive;
    const deadLetters = policy && this.queues.byArn(policy.deadLetterTargetArn);
    const now = this.kernel.now();
    const visibleAt = now + hidden * 1000;
    const { received, moved, expired } = await this.kernel.store.write(() => {
      const received: Received[] = [];
      const horizon = now - queue.setting("MessageRetentionPeriod") * 1000;
      let moved = 0;
      let expired = 0;
      // Collected first: handing out changes what is being walked over.
      for (const seq of this.candidates(queue, now, max)) {
        const state = queue.state(seq);
        const message = queue.message(seq);
        if (!state || !message) continue;
        if (message.sentAt < horizon) {
          queue.remove(seq, state);
          expired += 1;
        } else if (policy && deadLetters && state.c >= policy.maxReceiveCount) {
          queue.remove(seq, state);
          deadLetters.append({ ...message, deadLetterSource: queue.arn }, now);
          moved += 1;
        } else if (received.length < max) {
          const next = { ...state, v: visibleAt, c: state.c + 1, f: state.f ?? now };
          queue.setState(seq, state, next);
          received.push({ seq, state: next, message });
        }
      }
      return { received, moved, expired };
    });
    queue.depth -= moved + expired;
    if (deadLetters && moved > 0) {
      deadLetters.depth += moved;
      deadLetters.notify(true);
    }
    queue.notify(received.length === 0 && moved + expired > 0, received.length > 0 ? visibleAt : undefined);
    return received;
  }

  /** Deletes a delivered message. One that was received again since is left to its new receiver. */
  async delete(queue: Queue, handle: unknown): Promise<void> {
    const receipt = decodeReceipt(queue.name, handle);
    const now = this.kernel.now();
    const deleted = await this.kernel.store.write(() => {
      const state = queue.state(receipt.seq);
      if (!state || state.c !== receipt.count) return false;
      if (queue.fifo && state.v <= now) {
        throw invalid(
          `Value ${String(handle)} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
        );
      }
      queue.remove(receipt.seq, state);
      return true;
    });
    if (!deleted) return;
    queue.depth -= 1;
    // In a FIFO queue the next message of the group is free now.
    if (queue.fifo) queue.notify(true);
  }

  /** Hides a message in flight for `seconds` from now on; 0 gives it back at once. */
  async changeVisibility(queue: Queue, handle: unknown, seconds: unknown): Promise<void> {
    const receipt = decodeReceipt(queue.name, handle);
    if (typeof seconds !== "number" || !Number.isInteger(seconds) || seconds < 0 || seconds > 43_200) {
      throw invalid(
        `Value ${String(seconds)} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.`,
      );
    }
    const now = this.kernel.now();
    const visibleAt = now + seconds * 1000;
    await this.kernel.store.write(() => {
      const state = queue.state(receipt.seq);
      if (!state) {
        throw invalid(
          `Value ${String(handle)} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
        );
      }
      if (state.c !== receipt.count || state.v <= now) {
        throw new AwsError("MessageNotInflight", "The specified message isn't in flight.");
      }
      queue.setState(receipt.seq, state, { ...state, v: visibleAt });
    });
    queue.notify(seconds === 0, seconds === 0 ? undefined : visibleAt);
  }

  /** Drops what is past its queue's retention. */
  async expire(): Promise<void> {
    const now = this.kernel.now();
    for (const queue of this.queues.list()) {
      const horizon = now - queue.setting("MessageRetentionPeriod") * 1000;
      const old: number[] = [];
      for (const { seq } of queue.all()) {
        const message = queue.message(seq);
        // Sent times grow with the numbers, except for what came from another queue.
        if (message && message.sentAt >= horizon && !message.deadLetterSource) break;
        if (message && message.sentAt < horizon) old.push(seq);
      }
      const removed = await this.kernel.store.write(() => {
        if (queue.fifo) queue.forgetDuplicates(now);
        let count = 0;
        for (const seq of old) {
          const state = queue.state(seq);
          if (!state) continue;
          queue.remove(seq, state);
          count += 1;
        }
        return count;
      });
      queue.depth -= removed;
    }
  }

  /** Moves every message of a dead-letter queue to where it came from, or to `destination`; returns how many. */
  async moveAll(source: Queue, destination: Queue | undefined): Promise<number> {
    const targets = new Set<Queue>();
    const now = this.kernel.now();
    const moves = await this.kernel.store.write(() => {
      const moves: Queue[] = [];
      for (const { seq, state } of [...source.all()]) {
        const message = source.message(seq);
        if (!message || state.v > now) continue;
        const target = destination ?? this.queues.byArn(message.deadLetterSource ?? "");
        if (!target) continue;
        const { deadLetterSource: _, ...plain } = message;
        source.remove(seq, state);
        target.append(plain, now);
        moves.push(target);
      }
      return moves;
    });
    source.depth -= moves.length;
    for (const target of moves) {
      target.depth += 1;
      targets.add(target);
    }
    for (const target of targets) target.notify(true);
    return moves.length;
  }

  /** Enough visible messages to hand out `max`, and all that stand before them and will not be handed out. */
  private candidates(queue: Queue, now: number, max: number): number[] {
    const result: number[] = [];
    const limit = queue.redrive?.maxReceiveCount ?? Number.POSITIVE_INFINITY;
    let usable = 0;
    for (const seq of queue.ready(now)) {
      result.push(seq);
      if ((queue.state(seq)?.c ?? 0) < limit) usable += 1;
      if (usable >= max || result.length >= max + 1000) break;
    }
    return result;
  }
}
