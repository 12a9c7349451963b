import type * as pulumi from "@pulumi/pulumi";
import {
  alarm,
  type Callback,
  type FoundationRef,
  grantTableActions,
  handlerBundle,
  LambdaFunction,
  type SecureBucket,
  type SecureTable,
} from "@tributary/core";
import { ingestionDefaults } from "../defaults";
import { onEventFile, type ProcessorConfig, type processorEnv } from "../env";
import type { ResolvedIngestion } from "../normalize";
import type { OnEvent } from "../on-event";
import type { EventStream } from "./event-stream";
import { type EnvironmentOf, quarantinePrefix } from "./shared";

interface ProcessorArgs {
  readonly foundation: FoundationRef;
  readonly stream: EventStream;
  readonly table: SecureTable;
  readonly quarantine: SecureBucket;
  readonly resolved: ResolvedIngestion;
  readonly module: string;
}

/** The function that reads the stream, runs the user's callback and stores each event once. It may put events, nothing else. */
export function makeProcessor(
  name: string,
  { foundation, stream, table, quarantine, resolved, module }: ProcessorArgs,
  opts: pulumi.ComponentResourceOptions,
): LambdaFunction {
  const environment: EnvironmentOf<typeof processorEnv> = {
    EVENTS_TABLE: table.name,
    QUARANTINE_BUCKET: quarantine.name,
  };
  const config: ProcessorConfig = {
    retentionDays: resolved.eventRetentionDays,
    callback: ingestionDefaults.callback,
    ...(resolved.plans ? { plans: resolved.plans } : {}),
  };
  const callbacks: Record<string, Callback<OnEvent>> = resolved.onEvent === undefined
    ? {}
    : { [onEventFile]: resolved.onEvent };
  const processor = new LambdaFunction(
    `${name}-processor`,
    {
      foundation,
      bundle: handlerBundle(__dirname, "processor"),
      calls: ["dynamodb", "s3"],
      description: "Takes events from the stream to the events table, each once.",
      environment,
      config,
      callbacks,
      ...ingestionDefaults.processor,
    },
    opts,
  );
  grantTableActions(processor, table.ref, "put-events", ["dynamodb:PutItem"]);
  quarantine.grantWrite(processor, quarantinePrefix);
  const reading = { ...resolved.processing, onFailure: quarantine.ref };
  if (stream.kind === "kinesis") processor.consumeStream("events", stream.stream.ref, reading);
  else processor.consumeKafka("events", stream.topic, { ...reading, pollers: stream.pollers });
  alarm(
    `${name}-quarantine`,
    {
      foundation,
      module,
      description: `More than ${ingestionDefaults.quarantineAlarmAbove} records went to quarantine within five minutes: a client or a callback is broken. See \`tributary quarantine list\`; mend, then replay.`,
      namespace: "Tributary",
      metric: "RecordsQuarantined",
      dimensions: { service: "processor" },
      statistic: "Sum",
      above: ingestionDefaults.quarantineAlarmAbove,
      periodSeconds: 300,
    },
    opts,
  );
  return processor;
}
