import { type Kernel, NotSupportedLocally, type Principal, parseArn } from "../../kernel";

/**
 * Sends a JSON document to a destination or dead-letter target by its ARN, with the rights of the function's role.
 * @throws AwsError what the target says; NotSupportedLocally for kinds of target that AWS does not name
 */
export async function sendTo(
  kernel: Kernel,
  targetArn: string,
  body: string,
  principal: Principal,
  attributes: Readonly<Record<string, string>> = {},
): Promise<void> {
  const target = parseArn(targetArn);
  const MessageAttributes = Object.fromEntries(
    Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
  );
  switch (target?.service) {
    case "sqs": {
      const QueueUrl = `${kernel.awsEndpoint || "http://127.0.0.1"}/${target.accountId}/${target.resource}`;
      await kernel.call("sqs", "SendMessage", { QueueUrl, MessageBody: body, MessageAttributes }, principal);
      return;
    }
    case "sns":
      await kernel.call("sns", "Publish", { TopicArn: targetArn, Message: body, MessageAttributes }, principal);
      return;
    case "lambda":
      await kernel.lambda.invokeAsync(targetArn, JSON.parse(body), principal);
      return;
    case "events": {
      const entry = {
        Source: "lambda",
        DetailType: "Lambda Function Invocation Result",
        Detail: body,
        EventBusName: targetArn,
      };
      await kernel.call("eventbridge", "PutEvents", { Entries: [entry] }, principal);
      return;
    }
    default:
      throw new NotSupportedLocally(
        `lambda destination ${targetArn}`,
        "Use a queue, a topic, a function or an event bus.",
      );
  }
}
