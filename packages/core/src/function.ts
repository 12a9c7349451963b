import { readdirSync } from "node:fs";
import * as path from "node:path";
import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as iam from "@pulumi/aws/iam";
import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import type { Callback } from "./callback";
import { callbackAsset } from "./callback";
import { TributaryComponent } from "./component";
import type { ConsumeKafkaArgs, ConsumeQueueArgs, ConsumeStreamArgs } from "./event-sources";
import { consumeKafka, consumeKinesis, consumeQueue, consumeTable } from "./event-sources";
import type { Fault } from "./faults";
import { validate } from "./faults";
import type { FoundationRef } from "./foundation";
import { tagsFor } from "./foundation";
import { functionRole } from "./function-role";
import { DeadLetterQueue } from "./queue";
import type { Callee, EventStreamRef, KafkaTopicRef, NetworkRef, QueueRef, TableRef } from "./refs";
import type { Transform } from "./transform";
import { applyTransform } from "./transform";

/** Runtime, architecture and sizes of every function. */
export const functionDefaults = Object.freeze({
  runtime: "nodejs24.x",
  architecture: "arm64",
  memoryMb: 512,
  timeoutSeconds: 30,
});

export interface LambdaFunctionArgs {
  readonly foundation: FoundationRef;
  /** Folder with `index.mjs`: `handlerBundle(__dirname, "collector")`. */
  readonly bundle: string;
  /**
   * What the code calls. Decides where it runs when the foundation has a network: in it when it calls DynamoDB (which
   * is closed to the outside then), outside otherwise, where nothing needs an endpoint that bills by the hour. A
   * function that must be inside and calls what the network does not reach is refused.
   */
  readonly calls: readonly Callee[];
  /** Values known at deployment; encrypted with the foundation's key. Never secrets: give their ARNs. */
  readonly environment?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Static configuration: becomes `config.json` beside the bundle. */
  readonly config?: unknown;
  /** The user's code by file name: `{ "onEvent.cjs": args.onEvent }`. */
  readonly callbacks?: Readonly<Record<string, Callback<unknown>>>;
  /** @default 512 */
  readonly memoryMb?: number;
  /** @default 30 */
  readonly timeoutSeconds?: number;
  /** Caps concurrency, to protect what it writes to; left out: the account's. */
  readonly reservedConcurrency?: number;
  /** In the network, beside its own: groups that let the function reach Kafka's brokers. */
  readonly securityGroupIds?: readonly pulumi.Input<string>[];
  readonly description?: string;
  readonly transform?: Transform<lambda.FunctionArgs>;
}

/**
 * The one way to make a function: prebuilt bundle plus configuration and callbacks in the archive, its own role, log
 * group and dead-letter queue, tracing, alarms. Consume sources by the `consume…` methods; grant by the stores' verbs.
 */
export class LambdaFunction extends TributaryComponent {
  readonly function: lambda.Function;
  readonly role: iam.Role;
  readonly arn: pulumi.Output<string>;
  readonly name: pulumi.Output<string>;
  readonly logGroup: cloudwatch.LogGroup;
  readonly deadLetters: DeadLetterQueue;
  readonly grantName: string;
  readonly foundation: FoundationRef;
  readonly timeoutSeconds: number;
  readonly #calls: readonly Callee[];

