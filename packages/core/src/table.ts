import * as dynamodb from "@pulumi/aws/dynamodb";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import { TributaryComponent } from "./component";
import type { FoundationRef, TagDataClass } from "./foundation";
import { tagsFor } from "./foundation";
import type { Grantee } from "./grants";
import { grantTableRead, grantTableReadWrite, grantTableWrite } from "./grants";
import { policyDocument } from "./policy";
import type { OnDelete } from "./protect";
import { protectData } from "./protect";
import type { TableRef } from "./refs";
import type { ProvisionedCapacity } from "./table-autoscaling";
import { autoscale } from "./table-autoscaling";
import type { Transform } from "./transform";
import { applyTransform } from "./transform";

export type KeyType = "S" | "N" | "B";

export interface TableKey {
  readonly name: string;
  /** @default "S" */
  readonly type?: KeyType;
}

export interface TableIndex {
  readonly name: string;
  readonly hashKey: TableKey;
  readonly rangeKey?: TableKey;
  /** @default "ALL" */
  readonly projection?: "ALL" | "KEYS_ONLY";
}

export interface SecureTableArgs {
  readonly foundation: FoundationRef;
  readonly dataClass: TagDataClass;
  readonly hashKey: TableKey;
  readonly rangeKey?: TableKey;
  /** What its stream carries; left out: no stream. */
  readonly stream?: "NEW_IMAGE" | "NEW_AND_OLD_IMAGES" | "OLD_IMAGE" | "KEYS_ONLY";
  /** Attribute with the expiry in seconds since the epoch. */
  readonly ttlAttribute?: string;
  readonly indexes?: readonly TableIndex[];
  /** On demand bills requests only; provisioned bills by the hour and suits a known load. @default "on-demand" */
  readonly capacity?: "on-demand" | { readonly provisioned: ProvisionedCapacity };
  /** @default "retain" */
  readonly onDelete?: OnDelete;
  readonly transform?: Transform<dynamodb.TableArgs>;
}

/** Days of point-in-time recovery: DynamoDB's most. */
const recoveryDays = 35;

/** Data-plane actions that a table in a network refuses from elsewhere. Control-plane ones stay open, or a deployment could lock itself out. */
const dataPlane = [
  "dynamodb:BatchGetItem",
  "dynamodb:BatchWriteItem",
  "dynamodb:ConditionCheckItem",
  "dynamodb:DeleteItem",
  "dynamodb:GetItem",
  "dynamodb:PartiQLDelete",
  "dynamodb:PartiQLInsert",
  "dynamodb:PartiQLSelect",
  "dynamodb:PartiQLUpdate",
  "dynamodb:PutItem",
  "dynamodb:Query",
  "dynamodb:Scan",
  "dynamodb:UpdateItem",
];

/**
 * A table encrypted with the foundation's key, with 35 days of point-in-time recovery, deletion protection and alarms.
 * Where the foundation has a network with a DynamoDB endpoint, items are reachable through that endpoint only.
 */
export class SecureTable extends TributaryComponent {
  readonly table: dynamodb.Table;
  readonly name: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  readonly ref: TableRef;

