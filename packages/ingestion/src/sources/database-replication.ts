import * as dms from "@pulumi/aws/dms";
import type { Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import { failureNotice, grantStatements, ServiceRole, tagsFor } from "@tributary/core";
import { changedAt, type DatabaseSource, databaseEngines, splitTable } from "./database";
import type { SourceContext } from "./source";

/** A serverless replication from the database to the source's folder: Parquet, a folder for each table. */
export function makeReplication(args: DatabaseSource, context: SourceContext): Record<string, Resource> {
  const { name, id, foundation, module, opts } = context;
  const tags = tagsFor(foundation, module, "personal");
  const replication = `${name}-${id}`;
  const source = makeSourceEndpoint(replication, args, context, tags);
  const target = makeTargetEndpoint(replication, args, context, tags);
  const subnets = new dms.ReplicationSubnetGroup(
    replication,
    {
      replicationSubnetGroupId: replication,
      replicationSubnetGroupDescription: `Where source ${id} is replicated`,
      subnetIds: args.network.subnetIds,
      tags,
    },
    opts,
  );
  const config = new dms.ReplicationConfig(
    replication,
    {
      replicationConfigIdentifier: replication,
      replicationType: args.read ?? "full-load-and-cdc",
      sourceEndpointArn: source.endpointArn,
      targetEndpointArn: target.endpointArn,
      computeConfig: {
        replicationSubnetGroupId: subnets.id,
        vpcSecurityGroupIds: args.network.securityGroupIds,
        minCapacityUnits: args.capacity?.min ?? 1,
        maxCapacityUnits: args.capacity?.max ?? 2,
        multiAz: args.multiAz ?? false,
        kmsKeyId: foundation.keyArn,
      },
      tableMappings: JSON.stringify({ rules: Object.keys(args.tables).map(selection) }),
      replicationSettings: JSON.stringify({ Logging: { EnableLogging: true } }),
      startReplication: args.start ?? true,
      tags,
    },
    opts,
  );
  failureNotice(
    `${replication}-failed`,
    {
      foundation,
      module,
      description: `The replication of source ${id} failed or stopped: changes of the database do not arrive. The event says why; start it again when that is mended.`,
      pattern: pulumi.jsonStringify({
        source: ["aws.dms"],
        resources: [config.arn],
        detail: { category: ["Failure"] },
      }),
    },
    opts,
  );
  return { replication: config, sourceEndpoint: source, targetEndpoint: target };
}

function selection(name: string, index: number) {
  const [schema, table] = splitTable(name);
  return {
    "rule-type": "selection",
    "rule-id": String(index + 1),
    "rule-name": `table-${index + 1}`,
    "object-locator": { "schema-name": schema, "table-name": table },
    "rule-action": "include",
  };
}

function makeSourceEndpoint(
  replication: string,
  { engine, secretArn, secretKeyArn, databaseName, certificateArn }: DatabaseSource,
  { foundation, place, opts }: SourceContext,
  tags: Record<string, string>,
): dms.Endpoint {
  const role = new ServiceRole(
    `${replication}-secret`,
    // DMS takes this role by the name that it has in the Region.
    { service: pulumi.interpolate`dms.${place.region}.amazonaws.com`, foundation },
    opts,
  );
  const policy = grantStatements(role, "read", [
    { actions: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], resources: [secretArn] },
    { actions: ["kms:Decrypt", "kms:DescribeKey"], resources: [secretKeyArn ?? foundation.keyArn] },
  ]);
  return new dms.Endpoint(
    `${replication}-source`,
    {
      endpointId: `${replication}-source`,
      endpointType: "source",
      engineName: engine,
      databaseName,
      secretsManagerArn: secretArn,
      secretsManagerAccessRoleArn: role.arn,
      sslMode: databaseEngines[engine],
      ...(certificateArn === undefined ? {} : { certificateArn }),
      kmsKeyArn: foundation.keyArn,
      tags,
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy] }),
  );
}

function makeTargetEndpoint(
  replication: string,
  args: DatabaseSource,
  { id, foundation, landing, opts }: SourceContext,
  tags: Record<string, string>,
): dms.S3Endpoint {
  const { bucket, folder } = landing();
  const role = new ServiceRole(`${replication}-target`, { service: "dms.amazonaws.com", foundation }, opts);
  const objects = pulumi.interpolate`${bucket.arn}/${folder(id)}*`;
  const policy = grantStatements(role, "write", [
    { actions: ["s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging"], resources: [objects] },
    {
      actions: ["s3:ListBucket"],
      resources: [bucket.arn],
      conditions: { StringLike: { "s3:prefix": [folder(id).slice(0, -1), `${folder(id)}*`] } },
    },
    { actions: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
  ]);
  return new dms.S3Endpoint(
    `${replication}-target`,
    {
      endpointId: `${replication}-target`,
      endpointType: "target",
      bucketName: bucket.name,
      bucketFolder: folder(id).replace(/\/$/, ""),
      serviceAccessRoleArn: role.arn,
      dataFormat: "parquet",
      parquetVersion: "parquet-2-0",
      compressionType: "GZIP",
      // Every file says of each row what happened to it and when, those of the first load too.
      includeOpForFullLoad: true,
      timestampColumnName: changedAt,
      cdcInsertsAndUpdates: args.deletes === false,
      // A file a minute at most: each is a message to the loader, and a file in the raw zone.
      cdcMaxBatchInterval: 60,
      encryptionMode: "SSE_KMS",
      serverSideEncryptionKmsKeyId: foundation.keyArn,
      tags,
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy] }),
  );
}
