import type * as api from "@aws-sdk/client-dynamodb";
import { z } from "zod";
import { AwsError, type Kernel, parseInput } from "../../kernel";
import { type KeyAttribute, type KeySchema, keyNames, type TableDefinition } from "./schema";
import { type Table, tableArn, tableNotFound } from "./table";
import { type TableDeclaration, type Tables, tableNameOf } from "./tables";
import { refuse } from "./values";

type Plain<T> = Omit<T, "$metadata">;

const tableName = z.string().regex(/^[a-zA-Z0-9_.-]{3,255}$/);
const keySchema = z
  .array(z.object({ AttributeName: z.string().min(1), KeyType: z.enum(["HASH", "RANGE"]) }))
  .min(1)
  .max(2);
const index = z.object({
  IndexName: tableName,
  KeySchema: keySchema,
  Projection: z.object({
    ProjectionType: z.enum(["ALL", "KEYS_ONLY", "INCLUDE"]).default("ALL"),
    NonKeyAttributes: z.array(z.string()).optional(),
  }),
});
const attributeDefinitions = z.array(z.object({ AttributeName: z.string(), AttributeType: z.enum(["S", "N", "B"]) }));
const stream = z.object({
  StreamEnabled: z.boolean(),
  StreamViewType: z.enum(["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]).optional(),
});
const createInput = z.object({
  TableName: tableName,
  AttributeDefinitions: attributeDefinitions,
  KeySchema: keySchema,
  GlobalSecondaryIndexes: z.array(index).optional(),
  LocalSecondaryIndexes: z.array(index).optional(),
  BillingMode: z.enum(["PROVISIONED", "PAY_PER_REQUEST"]).default("PROVISIONED"),
  StreamSpecification: stream.optional(),
  DeletionProtectionEnabled: z.boolean().default(false),
  SSESpecification: z.object({ KMSMasterKeyId: z.string().optional() }).optional(),
  Tags: z.array(z.object({ Key: z.string(), Value: z.string() })).optional(),
});
const updateInput = z.object({
  TableName: z.string(),
  AttributeDefinitions: attributeDefinitions.optional(),
  BillingMode: z.enum(["PROVISIONED", "PAY_PER_REQUEST"]).optional(),
  StreamSpecification: stream.optional(),
  DeletionProtectionEnabled: z.boolean().optional(),
  GlobalSecondaryIndexUpdates: z
    .array(z.strictObject({ Create: index.optional(), Delete: z.object({ IndexName: z.string() }).optional() }))
    .optional(),
});
const ttlInput = z.object({
  TimeToLiveSpecification: z.object({ Enabled: z.boolean(), AttributeName: z.string().min(1).max(255) }),
});
const backupsInput = z.object({
  PointInTimeRecoverySpecification: z.object({ PointInTimeRecoveryEnabled: z.boolean() }),
});
const listInput = z.object({
  Limit: z.number().int().min(1).max(100).optional(),
  ExclusiveStartTableName: z.string().optional(),
});

/** The operations on tables themselves. */
export class TableOperations {
  constructor(
    private readonly kernel: Kernel,
    private readonly tables: Tables,
  ) {}

  async createTable(input: api.CreateTableCommandInput): Promise<Plain<api.CreateTableCommandOutput>> {
    const given = parseInput(createInput, input);
    if (this.tables.find(given.TableName)) {
      throw new AwsError("ResourceInUseException", `Table already exists: ${given.TableName}`);
    }
    const types = given.AttributeDefinitions;
    const spec = given.StreamSpecification;
    const table = await this.tables.create({
      name: given.TableName,
      ...readKey(given.KeySchema, types),
      indexes: [
        ...(given.LocalSecondaryIndexes ?? []).map((each) => readIndex(each, types, false)),
        ...(given.GlobalSecondaryIndexes ?? []).map((each) => readIndex(each, types, true)),
      ],
      ...(spec?.StreamEnabled ? { stream: spec.StreamViewType ?? "NEW_AND_OLD_IMAGES" } : {}),
      billing: given.BillingMode,
      deletionProtection: given.DeletionProtectionEnabled,
      pointInTimeRecovery: false,
      ...(given.SSESpecification?.KMSMasterKeyId ? { keyArn: given.SSESpecification.KMSMasterKeyId } : {}),
      tags: Object.fromEntries((given.Tags ?? []).map(({ Key, Value }) => [Key, Value])),
    });
    return { TableDescription: this.describe(table) };
  }

  async updateTable(input: api.UpdateTableCommandInput): Promise<Plain<api.UpdateTableCommandOutput>> {
    const given = parseInput(updateInput, input);
    const table = this.tables.require(given.TableName);
    const now = declarationOf(table.definition);
    const { stream: view, ...rest } = now;
    const types = given.AttributeDefinitions ?? [];
    let indexes = now.indexes;
    for (const { Create, Delete } of given.GlobalSecondaryIndexUpdates ?? []) {
      if (Delete) indexes = indexes.filter(({ name }) => name !== Delete.IndexName);
      if (Create) indexes = [...indexes, readIndex(Create, types, true)];
    }
    const spec = given.StreamSpecification;
    const wanted = spec ? (spec.StreamEnabled ? (spec.StreamViewType ?? "NEW_AND_OLD_IMAGES") : undefined) : view;
    await this.tables.update(table, {
      ...rest,
      indexes,
      billing: given.BillingMode ?? now.billing,
      deletionProtection: given.DeletionProtectionEnabled ?? now.deletionProtection,
      ...(wanted ? { stream: wanted } : {}),
    });
    return { TableDescription: this.describe(table) };
  }

  async deleteTable(input: api.DeleteTableCommandInput): Promise<Plain<api.DeleteTableCommandOutput>> {
    const table = this.tables.require(input.TableName);
    const description = this.describe(table);
    await this.tables.remove(table);
    return { TableDescription: { ...description, TableStatus: "DELETING" } };
  }

  describeTable(input: api.DescribeTableCommandInput): Plain<api.DescribeTableCommandOutput> {
    const name = tableNameOf(input.TableName ?? "");
    const table = this.tables.find(name);
    if (table) return { Table: this.describe(table) };
    const { message } = tableNotFound();
    throw new AwsError("ResourceNotFoundException", `${message}: Table: ${name} not found`);
  }

  listTables(input: api.ListTablesCommandInput): Plain<api.ListTablesCommandOutput> {
    const { Limit = 100, ExclusiveStartTableName = "" } = parseInput(listInput, input);
    const rest = this.tables.list().filter(({ name }) => name > ExclusiveStartTableName);
    const names = rest.slice(0, Limit).map(({ name }) => name);
    return { TableNames: names, ...(rest.length > Limit ? { LastEvaluatedTableName: names.at(-1) } : {}) };
  }

  async updateTimeToLive(input: api.UpdateTimeToLiveCommandInput): Promise<Plain<api.UpdateTimeToLiveCommandOutput>> {
    const table = this.tables.require(input.TableName);
    const { TimeToLiveSpecification } = parseInput(ttlInput, input);
    const { Enabled, AttributeName } = TimeToLiveSpecification;
    const current = table.definition.ttl;
    if (Enabled === (current !== undefined)) throw refuse(`TimeToLive is already ${Enabled ? "enabled" : "disabled"}`);
    const { ttl: _, ...rest } = declarationOf(table.definition);
    await this.tables.update(table, Enabled ? { ...rest, ttl: AttributeName } : rest);
    return { TimeToLiveSpecification };
  }

  describeTimeToLive(input: api.DescribeTimeToLiveCommandInput): Plain<api.DescribeTimeToLiveCommandOutput> {
    const { ttl } = this.tables.require(input.TableName).definition;
    return {
      TimeToLiveDescription:
        ttl === undefined ? { TimeToLiveStatus: "DISABLED" } : { TimeToLiveStatus: "ENABLED", AttributeName: ttl },
    };
  }

  describeContinuousBackups(
    input: api.DescribeContinuousBackupsCommandInput,
  ): Plain<api.DescribeContinuousBackupsCommandOutput> {
    const { pointInTimeRecovery } = this.tables.require(input.TableName).definition;
    return {
      ContinuousBackupsDescription: {
        ContinuousBackupsStatus: "ENABLED",
        PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: pointInTimeRecovery ? "ENABLED" : "DISABLED" },
      },
    };
  }

  async updateContinuousBackups(
    input: api.UpdateContinuousBackupsCommandInput,
  ): Promise<Plain<api.UpdateContinuousBackupsCommandOutput>> {
    const table = this.tables.require(input.TableName);
    const { PointInTimeRecoverySpecification: wanted } = parseInput(backupsInput, input);
    await this.tables.update(table, {
      ...declarationOf(table.definition),
      pointInTimeRecovery: wanted.PointInTimeRecoveryEnabled,
    });
    return this.describeContinuousBackups(input);
  }

  private describe(table: Table): api.TableDescription {
    const { definition } = table;
    const { count, bytes } = table.statistics();
    const of = (global: boolean) => definition.indexes.filter((index) => index.global === global);
    const describeIndex = (each: TableDefinition["indexes"][number]) => ({
      IndexName: each.name,
      IndexArn: `${table.arn}/index/${each.name}`,
      KeySchema: describeKey(each),
      Projection: {
        ProjectionType: each.projection,
        ...(each.projection === "INCLUDE" ? { NonKeyAttributes: [...each.include] } : {}),
      },
    });
    const local = of(false).map(describeIndex);
    const global = of(true).map((each) => ({ ...describeIndex(each), IndexStatus: "ACTIVE" as const }));
    return {
      TableName: definition.name,
      TableArn: tableArn(this.kernel, definition.name),
      TableId: `00000000-0000-4000-8000-${String(definition.id).padStart(12, "0")}`,
      TableStatus: "ACTIVE",
      CreationDateTime: new Date(definition.createdAt),
      AttributeDefinitions: attributesOf(definition),
      KeySchema: describeKey(definition),
      BillingModeSummary: { BillingMode: definition.billing },
      ProvisionedThroughput: { ReadCapacityUnits: 0, WriteCapacityUnits: 0, NumberOfDecreasesToday: 0 },
      DeletionProtectionEnabled: definition.deletionProtection,
      ItemCount: count,
      TableSizeBytes: bytes,
      ...(local.length > 0 ? { LocalSecondaryIndexes: local } : {}),
      ...(global.length > 0 ? { GlobalSecondaryIndexes: global } : {}),
      ...(definition.keyArn
        ? { SSEDescription: { Status: "ENABLED", SSEType: "KMS", KMSMasterKeyArn: definition.keyArn } }
        : {}),
      ...(definition.stream && table.stream
        ? {
            StreamSpecification: { StreamEnabled: true, StreamViewType: definition.stream.view },
            LatestStreamLabel: definition.stream.label,
            LatestStreamArn: table.stream.arn,
          }
        : {}),
    };
  }
}

/** What a definition would be declared as: without the ids that the registry gives. */
export function declarationOf(definition: TableDefinition): TableDeclaration {
  const { id: _id, createdAt: _createdAt, indexes, stream, ...rest } = definition;
  return {
    ...rest,
    indexes: indexes.map(({ id: _, ...index }) => index),
    ...(stream ? { stream: stream.view } : {}),
  };
}

function readKey(schema: z.infer<typeof keySchema>, types: z.infer<typeof attributeDefinitions>): KeySchema {
  const attribute = (kind: "HASH" | "RANGE"): KeyAttribute | undefined => {
    const name = schema.find(({ KeyType }) => KeyType === kind)?.AttributeName;
    if (name === undefined) return undefined;
    const type = types.find(({ AttributeName }) => AttributeName === name)?.AttributeType;
    if (!type) {
      throw refuse(
        `One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [${name}], AttributeDefinitions: [${types.map(({ AttributeName }) => AttributeName).join(", ")}]`,
      );
    }
    return { name, type };
  };
  const hash = attribute("HASH");
  const range = attribute("RANGE");
  if (!hash) throw refuse("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  return range ? { hash, range } : { hash };
}

function readIndex(given: z.infer<typeof index>, types: z.infer<typeof attributeDefinitions>, global: boolean) {
  return {
    name: given.IndexName,
    global,
    ...readKey(given.KeySchema, types),
    projection: given.Projection.ProjectionType,
    include: given.Projection.NonKeyAttributes ?? [],
  };
}

function describeKey(schema: KeySchema): api.KeySchemaElement[] {
  return keyNames(schema).map((AttributeName, at) => ({ AttributeName, KeyType: at === 0 ? "HASH" : "RANGE" }));
}

function attributesOf(definition: TableDefinition): api.AttributeDefinition[] {
  const types = new Map<string, KeyAttribute["type"]>();
  for (const { hash, range } of [definition, ...definition.indexes]) {
    types.set(hash.name, hash.type);
    if (range) types.set(range.name, range.type);
  }
  return [...types].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType }));
}
