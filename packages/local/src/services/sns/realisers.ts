import { createHash } from "node:crypto";
import { type Kernel, parseArn, type Realiser, type Resource } from "../../kernel";
import { readPolicy } from "../iam";
import { physicalName, tagOutputs, text } from "../support";
import { deadLetterOf } from "./attributes";
import { type SubscriptionRow, topicsOf } from "./topics";

const topic: Realiser = {
  type: "aws:sns/topic:Topic",
  replaceOn: ["name", "namePrefix", "fifoTopic"],
  compute(resource, kernel, previous) {
    const { inputs, urn } = resource;
    if (inputs.policy !== undefined) readPolicy(inputs.policy, `${urn} policy`);
    const base = physicalName(resource, previous, 256);
    const name = inputs.fifoTopic === true && !base.endsWith(".fifo") ? `${base}.fifo` : base;
    const topicArn = topicsOf(kernel).arnOf(name);
    const { accountId: owner, region } = kernel.place;
    return { id: topicArn, outputs: { name, arn: topicArn, owner, region, ...tagOutputs(inputs) } };
  },
  async attach({ id, inputs, outputs }, kernel) {
    await topicsOf(kernel).saveTopic({
      arn: id,
      name: String(outputs.name),
      fifo: inputs.fifoTopic === true,
      contentBasedDeduplication: inputs.contentBasedDeduplication === true,
      attributes: { DisplayName: text(inputs.displayName) ?? "" },
    });
  },
  async destroy({ id }, kernel) {
    await topicsOf(kernel).removeTopic(id);
  },
};

const topicPolicy: Realiser = {
  type: "aws:sns/topicPolicy:TopicPolicy",
  replaceOn: ["arn"],
  compute({ inputs, urn }) {
    readPolicy(inputs.policy, `${urn} policy`);
    return { id: String(inputs.arn), outputs: { owner: parseArn(String(inputs.arn))?.accountId ?? "" } };
  },
};

function rowOf({ id, inputs }: Resource): SubscriptionRow {
  const filter = inputs.filterPolicy;
  const deadLetterArn = deadLetterOf(inputs.redrivePolicy);
  return {
    arn: id,
    topicArn: String(inputs.topic),
    protocol: String(inputs.protocol) as SubscriptionRow["protocol"],
    endpoint: String(inputs.endpoint),
    raw: inputs.rawMessageDelivery === true,
    filterScope: inputs.filterPolicyScope === "MessageBody" ? "MessageBody" : "MessageAttributes",
    ...(filter !== undefined && { filterPolicy: typeof filter === "string" ? filter : JSON.stringify(filter) }),
    ...(deadLetterArn && { deadLetterArn }),
  };
}

const subscription: Realiser = {
  type: "aws:sns/topicSubscription:TopicSubscription",
  replaceOn: ["topic", "protocol", "endpoint"],
  compute({ urn, inputs }, kernel) {
    const hex = createHash("sha256").update(urn).digest("hex");
    const suffix = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
      "-",
    );
    const subscriptionArn = `${String(inputs.topic)}:${suffix}`;
    const byMail = String(inputs.protocol).startsWith("email");
    return {
      id: subscriptionArn,
      outputs: {
        arn: subscriptionArn,
        ownerId: kernel.place.accountId,
        pendingConfirmation: byMail,
        confirmationWasAuthenticated: !byMail,
        filterPolicyScope: text(inputs.filterPolicyScope) ?? "MessageAttributes",
        region: kernel.place.region,
      },
    };
  },
  async attach(resource, kernel: Kernel) {
    await topicsOf(kernel).saveSubscription(rowOf(resource));
  },
  async destroy({ id }, kernel) {
    await kernel.store.write(() => topicsOf(kernel).subscriptions.remove(id));
  },
};

export const snsRealisers: Realiser[] = [topic, topicPolicy, subscription];
