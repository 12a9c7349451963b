import { AwsError, type Kernel, type Principal } from "../../../kernel";
import { type QueueHandle, queueByArn, type SqsEventRecord } from "../../sqs";

/** What Lambda's poller needs of the function's role. Source: "Using Lambda with Amazon SQS", permissions. */
const requiredActions = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];

/** The queue of a mapping, used with the rights of the function's role. */
export class QueueSource {
  constructor(
    private readonly kernel: Kernel,
    private readonly arn: string,
    private readonly principal: () => Principal,
  ) {}

  /** Whether a message can be received now. */
  hasReady(): boolean {
    return queueByArn(this.kernel, this.arn)?.hasReady() ?? false;
  }

  /** The queue, if it is there and the role may consume it. @throws AwsError */
  queue(): QueueHandle {
    const handle = queueByArn(this.kernel, this.arn);
    if (!handle) throw new AwsError("QueueDoesNotExist", `The queue ${this.arn} does not exist.`);
    for (const action of requiredActions) {
      this.kernel.authorize(this.principal(), { action: `sqs:${action}`, resource: this.arn }, action);
    }
    return handle;
  }

  async delete(messages: readonly SqsEventRecord[]): Promise<void> {
    if (messages.length === 0) return;
    await this.queue().delete(messages.map(({ receiptHandle }) => receiptHandle));
  }

  /** Gives messages back to the queue, visible again after `seconds` (which may differ by message). */
  async release(messages: readonly SqsEventRecord[], seconds: (message: SqsEventRecord) => number): Promise<void> {
    const queue = this.queue();
    await Promise.all(messages.map((message) => queue.changeVisibility([message.receiptHandle], seconds(message))));
  }
}
