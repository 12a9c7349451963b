import { z } from "zod";
import { AwsError, NotSupportedLocally } from "../../kernel";
import type { SubscriptionRow } from "./topics";

const redrive = z.object({ deadLetterTargetArn: z.string() });

/** The queue of a redrive policy, given as JSON text or as an object. */
export function deadLetterOf(policy: unknown): string | undefined {
  if (policy === undefined || policy === "") return undefined;
  let value = policy;
  try {
    if (typeof policy === "string") value = JSON.parse(policy);
  } catch {
    throw new AwsError("InvalidParameterException", "Invalid parameter: RedrivePolicy: failed to parse JSON");
  }
  const parsed = redrive.safeParse(value);
  if (parsed.success) return parsed.data.deadLetterTargetArn;
  throw new AwsError("InvalidParameterException", "Invalid parameter: RedrivePolicy: deadLetterTargetArn is missing");
}

/** A subscription with attributes of the API set. @throws NotSupportedLocally for one that means nothing here */
export function withAttributes(row: SubscriptionRow, attributes: Readonly<Record<string, string>>): SubscriptionRow {
  let next = row;
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "RawMessageDelivery") next = { ...next, raw: value === "true" };
    else if (name === "FilterPolicyScope") {
      next = { ...next, filterScope: value === "MessageBody" ? "MessageBody" : "MessageAttributes" };
    } else if (name === "FilterPolicy") {
      const { filterPolicy: _old, ...rest } = next;
      next = value === "" || value === "{}" ? rest : { ...rest, filterPolicy: value };
    } else if (name === "RedrivePolicy") {
      const { deadLetterArn: _old, ...rest } = next;
      const deadLetterArn = deadLetterOf(value);
      next = deadLetterArn ? { ...rest, deadLetterArn } : rest;
    } else throw new NotSupportedLocally(`sns subscription attribute ${name}`);
  }
  return next;
}

export function attributesOf(row: SubscriptionRow, accountId: string): Record<string, string> {
  return {
    SubscriptionArn: row.arn,
    TopicArn: row.topicArn,
    Protocol: row.protocol,
    Endpoint: row.endpoint,
    Owner: accountId,
    RawMessageDelivery: String(row.raw),
    PendingConfirmation: "false",
    ...(row.filterPolicy && { FilterPolicy: row.filterPolicy, FilterPolicyScope: row.filterScope }),
    ...(row.deadLetterArn && { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: row.deadLetterArn }) }),
  };
}
