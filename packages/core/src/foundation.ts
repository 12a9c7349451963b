import type { Input } from "@pulumi/pulumi";
import type { NetworkRef } from "./refs";

/**
 * What every component stands on: `governance.foundation`, or the same shape written by hand beside an existing
 * codebase. Values are Inputs; what decides which resources exist (the network's presence, the environment's name) is
 * plain.
 */
export interface FoundationRef {
  /** Customer managed key for everything at rest. What its policy must allow: `keyStatements` of @tributary/governance. */
  readonly keyArn: Input<string>;
  /** SNS topic that alarms go to; its policy lets `cloudwatch.amazonaws.com` and `events.amazonaws.com` publish. */
  readonly alarmTopicArn: Input<string>;
  /** `dev`, `prod`…: tag and part of the data classes' protection. */
  readonly environment: string;
  /** Days that function and access logs are kept; one of CloudWatch's values. */
  readonly logRetentionDays: number;
  /** Tags of every taggable resource. */
  readonly tags: Readonly<Record<string, string>>;
  /** Applied to every role where given. */
  readonly permissionsBoundaryArn?: Input<string>;
  /** Private network for the functions that call DynamoDB; absent: no VPC at all. */
  readonly network?: NetworkRef;
  /** Bucket for S3 access logs; absent: buckets are not access-logged. */
  readonly accessLogs?: { readonly bucketName: Input<string> };
}

/** How a resource's content is classed, as a tag. */
export type TagDataClass = "public" | "internal" | "personal" | "sensitive";

/** Tags of a resource of a component: the foundation's, the module (cost per module) and the class of its data. */
export function tagsFor(
  foundation: Pick<FoundationRef, "tags" | "environment">,
  component: string,
  dataClass?: TagDataClass,
): Record<string, string> {
  return {
    ...foundation.tags,
    Environment: foundation.environment,
    Module: component,
    ...(dataClass === undefined ? {} : { DataClass: dataClass }),
  };
}
