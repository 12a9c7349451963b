import { join } from "node:path";
import type { CustomResourceOptions } from "@pulumi/pulumi";
import {
  DeadLetterQueue,
  type FoundationRef,
  handlerBundle,
  LambdaFunction,
  type ProfileStoreRef,
  type SecureTable,
} from "@tributary/core";
import { activationDefaults as defaults } from "../defaults";
import type { ResolvedActivation } from "../normalize";
import { type ComputedStores, grantSettle, settleEnvironment } from "./computed-stores";

const source = join(__dirname, "..");

/**
 * The function that reads the profiles' stream into audience memberships. Where something is computed from events it
 * brings standings up to date, which hold memberships too.
 */
export function makePropagation(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly profiles: ProfileStoreRef;
    readonly memberships: SecureTable;
    readonly resolved: ResolvedActivation;
    /** Where something is computed from events. */
    readonly computed: ComputedStores | undefined;
  },
  opts: CustomResourceOptions,
): LambdaFunction {
  const { foundation, profiles, memberships, resolved, computed } = args;
  const propagate = new LambdaFunction(
    `${name}-propagate`,
    {
      foundation,
      bundle: handlerBundle(source, computed ? "settle-profiles" : "propagate"),
      calls: ["dynamodb"],
      description: "Reads changes of profiles into audience memberships.",
      environment: computed ? settleEnvironment(computed) : { MEMBERSHIPS_TABLE: memberships.name },
      config: resolved.computed ?? { audiences: resolved.audiences },
      timeoutSeconds: 60,
    },
    opts,
  );
  if (computed) grantSettle(propagate, computed);
  else memberships.grantReadWrite(propagate);
  const failures = new DeadLetterQueue(
    `${name}-unpropagated`,
    { foundation, of: `the audiences of ${name}; its log names the profiles` },
    opts,
  );
  propagate.consumeTable("profiles", profiles.profiles, {
    batchSize: defaults.propagateBatchSize,
    windowSeconds: 0,
    onFailure: failures.ref,
  });
  return propagate;
}
