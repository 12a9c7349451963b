import { join } from "node:path";
import type { CustomResourceOptions } from "@pulumi/pulumi";
import { type FoundationRef, handlerBundle, LambdaFunction, type SecureTable } from "@tributary/core";
import type { IdentityRules } from "@tributary/model";
import type { ResolverEnv } from "../env";

/** The function that puts an object of links into the graph, as the newest complete run of its job or in addition to it. */
export function makeMatchImporter(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly graph: SecureTable;
    readonly profiles: SecureTable;
    readonly rules: IdentityRules;
  },
  opts: CustomResourceOptions,
): LambdaFunction {
  const { foundation, graph, profiles, rules } = args;
  const importer = new LambdaFunction(
    name,
    {
      foundation,
      bundle: handlerBundle(join(__dirname, ".."), "match-importer"),
      calls: ["dynamodb", "s3"],
      description: "Puts the links of a matching job into the identity graph.",
      environment: { GRAPH_TABLE: graph.name, PROFILES_TABLE: profiles.name } satisfies Record<
        keyof ResolverEnv,
        unknown
      >,
      config: rules,
      memoryMb: 2048,
      timeoutSeconds: 900,
    },
    opts,
  );
  graph.grantReadWrite(importer);
  profiles.grantWrite(importer);
  return importer;
}
