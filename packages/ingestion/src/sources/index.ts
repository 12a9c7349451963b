import { type AppflowSource, appflowKind } from "./appflow";
import { type DataExchangeSource, dataExchangeKind } from "./data-exchange";
import { type DatabaseSource, databaseKind } from "./database";
import { type DatabaseSnapshotsSource, databaseSnapshotsKind } from "./database-snapshots";
import { type FilesSource, filesKind } from "./files";
import { type HttpSource, httpKind } from "./http";
import { type S3DropSource, s3DropKind } from "./s3-drop";
import { type SftpSource, sftpKind } from "./sftp";
import type { LandingFolder, SourceBase, SourceContext, SourceFiles, SourceKind } from "./source";
import { type WebhookSource, webhookKind } from "./webhook";

export {
  type AppflowArgs,
  type AppflowConnection,
  type AppflowCredentials,
  type AppflowEntity,
  type AppflowSource,
  appflow,
  appflowDefaults,
  type NativeConnector,
} from "./appflow";
export { type DataExchangeArgs, type DataExchangeSource, dataExchange } from "./data-exchange";
export { type DatabaseArgs, type DatabaseEngine, type DatabaseSource, type DatabaseTable, database } from "./database";
export { type DatabaseSnapshotsArgs, type DatabaseSnapshotsSource, databaseSnapshots } from "./database-snapshots";
export type { FileArgs } from "./file-args";
export { type FilesSource, type FilesSourceArgs, files } from "./files";
export { type HttpSource, type HttpSourceArgs, http } from "./http";
export { type S3DropArgs, type S3DropSource, s3Drop } from "./s3-drop";
export { type SftpArgs, type SftpPullArgs, type SftpServerArgs, type SftpSource, sftp } from "./sftp";
export type { Landing, LandingFolder, SourceBase, SourceContext, SourceFiles, SourceKind } from "./source";
export {
  type HmacSignature,
  type WebhookArgs,
  type WebhookPlace,
  type WebhookSecret,
  type WebhookSource,
  webhook,
  webhookDefaults,
} from "./webhook";

/** A source of events; made by `http()`, `files()` and the other makers. */
export type SourceArgs =
  | HttpSource
  | FilesSource
  | WebhookSource
  | S3DropSource
  | SftpSource
  | DatabaseSource
  | DatabaseSnapshotsSource
  | DataExchangeSource
  | AppflowSource;

/** Every kind there is. */
const kinds = [
  httpKind,
  filesKind,
  webhookKind,
  s3DropKind,
  sftpKind,
  databaseKind,
  databaseSnapshotsKind,
  dataExchangeKind,
  appflowKind,
] as const;

/** The kind of a source's arguments, of any type; undefined where it is none. */
export function kindOf(source: unknown): SourceKind<SourceBase> | undefined {
  const kind = typeof source === "object" && source !== null ? (source as { kind?: unknown }).kind : undefined;
  return kinds.find((known) => known.kind === kind) as SourceKind<SourceBase> | undefined;
}

/** `http() or files()`, for messages. */
export const makers = kinds.map(({ maker }) => maker).join(" or ");

/** The resources of a source, if its kind has any. */
export function makeSource(source: SourceArgs, context: SourceContext) {
  return kindOf(source)?.make?.(source, context) ?? {};
}

/** The files that a source takes by way of the landing bucket. */
export function filesOfSource(source: SourceArgs): readonly SourceFiles[] {
  return kindOf(source)?.files?.(source) ?? [];
}

/** Whether any of the sources takes files by way of the landing bucket. */
export function takesFiles(sources: readonly { readonly args: SourceArgs }[]): boolean {
  return sources.some(({ args }) => filesOfSource(args).length > 0);
}

/** Who may write to a source's folder there without a role of ours. */
export function landingPolicyOf(source: SourceArgs, folder: LandingFolder) {
  return kindOf(source)?.landingPolicy?.(source, folder) ?? [];
}
