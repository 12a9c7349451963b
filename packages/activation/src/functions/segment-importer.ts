import { logger, mapLimit, metrics } from "@tributary/runtime";
import * as z from "zod/mini";
import { type IdRange, idRanges, membersIn } from "../domain/segment-import";
import { runOf, type SaidOf } from "../domain/standing/said";
import type { Step } from "../domain/standing/standing";
import { countSteps } from "./count-steps";
import type { Remaining } from "./sweep";

const text = z.string().check(z.minLength(1));
const time = z.string().check(z.refine((given) => !Number.isNaN(Date.parse(given)), { message: "is no time" }));
const common = {
  /** The CSV of the lake's members, `s3://bucket/key`. */
  location: z.string().check(z.regex(/^s3:\/\/[^/]+\/.+$/)),
  /** The instant that the lake is as of. */
  asOf: time,
  /** Beginning of the import's execution: tells imports of one instant apart. */
  startedAt: time,
};
const requestSchema = z.discriminatedUnion("action", [
  z.object({ action: z.literal("plan"), ...common }),
  z.object({ action: z.literal("enter"), ...common, from: text, to: text }),
  z.object({ action: z.literal("leave"), ...common, from: text, to: text }),
]);

/** What the importer reads and writes. */
export interface SegmentPorts {
  size(bucket: string, key: string): Promise<number>;
  lines(bucket: string, key: string): AsyncIterable<string>;
  /** Notes that a run begins or goes on. False: a later one has begun. */
  begin(segment: string, run: string): Promise<boolean>;
  /** Who is in the audience now, of a range, in pages. */
  members(segment: string, range: IdRange): AsyncIterable<readonly string[]>;
  /** Tells whoever a profile is by now that it is in; undefined where there is no such profile. */
  enter(profileId: string, news: SaidOf): Promise<readonly Step[] | undefined>;
  /** Tells a profile that it is out: where it was merged since, its heir is not meant. */
  leave(profileId: string, news: SaidOf): Promise<readonly Step[]>;
}

export interface SegmentPlan {
  /** Left empty where a later import has begun. */
  readonly ranges: readonly IdRange[];
}

export interface SegmentProgress {
  readonly entered: number;
  readonly exited: number;
  /** Profiles that the lake names and that are not there: erased since, or never known here. */
  readonly unknown: number;
  /** False: time ran out; call again with the same request. */
  readonly done: boolean;
}

/** Profiles told at a time, and how many in a row without a look at the clock. */
const concurrency = 32;
const stride = 512;
/** Returns when so much of the function's time is left: more than the waits of one stride. */
const reserveMs = 120_000;
/**
 * Tries of a profile, with waits of up to 0.5, 1, 2 … 16 seconds between. An audience is one key of the memberships'
 * table, which takes a thousand write units a second until DynamoDB has divided it: a large import is throttled.
 */
const maxAttempts = 8;
const waitAfter = (attempt: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(250 * 2 ** attempt, 16_000)));
/** Ids of profiles that are not there which the log shows, at most. */
const shownIds = 5;

/**
 * Brings the audiences that are segments by SQL to what the lake says: in `plan` it divides the work, in `enter` it lets
 * in who is missing, in `leave` it lets out who is too many. It compares all that is said with all that is, so running it
 * again, or going on after a failure, does what is left to do. Entries of all ranges come before exits of any: a profile
 * that another was merged into since the night is in its audience by then.
 */
export function makeSegmentImporter(
  segments: readonly string[],
  ports: SegmentPorts,
  wait: (attempt: number) => Promise<void> = waitAfter,
): (event: unknown, context: Remaining) => Promise<SegmentPlan | SegmentProgress> {
  const log = logger("segment-importer");
  const counters = metrics("segment-importer");

  return async (event, context) => {
    const request = requestSchema.parse(event);
    const run = runOf(request.asOf, request.startedAt);
    const [, bucket = "", key = ""] = /^s3:\/\/([^/]+)\/(.+)$/.exec(request.location) ?? [];
    const outdated = (await Promise.all(segments.map((segment) => ports.begin(segment, run)))).includes(false);
    if (outdated) log.warn("a later import has begun; this one does nothing", { run });
    if (request.action === "plan") return { ranges: outdated ? [] : idRanges(await ports.size(bucket, key)) };
    const { action, from, to } = request;
    const totals = { entered: 0, exited: 0, unknown: 0, done: true };
    if (outdated) return totals;

    const member = action === "enter";
    const tellOnce = async (segment: string, ids: readonly string[]): Promise<Map<string, string>> => {
      const failures = new Map<string, string>();
      const unknown: string[] = [];
      await mapLimit(ids, concurrency, async (id) => {
        try {
          const steps = await ports[action](id, { [segment]: { member, run } });
          if (steps === undefined) unknown.push(id);
          countSteps(counters, steps ?? []);
          for (const { transitions } of steps ?? []) {
            const moved = transitions.filter(({ audience }) => audience === segment).length;
            totals[member ? "entered" : "exited"] += moved;
          }
        } catch (error) {
          failures.set(id, `${(error as Error).name}: ${(error as Error).message}`);
        }
      });
      if (unknown.length > 0) {
        totals.unknown += unknown.length;
        counters.count("SegmentProfilesUnknown", unknown.length, { audience: segment });
        // A profile id tells nobody's name.
        log.warn("the segment names profiles that are not there", { segment, unknown: unknown.slice(0, shownIds) });
      }
      return failures;
    };
    const tellAll = async (segment: string, ids: readonly string[]): Promise<void> => {
      let left = ids;
      for (let attempt = 1; left.length > 0; attempt++) {
        const failures = await tellOnce(segment, left);
        const [first] = failures;
        if (first && attempt === maxAttempts)
          throw new Error(
            `${failures.size} profiles of segment ${segment} could not be settled; run the import again. The first, ${first.join(": ")}`,
          );
        if (first) await wait(attempt);
        left = [...failures.keys()];
      }
    };
    /** Tells them while there is time. */
    const whileTime = async (segment: string, ids: readonly string[]): Promise<boolean> => {
      for (let at = 0; at < ids.length; at += stride) {
        if (context.getRemainingTimeInMillis() < reserveMs) return false;
        await tellAll(segment, ids.slice(at, at + stride));
      }
      return true;
    };

    try {
      const wanted = await membersIn(ports.lines(bucket, key), { from, to }, segments);
      for (const [segment, said] of wanted) {
        for await (const page of ports.members(segment, { from, to })) {
          const tooMany: string[] = [];
          for (const id of page) if (!said.delete(id)) tooMany.push(id);
          if (!member && !(await whileTime(segment, tooMany))) return { ...totals, done: false };
        }
        // Who is left is not in the audience.
        if (member && !(await whileTime(segment, [...said]))) return { ...totals, done: false };
      }
      return totals;
    } finally {
      log.info("segments imported", { action, from, to, ...totals });
      counters.flush();
    }
  };
}
