import type * as pulumi from "@pulumi/pulumi";
import {
  alarm,
  type FoundationRef,
  grantTableActions,
  handlerBundle,
  LambdaFunction,
  type OnDelete,
  SecureTable,
} from "@tributary/core";
import { ingestionDefaults } from "../defaults";
import type { ArchiverConfig, archiverEnv } from "../env";
import type { EnvironmentOf } from "./shared";

export interface Archiver {
  readonly archiver: LambdaFunction;
  readonly archived: SecureTable;
}

/**
 * What makes the archive write each event once: a function that Firehose asks about every batch, and its table of which
 * record was the first of its event. It may insert claims and look up those of its records, nothing else.
 */
export function makeArchiver(
  name: string,
  args: { readonly foundation: FoundationRef; readonly retentionDays: number; readonly onDelete: OnDelete },
  opts: pulumi.ComponentResourceOptions,
): Archiver {
  const { foundation, retentionDays, onDelete } = args;
  const archived = new SecureTable(
    `${name}-archived`,
    { foundation, dataClass: "personal", onDelete, hashKey: { name: "id" }, ttlAttribute: "expiresAt" },
    opts,
  );
  const environment: EnvironmentOf<typeof archiverEnv> = { ARCHIVED_TABLE: archived.name };
  const config: ArchiverConfig = { retentionDays };
  const archiver = new LambdaFunction(
    `${name}-archiver`,
    {
      foundation,
      bundle: handlerBundle(__dirname, "archiver"),
      calls: ["dynamodb"],
      description: "Lets each event through to the raw zone once.",
      environment,
      config,
      ...ingestionDefaults.archiver,
    },
    opts,
  );
  grantTableActions(archiver, archived.ref, "claim", ["dynamodb:PartiQLInsert", "dynamodb:BatchGetItem"]);
  return { archiver, archived };
}

/** Rises when Firehose's calls of the function fail; what fails to the end of its retries is kept, but not in the table. */
export function alarmFailures(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly module: string;
    readonly deliveryStream: pulumi.Input<string>;
    readonly errorFolder: string;
  },
  opts: pulumi.CustomResourceOptions,
): void {
  alarm(
    `${name}-archiver-failures`,
    {
      foundation: args.foundation,
      module: args.module,
      description: `The archive's function ${name}-archiver fails: see its log. After ${ingestionDefaults.archiverRetries} retries a batch goes to ${args.errorFolder}processing-failed/ of the raw zone's bucket instead of the table of events; "When the archive's function fails" in docs/protocol.md has the way back.`,
      namespace: "AWS/Firehose",
      // Share of the invocations that succeeded.
      metric: "ExecuteProcessing.Success",
      dimensions: { DeliveryStreamName: args.deliveryStream },
      statistic: "Average",
      above: 1,
      below: true,
      periodSeconds: 300,
      periods: 2,
    },
    opts,
  );
}
