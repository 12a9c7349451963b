import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as ec2 from "@pulumi/aws/ec2";
import * as msk from "@pulumi/aws/msk";
import * as vpc from "@pulumi/aws/vpc";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import { TributaryComponent } from "./component";
import type { FoundationRef, TagDataClass } from "./foundation";
import { tagsFor } from "./foundation";
import type { Grantee } from "./grants";
import { grantStatements } from "./grants";
import { policyDocument } from "./policy";
import type { OnDelete } from "./protect";
import { protectData } from "./protect";
import type { KafkaTopicRef, NetworkRef } from "./refs";

/** The cluster of a topic; each bills by the hour whether it is used or not. */
export type KafkaCluster =
  /** About $0.75 an hour and $0.0015 per partition-hour; scales by itself to 200 MiB/s in. */
  | "serverless"
  | {
      /** At least 2, a multiple of the subnets' number. @default 2 */
      readonly brokers?: number;
      /** Not of the t3 family, which Firehose cannot connect to. @default "kafka.m7g.large" */
      readonly instanceType?: string;
      /** Of each broker, 1 to 16,384. @default 100 */
      readonly volumeGib?: number;
      /** @default "3.9.x" */
      readonly kafkaVersion?: string;
    };

/** Defaults of provisioned clusters. */
export const kafkaDefaults = Object.freeze({
  brokers: 2,
  instanceType: "kafka.m7g.large",
  volumeGib: 100,
  kafkaVersion: "3.9.x",
});

export interface KafkaTopicArgs {
  readonly foundation: FoundationRef;
  readonly dataClass: TagDataClass;
  /** Where the brokers are reached. */
  readonly network: NetworkRef;
  readonly cluster: KafkaCluster;
  /** Each is read by one poller at a time; can only grow. */
  readonly partitions: number;
  readonly retentionHours: number;
  /** @default "retain" */
  readonly onDelete?: OnDelete;
}

const iamPort = 9098;
/** A record of the collector, with its envelope. */
const maxMessageBytes = 1_048_576 + 65_536;

/**
 * A topic on an MSK cluster of its own: logins by IAM only, TLS everywhere, the foundation's key at rest, brokers that only
 * the functions which produce, the event source mappings and Firehose can reach.
 */
export class KafkaTopic extends TributaryComponent {
  readonly cluster: msk.Cluster | msk.ServerlessCluster;
  readonly topic: msk.Topic;
  readonly ref: KafkaTopicRef;

  constructor(name: string, args: KafkaTopicArgs, opts?: pulumi.ComponentResourceOptions) {
    super("KafkaTopic", name, opts);
    const { foundation, network } = args;
    const tags = tagsFor(foundation, this.module, args.dataClass);
    const { brokersGroup, clientsGroup } = this.#groups(name, network, tags);
    const protection = protectData(args.onDelete ?? "retain", `Kafka cluster "${name}"`);
    this.cluster =
      args.cluster === "serverless"
        ? new msk.ServerlessCluster(
            name,
            {
              clientAuthentication: { sasl: { iam: { enabled: true } } },
              vpcConfigs: [{ subnetIds: network.subnetIds, securityGroupIds: [brokersGroup.id] }],
              tags,
            },
            this.child(protection),
          )
        : this.#provisioned(name, args, args.cluster, brokersGroup, tags, protection);
    // Firehose connects through a managed VPC connection, which the cluster's own policy must allow.
    const policy = new msk.ClusterPolicy(
      name,
      {
        clusterArn: this.cluster.arn,
        policy: policyDocument([
          {
            sid: "Firehose",
            actions: ["kafka:CreateVpcConnection"],
            principals: { Service: "firehose.amazonaws.com" },
            resources: [this.cluster.arn],
            conditions: { StringEquals: { "aws:SourceAccount": this.place.accountId } },
          },
        ]),
      },
      this.child(),
    );
    const replicas = args.cluster === "serverless" ? 3 : Math.min(3, args.cluster.brokers ?? kafkaDefaults.brokers);
    const settings = {
      "retention.ms": String(args.retentionHours * 3_600_000),
      "max.message.bytes": String(maxMessageBytes),
      "min.insync.replicas": String(Math.max(1, replicas - 1)),
    };
    this.topic = new msk.Topic(
      name,
      {
        clusterArn: this.cluster.arn,
        name: "events",
        partitionCount: args.partitions,
        replicationFactor: replicas,
        configs: JSON.stringify(settings),
      },
      this.child(protection),
    );
    this.ref = {
      label: name,
      clusterArn: this.cluster.arn,
      topic: this.topic.name,
      bootstrapBrokers: this.cluster.bootstrapBrokersSaslIam,
      clientSecurityGroupIds: [clientsGroup.id],
      ready: [policy],
    };
    this.#watch(name, args);
    this.registerOutputs({ clusterArn: this.cluster.arn, topic: this.topic.name });
  }

