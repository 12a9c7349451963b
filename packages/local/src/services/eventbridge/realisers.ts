import type { Realiser, Resource } from "../../kernel";
import { assertTrusted, readPolicy } from "../iam";
import { isRecord, physicalName, tagOutputs, text } from "../support";
import { busesOf, type RuleRow, type TargetRow } from "./buses";

const bus: Realiser = {
  type: "aws:cloudwatch/eventBus:EventBus",
  replaceOn: ["name"],
  compute(resource, kernel, previous) {
    const name = physicalName(resource, previous, 256);
    const outputs = { name, arn: busesOf(kernel).busArn(name), region: kernel.place.region };
    return { id: name, outputs: { ...outputs, ...tagOutputs(resource.inputs) } };
  },
  async attach({ id, outputs }, kernel) {
    await kernel.store.write(() => busesOf(kernel).buses.put(id, { name: id, arn: String(outputs.arn) }));
  },
  async destroy({ id }, kernel) {
    await kernel.store.write(() => busesOf(kernel).buses.remove(id));
  },
};

const busPolicy: Realiser = {
  type: "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
  replaceOn: ["eventBusName"],
  compute({ inputs, urn }) {
    readPolicy(inputs.policy, `${urn} policy`);
    return { id: text(inputs.eventBusName) ?? "default", outputs: {} };
  },
};

function ruleRow({ inputs, outputs }: Resource, busName: string, before: RuleRow | undefined, now: number): RuleRow {
  const pattern = inputs.eventPattern;
  const schedule = text(inputs.scheduleExpression);
  const description = text(inputs.description);
  return {
    bus: busName,
    name: String(outputs.name),
    arn: String(outputs.arn),
    enabled: text(inputs.state) !== "DISABLED" && inputs.isEnabled !== false,
    createdAt: before?.createdAt ?? now,
    ...(pattern !== undefined && { pattern: typeof pattern === "string" ? pattern : JSON.stringify(pattern) }),
    ...(schedule && { schedule }),
    ...(description && { description }),
  };
}

const rule: Realiser = {
  type: "aws:cloudwatch/eventRule:EventRule",
  replaceOn: ["name", "namePrefix", "eventBusName"],
  compute(resource, kernel, previous) {
    const name = physicalName(resource, previous);
    const busName = busesOf(kernel).nameOf(text(resource.inputs.eventBusName));
    const outputs = { name, arn: busesOf(kernel).ruleArn(busName, name), region: kernel.place.region };
    const id = busName === "default" ? name : `${busName}/${name}`;
    return { id, outputs: { ...outputs, eventBusName: busName, ...tagOutputs(resource.inputs) } };
  },
  async attach(resource, kernel) {
    const buses = busesOf(kernel);
    const busName = buses.nameOf(text(resource.inputs.eventBusName));
    const before = buses.rules.get([busName, String(resource.outputs.name)]);
    await buses.saveRule(ruleRow(resource, busName, before, kernel.now()));
  },
  async destroy({ inputs, outputs }, kernel) {
    const buses = busesOf(kernel);
    await buses.removeRule(buses.nameOf(text(inputs.eventBusName)), String(outputs.name));
  },
};

function targetRow({ inputs, outputs }: Resource): TargetRow {
  const { deadLetterConfig, retryPolicy, inputTransformer, sqsTarget, kinesisTarget } = inputs;
  const roleArn = text(inputs.roleArn);
  const input = text(inputs.input);
  const inputPath = text(inputs.inputPath);
  const deadLetterArn = isRecord(deadLetterConfig) ? text(deadLetterConfig.arn) : undefined;
  const retries = isRecord(retryPolicy) ? retryPolicy.maximumRetryAttempts : undefined;
  const messageGroupId = isRecord(sqsTarget) ? text(sqsTarget.messageGroupId) : undefined;
  const partitionKeyPath = isRecord(kinesisTarget) ? text(kinesisTarget.partitionKeyPath) : undefined;
  const paths = isRecord(inputTransformer) && isRecord(inputTransformer.inputPaths) ? inputTransformer.inputPaths : {};
  return {
    id: String(outputs.targetId),
    arn: String(inputs.arn),
    ...(roleArn && { roleArn }),
    ...(input !== undefined && { input }),
    ...(inputPath && { inputPath }),
    ...(isRecord(inputTransformer) && {
      transformer: {
        paths: Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, String(path)])),
        template: String(inputTransformer.inputTemplate),
      },
    }),
    ...(deadLetterArn && { deadLetterArn }),
    ...(typeof retries === "number" && { maxAttempts: Math.min(retries + 1, 8) }),
    ...(messageGroupId && { messageGroupId }),
    ...(partitionKeyPath && { partitionKeyPath }),
  };
}

const target: Realiser = {
  type: "aws:cloudwatch/eventTarget:EventTarget",
  replaceOn: ["rule", "eventBusName", "targetId"],
  compute(resource, kernel, previous) {
    const targetId =
      text(resource.inputs.targetId) ?? text(previous?.outputs.targetId) ?? physicalName(resource, undefined);
    const ruleName = String(resource.inputs.rule).split("/").at(-1);
    return { id: `${ruleName}-${targetId}`, outputs: { targetId, region: kernel.place.region } };
  },
  async attach(resource, kernel) {
    const buses = busesOf(kernel);
    const busName = buses.nameOf(text(resource.inputs.eventBusName));
    const ruleName = String(resource.inputs.rule).split("/").at(-1) ?? "";
    const { arn: ruleArn } = buses.requireRule(busName, ruleName);
    const row = targetRow(resource);
    if (row.roleArn) assertTrusted(kernel, row.roleArn, "events.amazonaws.com", ruleArn);
    await kernel.store.write(() => buses.targets.put([busName, ruleName, row.id], row));
  },
  async destroy(resource, kernel) {
    const buses = busesOf(kernel);
    const busName = buses.nameOf(text(resource.inputs.eventBusName));
    const ruleName = String(resource.inputs.rule).split("/").at(-1) ?? "";
    await kernel.store.write(() => buses.targets.remove([busName, ruleName, String(resource.outputs.targetId)]));
  },
};

export const eventRealisers: Realiser[] = [bus, busPolicy, rule, target];
