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
import type { AudienceDefinition } from "@tributary/model";
import { activationDefaults as defaults } from "../defaults";

const source = join(__dirname, "..");

/** The function that reads the profiles' stream into audience memberships. */
export function makePropagation(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly profiles: ProfileStoreRef;
    readonly memberships: SecureTable;
    readonly audiences: Readonly<Record<string, AudienceDefinition>>;
  },
  opts: CustomResourceOptions,
): LambdaFunction {
  const { foundation, profiles, memberships, audiences } = args;
  const propagate = new LambdaFunction(
    `${name}-propagate`,
    {
      foundation,
      bundle: handlerBundle(source, "propagate"),
      calls: ["dynamodb"],
      description: "Reads changes of profiles into audience memberships.",
      environment: { MEMBERSHIPS_TABLE: memberships.name },
      config: { audiences },
      timeoutSeconds: 60,
    },
    opts,
  );
  memberships.grantReadWrite(propagate);
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
