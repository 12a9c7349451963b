import { createHash } from "node:crypto";
import type { Input } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import {
  bucketRefFaults,
  type Callback,
  type Fault,
  foundationFaults,
  inputTextFaults,
  isRecord,
  noArguments,
  type OnDelete,
  objectFaults,
  onDeleteFaults,
  quoted,
  type StreamCapacity,
  slug,
  transformFaults,
  unknownFaults,
  validate,
  zodFaults,
} from "@tributary/core";
import { type Mapping, mappingFaults, mappingSchema, readPlan, type TrackingPlan } from "@tributary/model";
import type { IngestionArgs, IngestionTransforms } from "./args";
import { ingestionDefaults } from "./defaults";
import { type KafkaStream, kafkaFaults } from "./kafka-args";
import type { OnEvent } from "./on-event";
import { kindOf, makers, type SourceArgs } from "./sources";

export interface ResolvedSource {
  readonly id: string;
  readonly writeKey: Input<string>;
  readonly mapping: Mapping | undefined;
  readonly args: SourceArgs;
}

/** Ingestion's arguments with everything decided. */
export interface ResolvedIngestion {
  readonly sources: readonly ResolvedSource[];
  readonly capacity: StreamCapacity;
  /** Given: the event stream is a topic of Kafka. */
  readonly kafka: KafkaStream | undefined;
  readonly streamRetentionHours: number;
  readonly eventRetentionDays: number;
  /** Tracking plans by source id; undefined where no source has one. */
  readonly plans: Readonly<Record<string, TrackingPlan>> | undefined;
  readonly processing: { readonly batchSize: number; readonly windowSeconds: number; readonly parallelization: number };
  readonly archive: { readonly megabytes: number; readonly seconds: number; readonly deduplicate: boolean };
  readonly onDelete: OnDelete;
  readonly onEvent: Callback<OnEvent> | undefined;
  readonly transform: IngestionTransforms;
}

/** What a deployment's derived write keys are made of. */
export interface KeyScope {
  readonly project: string;
  readonly stack: string;
  readonly name: string;
}

/**
 * Checks the arguments and fills in the defaults.
 * @throws `InputPropertiesError` with every fault
 */
export function normalize(args: IngestionArgs, scope: KeyScope): ResolvedIngestion {
  validate(`Ingestion "${scope.name}"`, ingestionFaults(args));
  return {
    sources: Object.entries(args.sources).map(([id, source]) => ({
      id,
      writeKey: source.writeKey ?? derivedWriteKey(scope, id),
      // A webhook's mapping is of payloads: of no use to whoever loads files.
      mapping: source.kind === "webhook" ? undefined : source.mapping,
      args: source,
    })),
    plans: plansOf(args.sources),
    kafka: args.stream?.kafka,
    capacity: args.capacity ?? ingestionDefaults.capacity,
    streamRetentionHours: args.streamRetentionHours ?? ingestionDefaults.streamRetentionHours,
    eventRetentionDays: args.eventRetentionDays ?? ingestionDefaults.eventRetentionDays,
    processing: { ...ingestionDefaults.processing, ...args.processing },
    archive: { ...ingestionDefaults.archive, ...args.archive },
    onDelete: args.onDelete ?? "retain",
    onEvent: args.onEvent,
    transform: args.transform ?? {},
  };
}

function plansOf(sources: Readonly<Record<string, SourceArgs>>): Readonly<Record<string, TrackingPlan>> | undefined {
  const plans = Object.entries(sources).flatMap(([id, { plan }]) => {
    const read = plan === undefined ? undefined : readPlan(plan).plan;
    return read ? [[id, read] as const] : [];
  });
  return plans.length > 0 ? Object.fromEntries(plans) : undefined;
}

/** The same at every deployment of a stack, another in every stack: an event of a test never lands in production. */
export function derivedWriteKey({ project, stack, name }: KeyScope, sourceId: string): string {
  const hash = createHash("sha256").update([project, stack, name, sourceId].join("\0")).digest("base64url");
  return hash.replace(/[-_]/g, "").slice(0, 24);
}

const known = [
  "foundation",
  "rawZone",
  "sources",
  "capacity",
  "stream",
  "streamRetentionHours",
  "eventRetentionDays",
  "processing",
  "archive",
  "onDelete",
  "transform",
  "onEvent",
];

/** Every fault of the arguments. Outputs are not looked into. */
export function ingestionFaults(args: IngestionArgs): Fault[] {
  const missing = noArguments(args);
  if (missing.length > 0) return missing;
  return [
    ...unknownFaults("", args, known),
    ...foundationFaults(args.foundation),
    ...rawZoneFaults(args.rawZone),
    ...sourcesFaults(args.sources),
    ...capacityFaults(args.capacity),
    ...kafkaFaults(args as unknown as Record<string, unknown>),
    ...numberFaults("streamRetentionHours", args.streamRetentionHours, 48, 8760),
    ...numberFaults("eventRetentionDays", args.eventRetentionDays, 1, 3650),
    ...groupFaults("processing", args.processing, {
      batchSize: [1, 10_000],
      windowSeconds: [0, 300],
      parallelization: [1, 10],
    }),
    ...archiveFaults(args.archive),
    ...onDeleteFaults(args.onDelete),
    ...transformFaults(args.transform, ["stream", "table", "quarantine"]),
    ...callbackFaults(args.onEvent),
  ];
}

function rawZoneFaults(rawZone: unknown): Fault[] {
  const from = "dataLake.rawZone";
  return objectFaults("rawZone", rawZone, from, ({ bucket, database, eventsTable }) => [
    ...bucketRefFaults("rawZone.bucket", bucket, `${from}.bucket`),
    ...inputTextFaults("rawZone.database", database, `the name of a Glue database: ${from} has it`),
    ...inputTextFaults("rawZone.eventsTable", eventsTable, `the name of its table of events: ${from} has it`),
  ]);
}

