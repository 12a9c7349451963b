import {
  type EvidenceEdge,
  type Identifier,
  type IdentityRules,
  matchLineSchema,
  nodeKey,
  parseIdentifier,
} from "@tributary/model";
import { logger } from "@tributary/runtime";
import * as z from "zod/mini";
import type { Graph } from "../domain/graph";
import { applyEvidence, type ResolveOptions } from "../domain/resolve-batch";

const requestSchema = z.object({
  bucket: z.string().check(z.minLength(1)),
  /** Of an object of links: JSON lines, `MatchLine` each. Left out: none more, which ends a run that came in several objects. */
  key: z.optional(z.string().check(z.minLength(1))),
  job: z.string().check(z.minLength(1)),
  /** Start of the run, ISO 8601. */
  at: z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text)), { message: "is no time" })),
  /** Whether these are all links of the job: those of former runs that are not among them are withdrawn. */
  complete: z._default(z.boolean(), false),
});

/** A line that is no link, with its place. */
export interface RefusedLine {
  readonly line: number;
  readonly reason: string;
  readonly original: string;
}

/** What the importer reads and writes besides the graph. */
export interface ImportPorts {
  lines(bucket: string, key: string): AsyncIterable<string>;
  quarantine(bucket: string, key: string, refused: readonly RefusedLine[]): Promise<void>;
  /** Start of the newest complete run of a job, epoch milliseconds. */
  newestRun(job: string): Promise<number | undefined>;
  setNewestRun(job: string, run: number): Promise<void>;
  /** Notes which links a run gave. */
  note(job: string, run: number, edges: readonly EvidenceEdge[]): Promise<void>;
  /** Links that runs before this one gave and it did not, in parts. */
  older(job: string, run: number): AsyncIterable<readonly EvidenceEdge[]>;
  forget(job: string, edges: readonly EvidenceEdge[]): Promise<void>;
}

export interface ImportResult {
  readonly lines: number;
  readonly links: number;
  readonly quarantined: number;
  /** Links of former runs that were taken away. */
  readonly withdrawn: number;
  readonly profilesChanged: number;
  /** True where a newer complete run was imported before: nothing was done. */
  readonly outdated: boolean;
}

/** Links applied at a time. */
const batchSize = 500;
/** Refused lines written at a time. */
const quarantineSize = 5_000;

/**
 * Puts an object of links into the graph. Running it again changes nothing. A line that is no link goes to quarantine with
 * its reason; while there is one, a complete run withdraws nothing: the line may have been one of its links.
 */
export function makeMatchImporter(
  graph: Graph,
  ports: ImportPorts,
  rules: IdentityRules,
  options: ResolveOptions = {},
): (event: unknown) => Promise<ImportResult> {
  const log = logger("match-importer");
  return async (event) => {
    const { bucket, key, job, at, complete } = requestSchema.parse(event);
    const run = Date.parse(at);
    const totals = { lines: 0, links: 0, quarantined: 0, withdrawn: 0, profilesChanged: 0, outdated: false };
    const newest = await ports.newestRun(job);
    if (newest !== undefined && run < newest) {
      log.warn("a newer complete run is there already", { job, at });
      return { ...totals, outdated: true };
    }
    let refused: RefusedLine[] = [];
    let part = 0;
    const putAway = async (least: number): Promise<void> => {
      if (refused.length < least || refused.length === 0) return;
      await ports.quarantine(bucket, `${key ?? `${job}/${at}`}.${String(part++).padStart(4, "0")}.jsonl`, refused);
      refused = [];
    };
    const apply = async (edges: readonly EvidenceEdge[], kind: "edge" | "remove"): Promise<void> => {
      const items = edges.map((edge) => ({ kind, edge, receivedAt: at }));
      const result = await applyEvidence(items, graph, rules, options);
      totals.profilesChanged += result.profilesChanged;
      for (const [place, disposition] of result.dispositions.entries()) {
        const edge = edges[place];
        if (disposition.kind === "retry") {
          throw new Error(`links of ${job} met too many other changes: ${disposition.reason}. Run the import again`);
        }
        if (disposition.kind !== "poison") continue;
        totals.quarantined++;
        refused.push({ line: 0, reason: disposition.reason, original: JSON.stringify(edge) });
      }
    };
    let batch: EvidenceEdge[] = [];
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      await ports.note(job, run, batch);
      await apply(batch, "edge");
      totals.links += batch.length;
      batch = [];
    };
    for await (const line of key === undefined ? [] : ports.lines(bucket, key)) {
      if (line.trim() === "") continue;
      totals.lines++;
      const read = edgeOf(line, job, run, rules);
      if (typeof read === "string") {
        totals.quarantined++;
        refused.push({ line: totals.lines, reason: read, original: line });
        await putAway(quarantineSize);
      } else if (batch.push(read) === batchSize) await flush();
    }
    await flush();
    if (complete && totals.quarantined === 0) {
      for await (const edges of ports.older(job, run)) {
        await apply(edges, "remove");
        await ports.forget(job, edges);
        totals.withdrawn += edges.length;
      }
      await ports.setNewestRun(job, run);
    }
    await putAway(1);
    if (totals.quarantined > 0)
      log.warn("lines that are no links: see the quarantine", { job, lines: totals.quarantined });
    log.info("links imported", { job, ...totals });
    return totals;
  };
}

/** The link of a line; else what is wrong with it. */
function edgeOf(line: string, job: string, run: number, rules: IdentityRules): EvidenceEdge | string {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  const parsed = matchLineSchema.safeParse(raw);
  if (!parsed.success) {
    return parsed.error.issues.map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.message}`).join("; ");
  }
  const match = parsed.data;
  if (match.job !== job) return `job: is ${match.job}, the run's is ${job}`;
  const ends: string[] = [];
  for (const side of ["a", "b"] as const) {
    const identifier: Identifier | undefined = parseIdentifier(nodeKey(match[side]), rules);
    if (!identifier)
      return `${side}: the identity rules accept no such ${match[side].type}: it is malformed, blocked or of no type of theirs`;
    ends.push(nodeKey(identifier));
  }
  const [a = "", b = ""] = ends.sort();
  if (a === b) return "a and b are the same identifier";
  const { rule, score } = match;
  const edge: EvidenceEdge = { a, b, kind: "match", at: run, last: run, sourceId: job, messageId: "", rule };
  return score === undefined ? edge : { ...edge, score };
}
