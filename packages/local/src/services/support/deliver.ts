import { AwsError, type Kernel, NotSupportedLocally, parseArn } from "../../kernel";
import type { Delivery } from "./outbox";

/** Hands one message to the resource that an ARN names, as the principal of the delivery. */
export async function deliver(kernel: Kernel, delivery: Delivery): Promise<void> {
  const { targetArn, payload, principal, options = {} } = delivery;
  const arn = parseArn(targetArn);
  if (!arn) throw new AwsError("ValidationException", `${targetArn} is not an ARN`);
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  switch (arn.service) {
    case "lambda":
      return await kernel.lambda.invokeAsync(targetArn, payload, principal);
    case "sqs": {
      const input = {
        QueueUrl: queueUrl(kernel, targetArn),
        MessageBody: text,
        ...(options.messageAttributes && { MessageAttributes: options.messageAttributes }),
        ...(options.messageGroupId && { MessageGroupId: options.messageGroupId }),
        ...(options.messageDeduplicationId && { MessageDeduplicationId: options.messageDeduplicationId }),
      };
      await kernel.call("sqs", "SendMessage", input, principal);
      return;
    }
    case "sns": {
      const input = { TopicArn: targetArn, Message: text, ...(options.subject && { Subject: options.subject }) };
      await kernel.call("sns", "Publish", input, principal);
      return;
    }
    case "kinesis": {
      const data = new TextEncoder().encode(text);
      const input = { StreamARN: targetArn, Data: data, PartitionKey: options.partitionKey ?? "default" };
      await kernel.call("kinesis", "PutRecord", input, principal);
      return;
    }
    case "firehose": {
      const input = {
        DeliveryStreamName: arn.resource.replace(/^deliverystream\//, ""),
        Record: { Data: new TextEncoder().encode(text) },
      };
      await kernel.call("firehose", "PutRecord", input, principal);
      return;
    }
    case "events": {
      if (principal.kind === "role") {
        kernel.authorize(principal, { action: "events:PutEvents", resource: targetArn }, "PutEvents");
      }
      await kernel.call("eventbridge", "PutServiceEvent", { EventBusName: arn.resource, Event: payload });
      return;
    }
    case "states":
      await kernel.call("sfn", "StartExecution", { stateMachineArn: targetArn, input: text }, principal);
      return;
    default:
      throw new NotSupportedLocally(`delivery to ${targetArn}`);
  }
}

/** The URL of a queue; the queue service looks only at its path. */
export function queueUrl(kernel: Kernel, queueArn: string): string {
  const arn = parseArn(queueArn);
  if (arn?.service !== "sqs") throw new AwsError("ValidationException", `${queueArn} is not the ARN of a queue`);
  return `${kernel.awsEndpoint || "http://127.0.0.1"}/${arn.accountId}/${arn.resource}`;
}