  constructor(name: string, args: SecureTableArgs, opts?: pulumi.ComponentResourceOptions) {
    super("SecureTable", name, opts);
    const onDelete = args.onDelete ?? "retain";
    const provisioned =
      args.capacity === undefined || args.capacity === "on-demand" ? undefined : args.capacity.provisioned;
    this.table = new dynamodb.Table(
      name,
      {
        ...applyTransform(this.#defaults(args, provisioned), args.transform),
        serverSideEncryption: { enabled: true, kmsKeyArn: args.foundation.keyArn },
        pointInTimeRecovery: { enabled: true, recoveryPeriodInDays: recoveryDays },
        deletionProtectionEnabled: onDelete === "retain",
      },
      this.child({
        ...protectData(onDelete, `Table "${name}"`),
        // Autoscaling owns the numbers once the table exists.
        ...(provisioned === undefined ? {} : { ignoreChanges: ["readCapacity", "writeCapacity"] }),
      }),
    );
    this.name = this.table.name;
    this.arn = this.table.arn;
    this.ref = {
      label: name,
      name: this.name,
      arn: this.arn,
      keyArn: args.foundation.keyArn,
      ...(args.stream === undefined ? {} : { streamArn: this.table.streamArn }),
    };
    if (provisioned !== undefined) autoscale(name, this.table, args.indexes ?? [], provisioned, this.child());
    this.#onlyFromNetwork(name, args.foundation);
    this.#watch(name, args.foundation);
    this.registerOutputs({ tableName: this.name, tableArn: this.arn });
  }

  grantRead(grantee: Grantee): void {
    grantTableRead(grantee, this.ref);
  }

  grantWrite(grantee: Grantee): void {
    grantTableWrite(grantee, this.ref);
  }

  grantReadWrite(grantee: Grantee): void {
    grantTableReadWrite(grantee, this.ref);
  }

  #defaults(args: SecureTableArgs, provisioned: ProvisionedCapacity | undefined): dynamodb.TableArgs {
    const indexes = args.indexes ?? [];
    const keys = [args.hashKey, args.rangeKey, ...indexes.flatMap((index) => [index.hashKey, index.rangeKey])];
    const types = new Map(keys.flatMap((key) => (key === undefined ? [] : [[key.name, key.type ?? "S"] as const])));
    const capacity =
      provisioned === undefined ? {} : { readCapacity: provisioned.read.min, writeCapacity: provisioned.write.min };
    return {
      hashKey: args.hashKey.name,
      ...(args.rangeKey === undefined ? {} : { rangeKey: args.rangeKey.name }),
      attributes: [...types].map(([name, type]) => ({ name, type })),
      billingMode: provisioned === undefined ? "PAY_PER_REQUEST" : "PROVISIONED",
      ...capacity,
      ...(args.stream === undefined ? {} : { streamEnabled: true, streamViewType: args.stream }),
      ...(args.ttlAttribute === undefined ? {} : { ttl: { enabled: true, attributeName: args.ttlAttribute } }),
      ...(indexes.length === 0
        ? {}
        : {
            globalSecondaryIndexes: indexes.map((index) => ({
              name: index.name,
              keySchemas: [
                { attributeName: index.hashKey.name, keyType: "HASH" },
                ...(index.rangeKey === undefined ? [] : [{ attributeName: index.rangeKey.name, keyType: "RANGE" }]),
              ],
              projectionType: index.projection ?? "ALL",
              ...capacity,
            })),
          }),
      tags: tagsFor(args.foundation, this.module, args.dataClass),
    };
  }

  #onlyFromNetwork(name: string, foundation: FoundationRef): void {
    const endpointId = foundation.network?.dynamodbEndpointId;
    if (endpointId === undefined) return;
    new dynamodb.ResourcePolicy(
      `${name}-only-from-network`,
      {
        resourceArn: this.arn,
        policy: policyDocument([
          {
            sid: "OnlyThroughTheEndpoint",
            effect: "Deny",
            actions: dataPlane,
            principals: "*",
            resources: [this.arn, pulumi.interpolate`${this.arn}/index/*`],
            conditions: {
              StringNotEquals: { "aws:SourceVpce": endpointId },
              // AWS's own calls on the table's behalf (backups, exports) do not come from a VPC.
              BoolIfExists: { "aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false" },
            },
          },
        ]),
      },
      this.child(),
    );
  }

  #watch(name: string, foundation: FoundationRef): void {
    for (const [what, metric] of [
      ["reads", "ReadThrottleEvents"],
      ["writes", "WriteThrottleEvents"],
    ] as const) {
      alarm(
        `${name}-throttled-${what}`,
        {
          foundation,
          module: this.module,
          description: `DynamoDB throttles ${what} of table ${name}: a hot key, or capacity below the load.`,
          namespace: "AWS/DynamoDB",
          metric,
          dimensions: { TableName: this.name },
          statistic: "Sum",
          above: 0,
          periods: 5,
        },
        this.child(),
      );
    }
  }
}