const idPattern = /^[a-z][a-z0-9-]{0,39}$/;

function sourcesFaults(sources: unknown): Fault[] {
  if (!isRecord(sources)) {
    return [{ path: "sources", reason: `${quoted(sources)} must be an object by source id, such as { web: http() }` }];
  }
  if (Object.keys(sources).length === 0) {
    return [{ path: "sources", reason: "names no source; give one, such as { web: http() }" }];
  }
  const owners = new Map<string, string>();
  return Object.entries(sources).flatMap(([id, source]) => [
    ...idFaults(id),
    ...sourceFaults(`sources.${id}`, source),
    ...duplicateKeyFaults(id, source, owners),
  ]);
}

function idFaults(id: string): Fault[] {
  const path = `sources.${id}`;
  if (id === "unknown")
    return [{ path, reason: '"unknown" is what events of no source are filed under; choose another' }];
  if (idPattern.test(id)) return [];
  const better = slug(id).slice(0, 40);
  const hint = idPattern.test(better) ? `; try "${better}"` : "";
  return [
    {
      path,
      reason: `${quoted(id)} must begin with a letter and hold lower case letters, digits and dashes, at most 40${hint}`,
    },
  ];
}

function sourceFaults(path: string, source: unknown): Fault[] {
  const kind = kindOf(source);
  if (!kind || !isRecord(source)) return [{ path, reason: `${quoted(source)} is no source; make it by ${makers}` }];
  return [
    ...unknownFaults(`${path}.`, source, ["kind", "writeKey", "plan", ...(kind.maps ? ["mapping"] : []), ...kind.keys]),
    ...writeKeyFaults(`${path}.writeKey`, source.writeKey),
    ...(kind.maps ? mappingArgumentFaults(`${path}.mapping`, source.mapping) : []),
    ...(source.plan === undefined ? [] : (readPlan(source.plan, `${path}.plan`).faults ?? [])),
    ...kind.faults(path, source),
  ];
}

function writeKeyFaults(path: string, writeKey: unknown): Fault[] {
  if (writeKey === undefined || pulumi.Output.isInstance(writeKey) || writeKey instanceof Promise) return [];
  if (typeof writeKey === "string" && /^[A-Za-z0-9_-]{8,128}$/.test(writeKey)) return [];
  const shown = typeof writeKey === "string" ? `has ${writeKey.length} characters; it` : `${quoted(writeKey)}`;
  return [{ path, reason: `${shown} must be text of 8 to 128 letters, digits, dashes and underscores` }];
}

function duplicateKeyFaults(id: string, source: unknown, owners: Map<string, string>): Fault[] {
  const writeKey = isRecord(source) ? (source as Partial<SourceArgs>).writeKey : undefined;
  if (typeof writeKey !== "string") return [];
  const owner = owners.get(writeKey);
  owners.set(writeKey, owner ?? id);
  return owner === undefined
    ? []
    : [{ path: `sources.${id}.writeKey`, reason: `is that of source "${owner}" too; each source needs its own` }];
}

function mappingArgumentFaults(path: string, mapping: unknown): Fault[] {
  if (mapping === undefined) return [];
  const faults = zodFaults(mappingSchema, mapping, path);
  if (faults.length > 0) return faults;
  return mappingFaults(mapping as Mapping).map((reason) => ({ path, reason }));
}

function capacityFaults(capacity: unknown): Fault[] {
  if (capacity === undefined || capacity === "on-demand") return [];
  if (isRecord(capacity)) {
    return [
      ...unknownFaults("capacity.", capacity, ["shards", "alarmAtPercent"]),
      ...numberFaults("capacity.shards", capacity.shards ?? Number.NaN, 1, 10_000),
      ...numberFaults("capacity.alarmAtPercent", capacity.alarmAtPercent, 10, 100),
    ];
  }
  return [{ path: "capacity", reason: `${quoted(capacity)} must be "on-demand" or { shards: <number> }` }];
}

function numberFaults(path: string, value: unknown, least: number, most: number): Fault[] {
  if (value === undefined) return [];
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return [];
  return [{ path, reason: `${quoted(value)} must be a whole number from ${least} to ${most}` }];
}

function groupFaults(path: string, group: unknown, fields: Record<string, [number, number]>): Fault[] {
  if (group === undefined) return [];
  if (!isRecord(group))
    return [{ path, reason: `${quoted(group)} must be an object with ${Object.keys(fields).join(", ")}` }];
  return [
    ...unknownFaults(`${path}.`, group, Object.keys(fields)),
    ...Object.entries(fields).flatMap(([field, [least, most]]) =>
      numberFaults(`${path}.${field}`, group[field], least, most),
    ),
  ];
}

function archiveFaults(archive: unknown): Fault[] {
  if (!isRecord(archive)) return groupFaults("archive", archive, { megabytes: [64, 128], seconds: [60, 900] });
  const { deduplicate, ...sizes } = archive;
  const faults = groupFaults("archive", sizes, { megabytes: [64, 128], seconds: [60, 900] });
  if (deduplicate === undefined || typeof deduplicate === "boolean") return faults;
  return [
    ...faults,
    { path: "archive.deduplicate", reason: `${quoted(deduplicate)} must be true or false, and no Output` },
  ];
}

function callbackFaults(onEvent: unknown): Fault[] {
  if (onEvent === undefined || typeof onEvent === "function") return [];
  if (isRecord(onEvent) && typeof onEvent.module === "string") return [];
  return [
    {
      path: "onEvent",
      reason: `${quoted(onEvent)} must be a function of an event, or { module: require.resolve("./on-event") }`,
    },
  ];
}
