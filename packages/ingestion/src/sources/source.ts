import type { ComponentResourceOptions, Input, Output, Resource } from "@pulumi/pulumi";
import type {
  Fault,
  FoundationRef,
  HttpApi,
  OnDelete,
  Place,
  SecureBucket,
  SecureStream,
  Statement,
} from "@tributary/core";
import type { Mapping, PlanDefinition } from "@tributary/model";
import type { RawZoneRef } from "../args";
import type { FileRoute } from "../loader-env";

/** What every source has, whatever its kind. */
export interface SourceBase {
  readonly kind: string;
  /**
   * What clients name the source by. A write key stands in web pages and apps: it says where events are from, it keeps
   * nobody out. By default one is derived from project, stack and source, the same at every deployment.
   */
  readonly writeKey?: Input<string>;
  /** How a row becomes an event; published with the platform's contract for whoever loads files. */
  readonly mapping?: Mapping;
  /**
   * What its events must be, and what becomes of those that are not; made by `trackingPlan()`, or read from a file.
   * Published with the platform's contract. By default every event is taken as it is.
   */
  readonly plan?: PlanDefinition;
}

/**
 * Where files of sources arrive before they are events: a bucket of Ingestion's own. The loader takes each object below
 * `source=<id>/` to the raw zone, unchanged, and its rows to the event stream.
 */
export interface Landing {
  readonly bucket: SecureBucket;
  /** Where a source's files go: `source=<id>/`. */
  folder(id: string): string;
}

/** What a kind of source makes its resources of. */
export interface SourceContext {
  /** Of the component. */
  readonly name: string;
  /** Of the source. */
  readonly id: string;
  readonly foundation: FoundationRef;
  readonly rawZone: RawZoneRef;
  readonly stream: SecureStream;
  readonly quarantine: SecureBucket;
  /** The collector's API. */
  readonly api: HttpApi;
  /** Made when the first source asks for it. */
  readonly landing: () => Landing;
  /** What the source's write key came to. */
  readonly writeKey: Input<string>;
  readonly place: Place;
  readonly module: string;
  readonly onDelete: OnDelete;
  /** Parent and provider of what is made. */
  readonly opts: ComponentResourceOptions;
}

/** One kind of file of a source: how the loader reads it, and the table over where it is kept. */
export interface SourceFiles {
  readonly route: FileRoute;
  /** Glue type by column. */
  readonly types: Readonly<Record<string, string>>;
  /** What the table's name ends in, where the source has more than one; else empty. */
  readonly table: string;
}

/** The source's folder in the landing bucket, for statements of the bucket's policy. */
export interface LandingFolder {
  /** ARN of every object in it. */
  readonly objectsArn: Output<string>;
  readonly bucketArn: Output<string>;
  /** Of the component. */
  readonly name: string;
  /** Of the source. */
  readonly id: string;
  readonly place: Place;
}

/**
 * A kind of source: its arguments' check and its resources. One folder each under `sources/`; what users write is the
 * function that makes its arguments.
 */
export interface SourceKind<A extends SourceBase> {
  readonly kind: A["kind"];
  /** What users write, for messages: `http()`. */
  readonly maker: string;
  /** Names of its arguments besides `kind`, `writeKey`, `mapping` and `plan`. */
  readonly keys: readonly string[];
  /** Whether it takes a mapping. */
  readonly maps: boolean;
  /** Faults of its own arguments; any of them may be of any type. */
  faults(path: string, args: Readonly<Record<string, unknown>>): Fault[];
  /** The files that it takes by way of the landing bucket; its `make` asks for the bucket then. */
  files?(args: A): readonly SourceFiles[];
  /** Who may write to its folder there without a role of ours. */
  landingPolicy?(args: A, folder: LandingFolder): readonly Statement[];
  /** Its resources; by key, they become the component's `nodes` as `<id>.<key>`. */
  make?(args: A, context: SourceContext): Readonly<Record<string, Resource>>;
}
