import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type FoundationRef, policyDocument } from "@tributary/core";
import { DataLake } from "@tributary/data-lake";
import { http, Ingestion } from "@tributary/ingestion";

// What this codebase has had for years: a key, a topic for alarms, an archive of invoices.
const key = new aws.kms.Key("company", { description: "Company data", enableKeyRotation: true });
const alarms = new aws.sns.Topic("on-call", { kmsMasterKeyId: key.arn });
// Alarms, budgets and rules of the event bus publish to it.
new aws.sns.TopicPolicy("on-call", {
  arn: alarms.arn,
  policy: policyDocument([
    {
      actions: ["sns:Publish"],
      principals: { Service: ["cloudwatch.amazonaws.com", "events.amazonaws.com"] },
      resources: [alarms.arn],
      conditions: { StringEquals: { "aws:SourceAccount": aws.getCallerIdentityOutput().accountId } },
    },
  ]),
});
const invoices = new aws.s3.Bucket("invoices", {});

// A foundation is a plain object: no Governance component is needed where there is a key and a topic already.
const foundation: FoundationRef = {
  keyArn: key.arn,
  alarmTopicArn: alarms.arn,
  environment: pulumi.getStack(),
  logRetentionDays: 30,
  tags: { Project: "web-shop" },
};

const lake = new DataLake("events", { foundation, databasePrefix: "shop_" });
const ingestion = new Ingestion("events", { foundation, rawZone: lake.rawZone, sources: { web: http() } });

export const collectorUrl = ingestion.contract.collectorUrl;
export const invoiceBucket = invoices.bucket;
