import type { SourceBase, SourceKind } from "./source";

export interface HttpSource extends SourceBase {
  readonly kind: "http";
}

export type HttpSourceArgs = Pick<SourceBase, "writeKey" | "plan">;

/** A web site, an app, a server: whatever speaks the tracking API. */
export function http(args: HttpSourceArgs = {}): HttpSource {
  return { kind: "http", ...args };
}

export const httpKind: SourceKind<HttpSource> = {
  kind: "http",
  maker: "http()",
  keys: [],
  maps: false,
  faults: () => [],
};
