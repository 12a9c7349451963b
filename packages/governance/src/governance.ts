import * as pulumi from "@pulumi/pulumi";
import type { FoundationRef } from "@tributary/core";
import { protectData, TributaryComponent, tagsFor } from "@tributary/core";
import type { GovernanceArgs } from "./args";
import { normalize } from "./normalize";
import { makeAccessLogs } from "./resources/access-logs";
import { makeAlarmTopic } from "./resources/alarm-topic";
import { makeBudget } from "./resources/budget";
import { makeDashboard } from "./resources/dashboard";
import { adoptOrMakeKey } from "./resources/key";
import { makeNetwork } from "./resources/network";

/** Raw children, for what our arguments do not offer. */
export type GovernanceNodes = Readonly<Record<string, pulumi.Resource>>;

/**
 * What the other components stand on: the customer managed key, the alarm topic, the network (adopted or created, or
 * none), the bucket for access logs, the dashboard, the tags, and a budget where one is asked for.
 */
export class Governance extends TributaryComponent {
  /** What every other component takes as `foundation`. */
  readonly foundation: FoundationRef;
  readonly keyArn: pulumi.Output<string>;
  readonly alarmTopicArn: pulumi.Output<string>;
  readonly dashboardName: pulumi.Output<string>;
  readonly nodes: GovernanceNodes;

  constructor(name: string, args: GovernanceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("Governance", name, opts);
    const resolved = normalize(name, args, pulumi.getProject());
    const tags = tagsFor(resolved, this.module, "internal");
    const { place } = this;
    const { transform } = resolved;

    const key = adoptOrMakeKey(
      name,
      resolved.key,
      { place, tags, transform: transform.key },
      this.child(),
      protectData(resolved.onDelete, `Governance "${name}"`),
    );
    this.keyArn = key.arn;
    const { topic, subscription } = makeAlarmTopic(
      name,
      { place, keyArn: this.keyArn, email: resolved.alarmEmail, tags, transform: transform.alarmTopic },
      this.child(),
    );
    this.alarmTopicArn = topic.arn;
    const network = makeNetwork(name, resolved.network, { place, tags }, this.child());
    const accessLogs = makeAccessLogs(
      name,
      { place, retentionDays: resolved.logRetentionDays, onDelete: resolved.onDelete, tags },
      this.child(),
    );
    const dashboard = makeDashboard(name, { region: place.region, tags: resolved.tags }, this.child());
    this.dashboardName = dashboard.dashboardName;
    const budget =
      resolved.budget === undefined
        ? undefined
        : makeBudget(name, { ...resolved.budget, topicArn: topic.arn, tags }, this.child());

    this.foundation = {
      keyArn: this.keyArn,
      alarmTopicArn: this.alarmTopicArn,
      environment: resolved.environment,
      logRetentionDays: resolved.logRetentionDays,
      tags: resolved.tags,
      ...(resolved.permissionsBoundaryArn === undefined
        ? {}
        : { permissionsBoundaryArn: resolved.permissionsBoundaryArn }),
      ...(network === undefined ? {} : { network: network.ref }),
      accessLogs: { bucketName: accessLogs.bucket },
    };
    this.nodes = {
      ...key.nodes,
      alarmTopic: topic,
      ...(subscription === undefined ? {} : { alarmSubscription: subscription }),
      ...network?.nodes,
      accessLogs,
      dashboard,
      ...(budget === undefined ? {} : { budget }),
    };
    this.registerOutputs({
      keyArn: this.keyArn,
      alarmTopicArn: this.alarmTopicArn,
      dashboardName: this.dashboardName,
    });
  }
}
