import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import {
  type FoundationRef,
  grantBucketRead,
  grantBucketWrite,
  grantStatements,
  handlerBundle,
  LambdaFunction,
  type OnDelete,
  type Place,
  SecureBucket,
  SecureQueue,
  type SecureStream,
} from "@tributary/core";
import type { RawZoneRef } from "../args";
import { ingestionDefaults } from "../defaults";
import { filesPrefix, type LoaderConfig, type loaderEnv, resumePrefix, sourcePrefix } from "../loader-env";
import type { ResolvedSource } from "../normalize";
import { filesOfSource, type Landing, landingPolicyOf } from "../sources";
import { makeFileTables } from "./file-tables";
import { type EnvironmentOf, quarantinePrefix } from "./shared";

interface LandingArgs {
  readonly foundation: FoundationRef;
  readonly rawZone: RawZoneRef;
  readonly sources: readonly ResolvedSource[];
  readonly stream: SecureStream;
  readonly quarantine: SecureBucket;
  readonly place: Place;
  readonly module: string;
  readonly onDelete: OnDelete;
}

const folderOf = (id: string) => `${sourcePrefix}${id}/`;

/**
 * The bucket where sources' files arrive; a queue of what arrived; the loader, which takes files to the raw zone and
 * their rows to the event stream; and a table over each kind of file that is kept.
 */
export function makeLanding(name: string, args: LandingArgs, opts: pulumi.ComponentResourceOptions): Landing {
  const { foundation, rawZone, sources, place, onDelete } = args;
  const bucket = new SecureBucket(
    `${name}-landing`,
    {
      foundation,
      dataClass: "personal",
      onDelete,
      // What is loaded leaves; what stays is waiting for somebody, however long.
      lifecycle: { noncurrentDays: ingestionDefaults.landedDays },
      policy: (arn) =>
        sources.flatMap(({ id, args: source }) =>
          landingPolicyOf(source, {
            objectsArn: pulumi.interpolate`${arn}/${folderOf(id)}*`,
            bucketArn: arn,
            name,
            id,
            place,
          }),
        ),
    },
    opts,
  );
  const { timeoutSeconds, memoryMb, concurrency } = ingestionDefaults.loader;
  const queue = new SecureQueue(
    `${name}-landed`,
    {
      foundation,
      consumerTimeoutSeconds: timeoutSeconds,
      // The longest that SQS keeps a message: S3 announces a file once.
      retentionSeconds: 14 * 24 * 3600,
      policy: (arn) => [
        {
          sid: "Announcements",
          actions: ["sqs:SendMessage"],
          principals: { Service: "s3.amazonaws.com" },
          resources: [arn],
          conditions: {
            ArnEquals: { "aws:SourceArn": bucket.arn },
            StringEquals: { "aws:SourceAccount": place.accountId },
          },
        },
      ],
    },
    opts,
  );
  const loader = makeLoader(name, args, bucket, { memoryMb, timeoutSeconds }, opts);
  loader.consumeQueue("landed", queue.ref, { batchSize: 1, maximumConcurrency: concurrency });
  new s3.BucketNotification(
    `${name}-landing`,
    {
      bucket: bucket.name,
      queues: [sourcePrefix, resumePrefix].map((filterPrefix) => ({
        id: filterPrefix.replace(/\W/g, ""),
        queueArn: queue.arn,
        events: ["s3:ObjectCreated:*"],
        filterPrefix,
      })),
    },
    // S3 tries the queue at once.
    pulumi.mergeOptions(opts, { dependsOn: [queue, bucket] }),
  );
  makeFileTables(name, { rawZone, sources }, opts);
  return { bucket, folder: folderOf };
}

function makeLoader(
  name: string,
  { foundation, rawZone, sources, stream, quarantine }: LandingArgs,
  bucket: SecureBucket,
  size: { readonly memoryMb: number; readonly timeoutSeconds: number },
  opts: pulumi.ComponentResourceOptions,
): LambdaFunction {
  const environment: EnvironmentOf<typeof loaderEnv> = {
    EVENT_STREAM: stream.name,
    QUARANTINE_BUCKET: quarantine.name,
    LANDING_BUCKET: bucket.name,
    RAW_BUCKET: rawZone.bucket.name,
  };
  const config: LoaderConfig = {
    sources: sources.map(({ id, args }) => ({ id, routes: filesOfSource(args).map(({ route }) => route) })),
  };
  const loader = new LambdaFunction(
    `${name}-loader`,
    {
      foundation,
      bundle: handlerBundle(__dirname, "loader"),
      calls: ["kinesis", "s3"],
      description: "Takes landed files to the raw zone, and their rows to the event stream.",
      environment,
      config,
      ...size,
    },
    opts,
  );
  bucket.grantRead(loader);
  // The version that was announced, not the one that took its place.
  grantStatements(loader, "read-versions", [
    { actions: ["s3:GetObjectVersion"], resources: [pulumi.interpolate`${bucket.arn}/${sourcePrefix}*`] },
  ]);
  bucket.grantWrite(loader, resumePrefix);
  bucket.grantDelete(loader, sourcePrefix);
  bucket.grantDelete(loader, resumePrefix);
  const kept = { ...rawZone.bucket, label: rawZone.bucket.label ?? "raw-zone" };
  grantBucketRead(loader, kept, filesPrefix);
  grantBucketWrite(loader, kept, filesPrefix);
  // Without the right to list, S3 answers "forbidden" for a key that is not there; it asks without a prefix.
  grantStatements(loader, "tell-missing", [{ actions: ["s3:ListBucket"], resources: [kept.arn] }]);
  stream.grantWrite(loader);
  quarantine.grantWrite(loader, quarantinePrefix);
  return loader;
}
