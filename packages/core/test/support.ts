import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import { type FoundationRef, LambdaFunction, type LambdaFunctionArgs } from "../src";

export const key = "arn:aws:kms:us-east-1:000000000000:key/k";
export const foundation: FoundationRef = {
  keyArn: key,
  alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p", Tenant: "t", CostCenter: "c" },
  accessLogs: { bucketName: "logs" },
};
/** A folder as the bundler leaves it. */
export const bundle = mkdtempSync(path.join(tmpdir(), "tributary-bundle-"));
writeFileSync(path.join(bundle, "index.mjs"), "export const handler = async () => 1;\n");

export const functionOf = (
  name: string,
  args: Partial<LambdaFunctionArgs> = {},
  opts?: pulumi.ComponentResourceOptions,
) => new LambdaFunction(name, { foundation, bundle, calls: [], ...args }, opts);
