import type * as pulumi from "@pulumi/pulumi";
import {
  type FoundationRef,
  HttpApi,
  handlerBundle,
  LambdaFunction,
  type SecureBucket,
  type SecureStream,
} from "@tributary/core";
import { ingestionDefaults } from "../defaults";
import type { CollectorConfig, collectorEnv } from "../env";
import type { ResolvedSource } from "../normalize";
import { type EnvironmentOf, quarantinePrefix } from "./shared";

interface CollectorArgs {
  readonly foundation: FoundationRef;
  readonly sources: readonly ResolvedSource[];
  readonly stream: SecureStream;
  readonly quarantine: SecureBucket;
}

/** The HTTP API of the tracking protocol and the function behind it, which may write to the stream and to quarantine. */
export function makeCollector(
  name: string,
  { foundation, sources, stream, quarantine }: CollectorArgs,
  opts: pulumi.ComponentResourceOptions,
): { readonly collector: LambdaFunction; readonly api: HttpApi } {
  const environment: EnvironmentOf<typeof collectorEnv> = {
    EVENT_STREAM: stream.name,
    QUARANTINE_BUCKET: quarantine.name,
  };
  const config: { readonly [K in keyof CollectorConfig]: pulumi.Input<unknown> } = {
    sources: sources.map(({ id, writeKey }) => ({ id, writeKey })),
  };
  const collector = new LambdaFunction(
    `${name}-collector`,
    {
      foundation,
      bundle: handlerBundle(__dirname, "collector"),
      calls: ["kinesis", "s3"],
      description: "Takes events over HTTP and puts them on the event stream.",
      environment,
      config,
      ...ingestionDefaults.collector,
    },
    opts,
  );
  stream.grantWrite(collector);
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