  constructor(name: string, args: LambdaFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("LambdaFunction", name, opts);
    validate(`Function "${name}"`, reachFaults(args.calls, args.foundation.network));
    this.grantName = name;
    this.foundation = args.foundation;
    this.#calls = args.calls;
    this.timeoutSeconds = args.timeoutSeconds ?? functionDefaults.timeoutSeconds;
    const network = placement(args.calls, args.foundation.network);
    const tags = tagsFor(args.foundation, this.module);

    this.logGroup = new cloudwatch.LogGroup(
      name,
      { kmsKeyId: args.foundation.keyArn, retentionInDays: args.foundation.logRetentionDays, tags },
      this.child(),
    );
    this.deadLetters = new DeadLetterQueue(
      `${name}-dead-letters`,
      { foundation: args.foundation, of: `function ${name}` },
      this.child(),
    );
    const { role, policy } = functionRole(
      name,
      {
        foundation: args.foundation,
        place: this.place,
        logGroup: this.logGroup,
        deadLetters: this.deadLetters.ref,
        inNetwork: network !== undefined,
        tags,
      },
      this.child(),
    );
    this.role = role;
    const defaults: lambda.FunctionArgs = {
      role: role.arn,
      ...(args.description === undefined ? {} : { description: args.description }),
      memorySize: args.memoryMb ?? functionDefaults.memoryMb,
      timeout: this.timeoutSeconds,
      ...(args.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: args.reservedConcurrency }),
      ...(args.environment === undefined ? {} : { environment: { variables: { ...args.environment } } }),
      tags,
    };
    this.function = new lambda.Function(
      name,
      {
        ...applyTransform(defaults, args.transform),
        role: role.arn,
        runtime: functionDefaults.runtime,
        architectures: [functionDefaults.architecture],
        handler: "index.handler",
        code: archive(name, args),
        kmsKeyArn: args.foundation.keyArn,
        loggingConfig: { logFormat: "JSON", logGroup: this.logGroup.name },
        tracingConfig: { mode: "Active" },
        deadLetterConfig: { targetArn: this.deadLetters.arn },
        ...(network === undefined
          ? {}
          : { vpcConfig: { subnetIds: network.subnetIds, securityGroupIds: groupsOf(network, args) } }),
      },
      // Lambda checks at creation that the role may log, dead-letter and attach to the network.
      this.child({ dependsOn: [policy] }),
    );
    this.arn = this.function.arn;
    this.name = this.function.name;
    this.#watch(name);
    this.registerOutputs({ functionArn: this.arn, functionName: this.name });
  }

  /** Reads a Kinesis stream in batches; see `ConsumeStreamArgs`. */
  consumeStream(name: string, stream: EventStreamRef, args: ConsumeStreamArgs): lambda.EventSourceMapping {
    return consumeKinesis(this, name, stream, args);
  }

  /** Reads a DynamoDB table's stream in batches; the ref must have a `streamArn`. */
  consumeTable(name: string, table: TableRef, args: ConsumeStreamArgs): lambda.EventSourceMapping {
    return consumeTable(this, name, table, args);
  }

  /** Reads a topic of Kafka in batches; see `ConsumeKafkaArgs`. */
  consumeKafka(name: string, topic: KafkaTopicRef, args: ConsumeKafkaArgs): lambda.EventSourceMapping {
    return consumeKafka(this, name, topic, args);
  }

  /** Reads a queue in batches. */
  consumeQueue(name: string, queue: QueueRef, args: ConsumeQueueArgs): lambda.EventSourceMapping {
    return consumeQueue(this, name, queue, args);
  }

  /** Refuses a grant for a service that the function did not say it calls: it may be placed where it cannot reach it. */
  checkReach(service: Callee): void {
    if (this.#calls.includes(service)) return;
    throw new Error(
      `Function "${this.grantName}" is granted ${service} but its \`calls\` are [${this.#calls.join(", ")}]: add "${service}" to them.`,
    );
  }

  #watch(name: string): void {
    const common = {
      foundation: this.foundation,
      module: this.module,
      namespace: "AWS/Lambda",
      dimensions: { FunctionName: this.name },
      statistic: "Sum",
      above: 0,
      periods: 3,
    };
    alarm(
      `${name}-errors`,
      { ...common, description: `Function ${name} fails. Its log group has the stack.`, metric: "Errors" },
      this.child(),
    );
    alarm(
      `${name}-throttles`,
      {
        ...common,
        description: `Function ${name} is throttled: its or the account's concurrency is used up.`,
        metric: "Throttles",
      },
      this.child(),
    );
    alarm(
      `${name}-slow`,
      {
        ...common,
        description: `Function ${name} comes near its timeout of ${this.timeoutSeconds} s.`,
        metric: "Duration",
        statistic: "Maximum",
        above: this.timeoutSeconds * 900,
      },
      this.child(),
    );
  }
}

function groupsOf(network: NetworkRef, { securityGroupIds }: LambdaFunctionArgs): NetworkRef["securityGroupIds"] {
  if (securityGroupIds === undefined) return network.securityGroupIds;
  return pulumi
    .all([network.securityGroupIds, securityGroupIds])
    .apply(([own, further]) => [...own, ...further.filter((id) => !own.includes(id))]);
}

/** The network of a function that must run in it. */
function placement(calls: readonly Callee[], network: NetworkRef | undefined): NetworkRef | undefined {
  return calls.includes("dynamodb") || calls.includes("kafka") ? network : undefined;
}

/** Faults of a function that must run in the network and calls what cannot be reached from there. */
export function reachFaults(calls: readonly Callee[], network: NetworkRef | undefined, path = "calls"): Fault[] {
  if (network === undefined || placement(calls, network) === undefined) return [];
  // Brokers are in the network itself.
  const reached: readonly Callee[] = ["kafka", ...(network.reaches ?? ["dynamodb", "s3"])];
  return calls
    .filter((callee) => !reached.includes(callee))
    .map((callee) => ({
      path,
      reason: `the function runs in the foundation's network, as it calls ${calls.includes("dynamodb") ? "DynamoDB" : "Kafka"}, and ${remedy(callee)}`,
    }));
}

function remedy(callee: Callee): string {
  if (callee === "internet") {
    return (
      `the network has no way to the internet. Give the private subnets a route to a NAT gateway (about $33 a month each) and ` +
      `say so: network.internet: true; or leave the network out`
    );
  }
  return (
    `${callee} is not reachable from there. Add "${callee}" to the Governance argument network.interfaceEndpoints ` +
    `(about $8 a month per availability zone), or leave the network out`
  );
}

function archive(name: string, args: LambdaFunctionArgs): pulumi.Output<pulumi.asset.AssetArchive> {
  const callbacks = Object.entries(args.callbacks ?? {}).map(async ([file, callback]) => {
    try {
      return [file, await callbackAsset(file.replace(/\.cjs$/, ""), callback)] as const;
    } catch (error) {
      // A program may give several functions a callback of the same name: each destination has its `map`.
      throw new Error(`Function "${name}": ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return pulumi.all([args.config, pulumi.output(Promise.all(callbacks))] as const).apply(([config, assets]) => {
    return new pulumi.asset.AssetArchive({
      // The bundle, and the libraries beside it that it loads when it needs them.
      ...Object.fromEntries(
        readdirSync(args.bundle)
          .filter((file) => file.endsWith(".mjs"))
          .sort()
          .map((file) => [file, new pulumi.asset.FileAsset(path.join(args.bundle, file))]),
      ),
      ...(args.config === undefined ? {} : { "config.json": new pulumi.asset.StringAsset(JSON.stringify(config)) }),
      ...Object.fromEntries(assets),
    });
  });
}
