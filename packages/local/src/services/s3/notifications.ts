import { createHash, randomUUID } from "node:crypto";
import { arn, type Kernel } from "../../kernel";
import type { Delivery } from "../support";
import type { BucketConfiguration } from "./configuration";
import type { ObjectEvent, ObjectRow } from "./types";

export interface ObjectChange {
  readonly bucket: string;
  readonly key: string;
  readonly event: ObjectEvent;
  readonly row: ObjectRow;
}

let sequence = 0;

/** Grows from change to change, as hex of even width, so that consumers can order the events of one key. */
function sequencer(at: number): string {
  sequence += 1;
  return (BigInt(at) * 1_000_000n + BigInt(sequence % 1_000_000)).toString(16).toUpperCase().padStart(18, "0");
}

/** The messages that a bucket's configuration asks for when an object changes. */
export function notificationsFor(kernel: Kernel, configuration: BucketConfiguration, change: ObjectChange): Delivery[] {
  const { targets, eventBridge } = configuration;
  if (targets.length === 0 && !eventBridge) return [];
  const principal = {
    kind: "service",
    service: "s3.amazonaws.com",
    sourceArn: `arn:aws:s3:::${change.bucket}`,
  } as const;
  const order = sequencer(kernel.now());
  const deliveries: Delivery[] = [];
  for (const { id, kind, targetArn, events, prefix, suffix } of targets) {
    if (!change.key.startsWith(prefix) || !change.key.endsWith(suffix)) continue;
    if (!events.some((wanted) => covers(wanted, change.event))) continue;
    const payload = { Records: [record(kernel, change, id, order)] };
    const options = kind === "topic" ? { subject: "Amazon S3 Notification" } : {};
    deliveries.push({ targetArn, payload, principal, options });
  }
  if (eventBridge) {
    const targetArn = arn(kernel.place, "events", "event-bus/default");
    deliveries.push({ targetArn, payload: bridgeEvent(kernel, change, order), principal });
  }
  return deliveries;
}

function covers(wanted: string, event: ObjectEvent): boolean {
  const name = wanted.replace(/^s3:/, "");
  return name === event || (name.endsWith(":*") && event.startsWith(name.slice(0, -1)));
}

/** Event version 2.1: "Event message structure" in the S3 user guide. */
function record(kernel: Kernel, change: ObjectChange, configurationId: string, order: string): Record<string, unknown> {
  const { bucket, key, event, row } = change;
  const { accountId, region } = kernel.place;
  const removed = event.startsWith("ObjectRemoved");
  return {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: region,
    eventTime: new Date(kernel.now()).toISOString(),
    eventName: event,
    userIdentity: { principalId: `AWS:${accountId}` },
    requestParameters: { sourceIPAddress: "127.0.0.1" },
    responseElements: {
      "x-amz-request-id": randomUUID().replaceAll("-", "").slice(0, 16).toUpperCase(),
      "x-amz-id-2": createHash("sha256").update(order).digest("base64"),
    },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId,
      bucket: { name: bucket, ownerIdentity: { principalId: accountId }, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key: encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/"),
        ...(!removed && { size: row.size, eTag: row.etag.replaceAll('"', "") }),
        sequencer: order,
      },
    },
  };
}

const reasons: Record<ObjectEvent, string> = {
  "ObjectCreated:Put": "PutObject",
  "ObjectCreated:Copy": "CopyObject",
  "ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
  "ObjectRemoved:Delete": "DeleteObject",
};

/** The event that S3 sends to the default bus; the bus fills in id, account, time and Region. */
function bridgeEvent(kernel: Kernel, change: ObjectChange, order: string): Record<string, unknown> {
  const { bucket, key, event, row } = change;
  const removed = event.startsWith("ObjectRemoved");
  return {
    source: "aws.s3",
    "detail-type": removed ? "Object Deleted" : "Object Created",
    resources: [`arn:aws:s3:::${bucket}`],
    detail: {
      version: "0",
      bucket: { name: bucket },
      object: { key, ...(!removed && { size: row.size, etag: row.etag.replaceAll('"', "") }), sequencer: order },
      "request-id": randomUUID(),
      requester: kernel.place.accountId,
      "source-ip-address": "127.0.0.1",
      reason: reasons[event],
      ...(removed && { "deletion-type": "Permanently Deleted" }),
    },
  };
}
