import type { SourceBase, SourceKind } from "./source";

export interface FilesSource extends SourceBase {
  readonly kind: "files";
}

export type FilesSourceArgs = Pick<SourceBase, "writeKey" | "mapping" | "plan">;

/** Exports that are loaded from files (CSV, JSON lines, Parquet). */
export function files(args: FilesSourceArgs = {}): FilesSource {
  return { kind: "files", ...args };
}

export const filesKind: SourceKind<FilesSource> = {
  kind: "files",
  maker: "files()",
  keys: [],
  maps: true,
  faults: () => [],
};
