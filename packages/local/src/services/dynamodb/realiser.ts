import { z } from "zod";
import { autoName, type Kernel, parseInput, type Realiser, type Registered } from "../../kernel";
import type { KeyAttribute, KeyType } from "./schema";
import type { DynamoDbService } from "./service";
import { tableArn } from "./table";
import { type TableDeclaration, tableNameOf } from "./tables";
import { refuse } from "./values";

const projectionType = z.enum(["ALL", "KEYS_ONLY", "INCLUDE"]);
/** An index names its keys by `hashKey` and `rangeKey`, or (newer) by `keySchemas`. */
const globalIndex = z.object({
  name: z.string(),
  hashKey: z.string().optional(),
  rangeKey: z.string().optional(),
  keySchemas: z.array(z.object({ attributeName: z.string(), keyType: z.enum(["HASH", "RANGE"]) })).optional(),
  projectionType,
  nonKeyAttributes: z.array(z.string()).optional(),
});
const inputs = z.object({
  name: z.string().optional(),
  hashKey: z.string().optional(),
  rangeKey: z.string().optional(),
  attributes: z.array(z.object({ name: z.string(), type: z.enum(["S", "N", "B"]) })).optional(),
  billingMode: z.enum(["PROVISIONED", "PAY_PER_REQUEST"]).optional(),
  readCapacity: z.number().optional(),
  writeCapacity: z.number().optional(),
  deletionProtectionEnabled: z.boolean().optional(),
  globalSecondaryIndexes: z.array(globalIndex).optional(),
  localSecondaryIndexes: z
    .array(
      z.object({
        name: z.string(),
        rangeKey: z.string(),
        projectionType,
        nonKeyAttributes: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  streamEnabled: z.boolean().optional(),
  streamViewType: z.enum(["", "KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]).optional(),
  ttl: z.object({ attributeName: z.string().optional(), enabled: z.boolean().optional() }).optional(),
  pointInTimeRecovery: z.object({ enabled: z.boolean() }).optional(),
  serverSideEncryption: z.object({ enabled: z.boolean(), kmsKeyArn: z.string().optional() }).optional(),
  tags: z.record(z.string(), z.string()).optional(),
});

type Inputs = z.infer<typeof inputs>;

/**
 * `aws:dynamodb/table:Table`. The table is made in `compute`, since its stream's ARN, which the program reads, carries
 * the moment of its creation.
 */
export function tableRealiser({ tables }: DynamoDbService): Realiser {
  const ensure = async (declared: TableDeclaration) => {
    const existing = tables.find(declared.name);
    if (!existing) return tables.create(declared);
    await tables.update(existing, declared);
    return existing;
  };
  return {
    type: "aws:dynamodb/table:Table",
    replaceOn: ["name", "hashKey", "rangeKey", "localSecondaryIndexes"],

    async compute(resource, kernel, previous) {
      const given = parseInput(inputs, resource.inputs);
      const name = previous
        ? String(previous.outputs.name)
        : (given.name ?? autoName(resource.urn, resource.name, 255));
      const table = await ensure(declare(name, given));
      const { stream } = table;
      return {
        id: name,
        outputs: {
          name,
          arn: tableArn(kernel, name),
          region: kernel.place.region,
          hashKey: table.definition.hash.name,
          ...(table.definition.range ? { rangeKey: table.definition.range.name } : {}),
          billingMode: table.definition.billing,
          readCapacity: given.readCapacity ?? 0,
          writeCapacity: given.writeCapacity ?? 0,
          streamArn: stream?.arn ?? "",
          streamLabel: stream?.definition.label ?? "",
          streamViewType: stream?.definition.view ?? "",
          pointInTimeRecovery: given.pointInTimeRecovery ?? { enabled: false },
          tagsAll: given.tags ?? {},
        },
      };
    },

    async attach(resource) {
      await ensure(declare(String(resource.outputs.name), parseInput(inputs, resource.inputs)));
    },

    async destroy(resource) {
      const table = tables.find(String(resource.outputs.name));
      if (table) await tables.remove(table);
    },
  };
}

/** `aws:dynamodb/resourcePolicy:ResourcePolicy`: the authorizer reads it from the graph; here it has but an identity. */
export function resourcePolicyRealiser({ tables }: DynamoDbService): Realiser {
  return {
    type: "aws:dynamodb/resourcePolicy:ResourcePolicy",
    replaceOn: ["resourceArn"],
    compute(resource, kernel: Kernel) {
      const arn = parseInput(z.object({ resourceArn: z.string() }), resource.inputs).resourceArn;
      tables.require(tableNameOf(arn));
      return { id: arn, outputs: { region: kernel.place.region, revisionId: revisionOf(resource) } };
    },
  };
}

function revisionOf(resource: Registered): string {
  return autoName(JSON.stringify(resource.inputs), "policy").slice(-7);
}

function declare(name: string, given: Inputs): TableDeclaration {
  const types = new Map((given.attributes ?? []).map((each) => [each.name, each.type]));
  const key = (attribute: string): KeyAttribute => {
    const type: KeyType | undefined = types.get(attribute);
    if (type) return { name: attribute, type };
    throw refuse(
      `table ${name}: the key attribute "${attribute}" is not listed in \`attributes\`; add { name: "${attribute}", type: "S" }`,
    );
  };
  const schema = (hash: string | undefined, range: string | undefined) => {
    if (!hash) throw refuse(`table ${name}: hashKey is missing`);
    return range ? { hash: key(hash), range: key(range) } : { hash: key(hash) };
  };
  const own = schema(given.hashKey, given.rangeKey);
  const local = (given.localSecondaryIndexes ?? []).map((index) => ({
    name: index.name,
    global: false,
    hash: own.hash,
    range: key(index.rangeKey),
    projection: index.projectionType,
    include: index.nonKeyAttributes ?? [],
  }));
  const global = (given.globalSecondaryIndexes ?? []).map((index) => ({
    name: index.name,
    global: true,
    ...schema(...indexKeys(name, index)),
    projection: index.projectionType,
    include: index.nonKeyAttributes ?? [],
  }));
  const { ttl, serverSideEncryption: encryption } = given;
  return {
    name,
    ...own,
    indexes: [...local, ...global],
    ...(given.streamEnabled ? { stream: given.streamViewType || "NEW_AND_OLD_IMAGES" } : {}),
    ...(ttl?.attributeName && ttl.enabled !== false ? { ttl: ttl.attributeName } : {}),
    billing: given.billingMode ?? "PROVISIONED",
    deletionProtection: given.deletionProtectionEnabled ?? false,
    pointInTimeRecovery: given.pointInTimeRecovery?.enabled ?? false,
    ...(encryption?.enabled && encryption.kmsKeyArn ? { keyArn: encryption.kmsKeyArn } : {}),
    tags: given.tags ?? {},
  };
}

function indexKeys(table: string, index: z.infer<typeof globalIndex>): [string | undefined, string | undefined] {
  const named = (type: "HASH" | "RANGE") => {
    const names = (index.keySchemas ?? []).filter(({ keyType }) => keyType === type);
    if (names.length > 1)
      throw refuse(
        `table ${table}: index ${index.name} has several ${type} attributes, which is not done locally; use one`,
      );
    return names[0]?.attributeName;
  };
  return [index.hashKey ?? named("HASH"), index.rangeKey ?? named("RANGE")];
}
