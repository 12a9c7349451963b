import { join } from "node:path";
import type * as lambda from "@pulumi/aws/lambda";
import type { CustomResourceOptions } from "@pulumi/pulumi";
import { type FoundationRef, handlerBundle, LambdaFunction, type SecureTable, type Transform } from "@tributary/core";
import type { IdentityRules } from "@tributary/model";
import type { ResolverEnv } from "../env";

/** The function that a steward's commands go to. It is invoked, by whoever may; nothing triggers it. */
export function makeSteward(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly graph: SecureTable;
    readonly profiles: SecureTable;
    readonly rules: IdentityRules;
    readonly transform: Transform<lambda.FunctionArgs> | undefined;
  },
  opts: CustomResourceOptions,
): LambdaFunction {
  const { foundation, graph, profiles, rules, transform } = args;
  const steward = new LambdaFunction(
    name,
    {
      foundation,
      bundle: handlerBundle(join(__dirname, ".."), "steward"),
      calls: ["dynamodb"],
      description: "Links, unlinks and retracts at a steward's word, and tells the past.",
      environment: { GRAPH_TABLE: graph.name, PROFILES_TABLE: profiles.name } satisfies Record<
        keyof ResolverEnv,
        unknown
      >,
      config: rules,
      memoryMb: 1024,
      timeoutSeconds: 60,
      ...(transform === undefined ? {} : { transform }),
    },
    opts,
  );
  graph.grantReadWrite(steward);
  profiles.grantWrite(steward);
  return steward;
}