  #groups(name: string, network: NetworkRef, tags: Record<string, string>) {
    const group = (part: string, description: string, egress?: ec2.SecurityGroupArgs["egress"]) =>
      new ec2.SecurityGroup(
        `${name}-${part}`,
        { vpcId: network.vpcId, description, tags, ...(egress === undefined ? {} : { ingress: [], egress }) },
        this.child(),
      );
    const brokersGroup = group("brokers", "Kafka brokers: TLS from those who produce and from Lambda's pollers");
    const tls = { protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] };
    const brokers = { protocol: "tcp", fromPort: iamPort, toPort: iamPort, securityGroups: [brokersGroup.id] };
    const clientsGroup = group("clients", "Functions that produce: nothing in, brokers and TLS out", [tls, brokers]);
    const rule = { securityGroupId: brokersGroup.id, ipProtocol: "tcp", tags };
    const kafka = { ...rule, fromPort: iamPort, toPort: iamPort };
    const rules = [
      ["clients", clientsGroup.id],
      // Lambda's pollers get their interfaces in the brokers' own group.
      ["pollers", brokersGroup.id],
    ] as const;
    for (const [part, referencedSecurityGroupId] of rules) {
      new vpc.SecurityGroupIngressRule(`${name}-${part}`, { ...kafka, referencedSecurityGroupId }, this.child());
    }
    new vpc.SecurityGroupEgressRule(
      `${name}-pollers`,
      { ...kafka, referencedSecurityGroupId: brokersGroup.id },
      this.child(),
    );
    new vpc.SecurityGroupEgressRule(
      `${name}-tls`,
      { ...rule, fromPort: 443, toPort: 443, cidrIpv4: "0.0.0.0/0" },
      this.child(),
    );
    return { brokersGroup, clientsGroup };
  }

  #provisioned(
    name: string,
    { foundation, network }: KafkaTopicArgs,
    cluster: Exclude<KafkaCluster, "serverless">,
    brokersGroup: ec2.SecurityGroup,
    tags: Record<string, string>,
    protection: pulumi.CustomResourceOptions,
  ): msk.Cluster {
    const logs = new cloudwatch.LogGroup(
      `${name}-brokers`,
      { kmsKeyId: foundation.keyArn, retentionInDays: foundation.logRetentionDays, tags },
      this.child(),
    );
    return new msk.Cluster(
      name,
      {
        kafkaVersion: cluster.kafkaVersion ?? kafkaDefaults.kafkaVersion,
        numberOfBrokerNodes: cluster.brokers ?? kafkaDefaults.brokers,
        brokerNodeGroupInfo: {
          instanceType: cluster.instanceType ?? kafkaDefaults.instanceType,
          clientSubnets: network.subnetIds,
          securityGroups: [brokersGroup.id],
          storageInfo: { ebsStorageInfo: { volumeSize: cluster.volumeGib ?? kafkaDefaults.volumeGib } },
          // The way in for Firehose.
          connectivityInfo: { vpcConnectivity: { clientAuthentication: { sasl: { iam: true } } } },
        },
        clientAuthentication: { sasl: { iam: true, scram: false }, unauthenticated: false },
        encryptionInfo: {
          encryptionAtRestKmsKeyArn: foundation.keyArn,
          encryptionInTransit: { clientBroker: "TLS", inCluster: true },
        },
        enhancedMonitoring: "PER_TOPIC_PER_BROKER",
        loggingInfo: { brokerLogs: { cloudwatchLogs: { enabled: true, logGroup: logs.name } } },
        tags,
      },
      this.child(protection),
    );
  }

  #watch(name: string, { foundation, cluster }: KafkaTopicArgs): void {
    if (cluster === "serverless") return;
    alarm(
      `${name}-disk`,
      {
        foundation,
        module: this.module,
        namespace: "AWS/Kafka",
        dimensions: { "Cluster Name": this.cluster.clusterName },
        description: `A broker of ${name} has used more than 80 % of its disk: give it a larger volume (volumeGib) or a shorter retention.`,
        metric: "KafkaDataLogsDiskUsed",
        statistic: "Maximum",
        above: 80,
        periodSeconds: 300,
        missingData: "missing",
      },
      this.child(),
    );
  }
}

/** The ARN of a cluster's topic or consumer group, as IAM names it. */
export function kafkaArn(
  kind: "topic" | "group",
  clusterArn: pulumi.Input<string>,
  name: pulumi.Input<string>,
): pulumi.Output<string> {
  return pulumi.all([clusterArn, name]).apply(([arn, part]) => `${arn.replace(":cluster/", `:${kind}/`)}/${part}`);
}

/** Connects, finds the topic and writes to it. */
export function grantKafkaProduce(grantee: Grantee, topic: KafkaTopicRef): void {
  grantee.checkReach?.("kafka");
  grantStatements(grantee, `produce-${topic.label ?? "kafka"}`, [
    { actions: ["kafka-cluster:Connect"], resources: [topic.clusterArn] },
    {
      actions: ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"],
      resources: [kafkaArn("topic", topic.clusterArn, topic.topic)],
    },
  ]);
}
