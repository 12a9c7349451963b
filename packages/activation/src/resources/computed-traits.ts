import { join } from "node:path";
import type { CustomResourceOptions } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import {
  alarm,
  DeadLetterQueue,
  type FoundationRef,
  grantStatements,
  grantTableScan,
  handlerBundle,
  LambdaFunction,
  scheduleFunction,
  type TableRef,
} from "@tributary/core";
import { activationDefaults as defaults } from "../defaults";
import { dueIndex } from "../env";
import type { ResolvedActivation } from "../normalize";
import { type ComputedStores, grantSettle, settleEnvironment } from "./computed-stores";

const source = join(__dirname, "..");

/**
 * What keeps computed traits up to date: a function on the events' stream, and one that looks each minute for people of
 * whom an event left a window; and one that computes everybody anew when it is called. A DynamoDB stream has room for two readers; the other of the events' stream is the resolver.
 */
export function makeComputedTraits(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly events: TableRef;
    readonly stores: ComputedStores;
    readonly resolved: ResolvedActivation;
  },
  opts: CustomResourceOptions,
): { readonly traitFacts: LambdaFunction; readonly sweep: LambdaFunction; readonly recompute: LambdaFunction } {
  const { foundation, events, stores, resolved } = args;
  const common = {
    foundation,
    calls: ["dynamodb"],
    environment: settleEnvironment(stores),
  } as const;
  const traitFacts = new LambdaFunction(
    `${name}-trait-facts`,
    {
      ...common,
      bundle: handlerBundle(source, "trait-facts"),
      description: "Keeps what events say to the computed traits, and brings the people concerned up to date.",
      config: { ...resolved.computed, rules: resolved.rules },
      timeoutSeconds: 60,
    },
    opts,
  );
  grantSettle(traitFacts, stores, { facts: ["dynamodb:BatchWriteItem"] });
  const failures = new DeadLetterQueue(
    `${name}-uncomputed`,
    { foundation, of: `the computed traits of ${name}; its log names the events` },
    opts,
  );
  traitFacts.consumeTable("events", events, {
    batchSize: defaults.traitFactsBatchSize,
    windowSeconds: 0,
    // Expired events leave the table by a REMOVE, which says nothing.
    filter: [{ eventName: ["INSERT", "MODIFY"] }],
    onFailure: failures.ref,
  });
  const sweep = new LambdaFunction(
    `${name}-sweep`,
    {
      ...common,
      bundle: handlerBundle(source, "sweep"),
      description: "Finds, each minute, people of whom an event left a window.",
      config: resolved.computed,
      timeoutSeconds: 55,
    },
    opts,
  );
  grantSettle(sweep, stores);
  grantStatements(sweep, "due", [
    { actions: ["dynamodb:Query"], resources: [pulumi.interpolate`${stores.standings.arn}/index/${dueIndex}`] },
  ]);
  scheduleFunction(
    `${name}-sweep-schedule`,
    { foundation, function: sweep, schedule: { expression: defaults.sweepSchedule } },
    opts,
  );
  alarm(
    `${name}-sweep-stands-still`,
    {
      foundation,
      module: sweep.module,
      description: `Function ${name}-sweep has not run for 15 minutes: audiences keep people whose window passed, until it runs again. See its schedule and its dead letters.`,
      namespace: "AWS/Lambda",
      metric: "Invocations",
      dimensions: { FunctionName: sweep.name },
      statistic: "Sum",
      above: 1,
      below: true,
      periodSeconds: 300,
      periods: 3,
      missingData: "breaching",
    },
    opts,
  );
  const recompute = new LambdaFunction(
    `${name}-recompute`,
    {
      ...common,
      environment: { ...common.environment, EVENTS_TABLE: events.name },
      bundle: handlerBundle(source, "recompute"),
      description: "Computes everybody's traits and audiences anew; call it after a declaration changed.",
      config: { ...resolved.computed, rules: resolved.rules },
      // Who calls waits for the answer: below the minute that the AWS CLI waits.
      timeoutSeconds: 55,
    },
    opts,
  );
  grantSettle(recompute, stores, { facts: ["dynamodb:BatchWriteItem"] });
  grantTableScan(recompute, events);
  grantTableScan(recompute, stores.profiles.profiles);
  return { traitFacts, sweep, recompute };
}
