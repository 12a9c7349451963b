import type * as pulumi from "@pulumi/pulumi";
import {
  type FoundationRef,
  grantKafkaProduce,
  HttpApi,
  handlerBundle,
  LambdaFunction,
  type LambdaFunctionArgs,
  type SecureBucket,
} from "@tributary/core";
import { ingestionDefaults } from "../defaults";
import type { CollectorConfig, collectorEnv } from "../env";
import type { kafkaCollectorEnv } from "../kafka-env";
import type { ResolvedSource } from "../normalize";
import type { EventStream } from "./event-stream";
import { type EnvironmentOf, quarantinePrefix } from "./shared";

interface CollectorArgs {
  readonly foundation: FoundationRef;
  readonly sources: readonly ResolvedSource[];
  readonly stream: EventStream;
  readonly quarantine: SecureBucket;
}

/** The HTTP API of the tracking protocol and the function behind it, which may write to the stream and to quarantine. */
export function makeCollector(
  name: string,
  { foundation, sources, stream, quarantine }: CollectorArgs,
  opts: pulumi.ComponentResourceOptions,
): { readonly collector: LambdaFunction; readonly api: HttpApi } {
  const config: { readonly [K in keyof CollectorConfig]: pulumi.Input<unknown> } = {
    sources: sources.map(({ id, writeKey }) => ({ id, writeKey })),
  };
  const collector = new LambdaFunction(
    `${name}-collector`,
    {
      foundation,
      description: "Takes events over HTTP and puts them on the event stream.",
      ...codeFor(stream, quarantine),
      config,
      ...ingestionDefaults.collector,
    },
    opts,
  );
  if (stream.kind === "kinesis") stream.stream.grantWrite(collector);
  else grantKafkaProduce(collector, stream.topic);
  quarantine.grantWrite(collector, quarantinePrefix);
  const api = new HttpApi(
    `${name}-collector`,
    {
      foundation,
      description:
        "Segment's tracking API, and others'. The collector answers CORS itself, and knows its callers by their write key.",
      throttle: ingestionDefaults.throttle,
    },
    opts,
  );
  // The protocols that it speaks have paths all over the place, some with a slash at the end: one route takes them all.
  api.route("$default", collector);
  return { collector, api };
}

/** What differs between the two kinds of event stream: bundle, environment, and where the function stands. */
function codeFor(
  stream: EventStream,
  quarantine: SecureBucket,
): Pick<LambdaFunctionArgs, "bundle" | "calls" | "environment" | "securityGroupIds"> {
  if (stream.kind === "kinesis") {
    const environment: EnvironmentOf<typeof collectorEnv> = {
      EVENT_STREAM: stream.stream.name,
      QUARANTINE_BUCKET: quarantine.name,
    };
    return { bundle: handlerBundle(__dirname, "collector"), calls: ["kinesis", "s3"], environment };
  }
  const environment: EnvironmentOf<typeof kafkaCollectorEnv> = {
    KAFKA_BROKERS: stream.topic.bootstrapBrokers,
    KAFKA_TOPIC: stream.topic.topic,
    QUARANTINE_BUCKET: quarantine.name,
  };
  return {
    bundle: handlerBundle(__dirname, "collector-kafka"),
    calls: ["kafka", "s3"],
    environment,
    securityGroupIds: stream.topic.clientSecurityGroupIds,
  };
}
