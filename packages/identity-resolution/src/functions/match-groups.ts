import type { Identifier } from "@tributary/model";
import { logger } from "@tributary/runtime";
import * as z from "zod/mini";
import { edgesOf, type GroupTotals, type MatchEdge, type MatchedRecord } from "../domain/matching/groups";
import type { OutputFile } from "../domain/matching/output";

const count = z._default(z.nullish(z.number()), 0);

/** What the state machine sends: the job, as GetMatchingJob describes it. */
const requestSchema = z.object({
  /** Thirty-two hexadecimal digits at AWS. */
  jobId: z.string().check(z.regex(/^[\w-]{1,64}$/)),
  job: z.looseObject({
    StartTime: z.union([z.string(), z.number()]),
    Metrics: z.nullish(z.looseObject({ InputRecords: count, RecordsNotProcessed: count })),
  }),
});

/** What is read and written. */
export interface GroupPorts {
  files(jobId: string): Promise<readonly OutputFile[]>;
  rows(files: readonly OutputFile[]): AsyncIterable<MatchedRecord>;
  /** The identifier by the identity rules; undefined where they accept none such: junk links nobody. */
  identify(node: Identifier): Identifier | undefined;
  /** Writes the links as objects below a prefix. */
  write(
    prefix: string,
    edges: AsyncGenerator<MatchEdge, GroupTotals>,
  ): Promise<{ readonly keys: readonly string[]; readonly result: GroupTotals }>;
}

export interface GroupSettings {
  readonly bucket: string;
  readonly evidencePrefix: string;
  /** What the links' job is called, run after run. */
  readonly job: string;
  /** Most records of one group; larger ones are left out. */
  readonly maxSize: number;
}

export interface GroupsResult extends GroupTotals {
  readonly bucket: string;
  /** Objects of links; an importer takes one at a time. */
  readonly keys: readonly string[];
  readonly job: string;
  readonly at: string;
  /** Records that Entity Resolution could not take; its error folder has them. */
  readonly notProcessed: number;
}

/** Turns a finished job's output into objects of links. Running it again writes the same objects. */
export function makeMatchGroups(
  ports: GroupPorts,
  { bucket, evidencePrefix, job, maxSize }: GroupSettings,
): (event: unknown) => Promise<GroupsResult> {
  const log = logger("match-groups");
  return async (event) => {
    const { jobId, job: described } = requestSchema.parse(event);
    const { StartTime: start, Metrics: metrics } = described;
    // Step Functions writes times as ISO 8601; an API's epoch is in seconds.
    const at = new Date(typeof start === "number" ? start * 1_000 : start).toISOString();
    const files = await ports.files(jobId);
    const input = metrics?.InputRecords ?? 0;
    const notProcessed = metrics?.RecordsNotProcessed ?? 0;
    if (files.length === 0 && input > notProcessed) {
      // Nothing would mean that the run found nothing, and every link of the run before would be withdrawn.
      throw new Error(`job ${jobId} succeeded with ${input} records, and has no file in a folder "success" of its own`);
    }
    const { keys, result: totals } = await ports.write(
      `${evidencePrefix}${jobId}/`,
      edgesOf(() => known(ports, files), { at, job, maxSize }),
    );
    if (totals.records === 0 && input > notProcessed) {
      throw new Error(`job ${jobId} succeeded with ${input} records, and its output names nobody`);
    }
    if (totals.tooLarge > 0) {
      log.warn("groups left out: more records than one person can have", { groups: totals.tooLarge, maxSize });
    }
    if (notProcessed > 0) log.warn("records that Entity Resolution refused: see its error folder", { notProcessed });
    log.info("evidence written", { ...totals, jobId });
    return { bucket, keys, job, at, notProcessed, ...totals };
  };
}

/** The rows that are about somebody whom the graph can know, under the form that it knows. */
async function* known({ rows, identify }: GroupPorts, files: readonly OutputFile[]): AsyncGenerator<MatchedRecord> {
  for await (const row of rows(files)) {
    const node = identify(row.node);
    if (node !== undefined) yield { ...row, node };
  }
}
