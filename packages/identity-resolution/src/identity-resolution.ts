import type * as dynamodb from "@pulumi/aws/dynamodb";
import type * as lambda from "@pulumi/aws/lambda";
import type * as sfn from "@pulumi/aws/sfn";
import * as pulumi from "@pulumi/pulumi";
import {
  alarm,
  DeadLetterQueue,
  type Grantee,
  grantStatements,
  handlerBundle,
  LambdaFunction,
  type ProfileStoreRef,
  SecureTable,
  type StateMachineRef,
  TributaryComponent,
} from "@tributary/core";
import { graphKeyAttribute, graphPartAttribute, type PlatformContract } from "@tributary/model";
import type { IdentityResolutionArgs } from "./args";
import { identityResolutionDefaults } from "./defaults";
import type { ResolverEnv } from "./env";
import { normalize, type ResolvedIdentityResolution } from "./normalize";
import { makeMatchImporter } from "./resources/match-importer";
import { type Matching, makeMatching } from "./resources/matching";
import { makeProfileArchive } from "./resources/profile-archive";
import { makeSteward } from "./resources/steward";

/** The raw resources, keyed as `transform`. */
export interface IdentityResolutionNodes {
  readonly graph: dynamodb.Table;
  readonly profiles: dynamodb.Table;
  readonly resolver: lambda.Function;
  readonly steward: lambda.Function;
  /** Where `rawZone` is given. */
  readonly profileArchiver?: lambda.Function;
  /** Where `matching` is given. */
  readonly schemaMapping?: pulumi.CustomResource;
  readonly matchingWorkflow?: pulumi.CustomResource;
  readonly matchPipeline?: sfn.StateMachine;
}

/**
 * Who is who: a function reads the events table's stream into an identity graph and keeps one profile per person. The
 * result does not depend on the order, the batches or the repetition of events; profile ids stay, and lead on after a merge.
 *
 * ```ts
 * const identities = new IdentityResolution("cdp", { foundation, events: ingestion.events, rules: defaultIdentityRules });
 * ```
 */
export class IdentityResolution extends TributaryComponent {
  /** For readers of profiles, such as `Activation`. */
  readonly profiles: ProfileStoreRef;
  /** The `identities` part of the platform contract. */
  readonly contract: {
    readonly [K in Exclude<keyof PlatformContract["identities"], "pipelines">]: pulumi.Output<string>;
  } & {
    readonly pipelines?: Readonly<Record<string, pulumi.Output<string>>>;
  };
  /** State machine that matches by Entity Resolution and imports what it found; only with `matching`. */
  readonly matchPipelineArn: pulumi.Output<string> | undefined;
  /** The same for the lake's nightly pipeline, which then runs it between clean and curate: `lake.runNightly({ match })`. */
  readonly matchPipeline: StateMachineRef | undefined;
  /** State machine that has Entity Resolution forget records, `{ uniqueIds }`, for erasure; only with `matching`. */
  readonly forgetMatchesPipelineArn: pulumi.Output<string> | undefined;
  readonly nodes: IdentityResolutionNodes;

  constructor(name: string, args: IdentityResolutionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("IdentityResolution", name, opts);
    const resolved = normalize(name, args);
    const { foundation } = args;
    const store = { foundation, dataClass: "personal", onDelete: resolved.onDelete } as const;
    const graph = new SecureTable(
      `${name}-graph`,
      {
        ...store,
        hashKey: { name: graphKeyAttribute },
        rangeKey: { name: graphPartAttribute },
        ...transformed(resolved.transform.graph),
      },
      this.child(),
    );
    const profiles = new SecureTable(
      `${name}-profiles`,
      {
        ...store,
        hashKey: { name: "profileId" },
        stream: "NEW_AND_OLD_IMAGES",
        ...transformed(resolved.transform.profiles),
      },
      this.child(),
    );
    const resolver = this.#resolver(name, args, resolved, graph, profiles);
    const steward = makeSteward(
      `${name}-steward`,
      { foundation, graph, profiles, rules: resolved.rules, transform: resolved.transform.steward },
      this.child(),
    );
    const profileArchiver =
      args.rawZone &&
      makeProfileArchive(
        name,
        {
          foundation,
          profiles: profiles.ref,
          bucket: args.rawZone.bucket,
          transform: resolved.transform.profileArchiver,
        },
        this.child(),
      );
    const matching = this.#matching(`${name}-match`, args, resolved, graph, profiles);
    this.#watch(name, args);
    this.profiles = { graph: graph.ref, profiles: profiles.ref, rules: resolved.rules };
    this.matchPipelineArn = matching?.pipeline.arn;
    this.matchPipeline = matching && { label: `${name}-match`, arn: matching.pipeline.arn };
    this.forgetMatchesPipelineArn = matching?.forget.arn;
    this.contract = {
      graphTableName: graph.name,
      profilesTableName: profiles.name,
      stewardFunctionName: steward.name,
      ...(matching && { pipelines: { match: matching.pipeline.arn, "forget-matches": matching.forget.arn } }),
    };
    this.nodes = {
      graph: graph.table,
      profiles: profiles.table,
      resolver: resolver.function,
      steward: steward.function,
      ...(profileArchiver && { profileArchiver: profileArchiver.function }),
      ...(matching && {
        schemaMapping: matching.schema,
        matchingWorkflow: matching.workflow,
        matchPipeline: matching.pipeline,
      }),
    };
    this.registerOutputs({
      graphTableName: graph.name,
      profilesTableName: profiles.name,
      stewardFunctionName: steward.name,
      ...(matching && { matchPipelineArn: matching.pipeline.arn }),
    });
  }

