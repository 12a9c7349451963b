import { type FilesSource, filesKind } from "./files";
import { type HttpSource, httpKind } from "./http";
import type { SourceBase, SourceContext, SourceKind } from "./source";
import { type WebhookSource, webhookKind } from "./webhook";

export { type FilesSource, type FilesSourceArgs, files } from "./files";
export { type HttpSource, type HttpSourceArgs, http } from "./http";
export type { Landing, SourceBase, SourceContext, SourceKind } from "./source";
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
export type SourceArgs = HttpSource | FilesSource | WebhookSource;

/** Every kind there is. */
const kinds = [httpKind, filesKind, webhookKind] as const;

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
