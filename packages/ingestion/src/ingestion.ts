import type { ComponentResourceOptions, Input, Output, Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import {
  type EventStreamRef,
  type KafkaTopicRef,
  SecureBucket,
  SecureTable,
  type TableRef,
  TributaryComponent,
} from "@tributary/core";
import type { Mapping } from "@tributary/model";
import type { IngestionArgs } from "./args";
import { normalize } from "./normalize";
import { makeArchive } from "./resources/archive";
import { makeArchiver } from "./resources/archiver";
import { makeCollector } from "./resources/collector";
import { makeEventStream } from "./resources/event-stream";
import { makeLanding } from "./resources/landing";
import { makeProcessor } from "./resources/processor";
import { makeSource, takesFiles } from "./sources";

/** Raw children, for what our arguments do not offer. */
export type IngestionNodes = Readonly<Record<string, Resource>>;

/** Ingestion's part of the platform's contract. */
export interface IngestionContract {
  readonly collectorUrl: Input<string>;
  readonly writeKeys: Readonly<Record<string, Input<string>>>;
  readonly eventStreamArn: Input<string>;
  readonly eventsTableName: Input<string>;
  readonly quarantineBucket: Input<string>;
  readonly landingBucket?: Input<string>;
  readonly mappings?: Readonly<Record<string, Mapping>>;
}

/**
 * From the tracking API to the events table: HTTP API → collector → Kinesis → processor with your `onEvent` → an events
 * table that holds each event once and streams it on; beside it, the archive of everything in the raw zone, and a
 * quarantine for whatever could not become an event, which can be replayed.
 *
 * ```ts
 * const ingestion = new Ingestion("cdp", {
 *   foundation: governance.foundation,
 *   rawZone: lake.rawZone,
 *   sources: { web: http(), shop: files() },
 *   onEvent: (event) => (isBot(event) ? drop("bot") : event),
 * });
 * ```
 */
export class Ingestion extends TributaryComponent {
  /** The events table, with its stream of each distinct event. */
  readonly events: TableRef;
  /** The stream of everything that was collected, before it is deduplicated; undefined where it is a topic of Kafka. */
  readonly eventStream: EventStreamRef | undefined;
  /** The topic of everything that was collected, where the argument `stream` says Kafka. */
  readonly kafkaTopic: KafkaTopicRef | undefined;
  /** Base URL of the tracking API, without a trailing slash. */
  readonly collectorUrl: Output<string>;
  /** By source id. */
  readonly writeKeys: Readonly<Record<string, Output<string>>>;
  readonly contract: IngestionContract;
  readonly nodes: IngestionNodes;

  constructor(name: string, args: IngestionArgs, opts?: ComponentResourceOptions) {
    super("Ingestion", name, opts);
    const resolved = normalize(args, { project: pulumi.getProject(), stack: pulumi.getStack(), name });
    const { foundation, rawZone } = args;
    const { onDelete, transform } = resolved;
    const { module, place } = this;
    const common = { foundation, dataClass: "personal", onDelete } as const;
    const quarantine = new SecureBucket(
      `${name}-quarantine`,
      { ...common, ...(transform.quarantine ? { transform: transform.quarantine } : {}) },
      this.child(),
    );
    const events = makeEventStream(name, foundation, resolved, this.child());
    // Sources that write to it themselves do so to Kinesis; `normalize` refuses them where there is none.
    const stream = events.kind === "kinesis" ? events.stream : (undefined as never);
    const table = new SecureTable(
      `${name}-events`,
      {
        ...common,
        hashKey: { name: "id" },
        stream: "NEW_IMAGE",
        ttlAttribute: "expiresAt",
        ...(transform.table ? { transform: transform.table } : {}),
      },
      this.child(),
    );
    const { sources } = resolved;
    const { collector, api } = makeCollector(name, { foundation, sources, stream: events, quarantine }, this.child());
    const processor = makeProcessor(
      name,
      { foundation, stream: events, table, quarantine, resolved, module },
      this.child(),
    );
    const archiver = resolved.archive.deduplicate
      ? makeArchiver(name, { foundation, retentionDays: resolved.eventRetentionDays, onDelete }, this.child())
      : undefined;
    const { archive, archiveRole } = makeArchive(
      name,
      { foundation, rawZone, stream: events, archiver, buffer: resolved.archive, place, module },
      this.child(),
    );

    const landing = once(() =>
      makeLanding(name, { foundation, rawZone, sources, stream, quarantine, place, module, onDelete }, this.child()),
    );
    const sourceNodes = sources.flatMap(({ id, args: source, writeKey }) => {
      const context = {
        name,
        id,
        foundation,
        rawZone,
        stream,
        quarantine,
        api,
        landing,
        writeKey,
        place,
        module,
        onDelete,
      };
      const made = makeSource(source, { ...context, opts: this.child() });
      return Object.entries(made).map(([key, resource]) => [`${id}.${key}`, resource] as const);
    });

    this.events = table.ref;
    this.eventStream = events.kind === "kinesis" ? events.stream.ref : undefined;
    this.kafkaTopic = events.kind === "kafka" ? events.topic : undefined;
    this.collectorUrl = api.url;
    this.writeKeys = Object.fromEntries(sources.map(({ id, writeKey }) => [id, pulumi.output(writeKey)]));
    const mappings = sources.flatMap(({ id, mapping }) => (mapping ? [[id, mapping] as const] : []));
    this.contract = {
      collectorUrl: this.collectorUrl,
      writeKeys: this.writeKeys,
      eventStreamArn: events.arn,
      eventsTableName: table.name,
      quarantineBucket: quarantine.name,
      ...(takesFiles(sources) ? { landingBucket: landing().bucket.name } : {}),
      ...(mappings.length > 0 ? { mappings: Object.fromEntries(mappings) } : {}),
      ...(resolved.plans ? { plans: resolved.plans } : {}),
    };
    this.nodes = {
      ...events.nodes,
      table: table.table,
      quarantine: quarantine.bucket,
      collector: collector.function,
      collectorRole: collector.role,
      api: api.api,
      processor: processor.function,
      processorRole: processor.role,
      archive,
      archiveRole,
      ...(archiver ? { archiver: archiver.archiver.function, archived: archiver.archived.table } : {}),
      ...Object.fromEntries(sourceNodes),
    };
    this.registerOutputs({
      collectorUrl: this.collectorUrl,
      writeKeys: this.writeKeys,
      eventStreamArn: events.arn,
      eventsTableName: table.name,
      quarantineBucket: quarantine.name,
    });
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