  /** Lets somebody have Entity Resolution forget records: starts of the state machine `forget-matches`. Nothing without `matching`. */
  grantForgetMatches(grantee: Grantee): void {
    if (this.forgetMatchesPipelineArn === undefined) return;
    grantStatements(grantee, "forget-matches", [
      { actions: ["states:StartExecution"], resources: [this.forgetMatchesPipelineArn] },
    ]);
  }

  #resolver(
    name: string,
    { foundation, events }: IdentityResolutionArgs,
    { rules, resolver: sizes, transform }: ResolvedIdentityResolution,
    graph: SecureTable,
    profiles: SecureTable,
  ): LambdaFunction {
    const resolver = new LambdaFunction(
      `${name}-resolver`,
      {
        foundation,
        bundle: handlerBundle(__dirname, "resolver"),
        calls: ["dynamodb"],
        description: "Reads events into the identity graph and the profiles.",
        environment: { GRAPH_TABLE: graph.name, PROFILES_TABLE: profiles.name } satisfies Record<
          keyof ResolverEnv,
          unknown
        >,
        config: rules,
        memoryMb: sizes.memoryMb,
        timeoutSeconds: identityResolutionDefaults.timeoutSeconds,
        ...transformed(transform.resolver),
      },
      this.child(),
    );
    graph.grantReadWrite(resolver);
    profiles.grantWrite(resolver);
    const failures = new DeadLetterQueue(
      `${name}-unresolved`,
      { foundation, of: `the resolver of ${name}; its log names the events` },
      this.child(),
    );
    resolver.consumeTable("events", events, {
      batchSize: sizes.batchSize,
      windowSeconds: sizes.windowSeconds,
      parallelization: sizes.parallelization,
      onFailure: failures.ref,
      // Expired events leave the table by a REMOVE, which says nothing about identity.
      filter: [{ eventName: ["INSERT", "MODIFY"] }],
    });
    return resolver;
  }

  #matching(
    name: string,
    { foundation, matching }: IdentityResolutionArgs,
    { rules, matching: resolved }: ResolvedIdentityResolution,
    graph: SecureTable,
    profiles: SecureTable,
  ): Matching | undefined {
    if (matching?.input === undefined || resolved === undefined) return undefined;
    for (const note of resolved.notes) void pulumi.log.info(`${name}: ${note}`, this);
    const importer = makeMatchImporter(`${name}-importer`, { foundation, graph, profiles, rules }, this.child());
    return makeMatching(
      name,
      { ...matching, input: matching.input },
      resolved,
      { foundation, place: this.place, module: this.module, graph: graph.ref, rules, importer },
      this.child(),
    );
  }

  #watch(name: string, { foundation }: IdentityResolutionArgs): void {
    const common = {
      foundation,
      module: this.module,
      namespace: "Tributary",
      dimensions: { service: "resolver" },
      statistic: "Sum",
      above: 0,
      periodSeconds: 300,
    };
    alarm(
      `${name}-frozen-components`,
      {
        ...common,
        description:
          "An identifier is linked with more identifiers than maxComponentSize, so it belongs to nobody from now on. The resolver's log has the key of its item. If it is junk, block it in the identity rules.",
        metric: "ComponentsFrozen",
      },
      this.child(),
    );
  }
}

function transformed<T>(transform: T | undefined): { transform?: T } {
  return transform === undefined ? {} : { transform };
}
