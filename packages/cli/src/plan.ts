import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { receivedGraph } from "@tributary/local";
import {
  applyMapping,
  type CustomerEvent,
  fileId,
  isJsonObject,
  isRejection,
  type JsonObject,
  type Mapping,
  parseItem,
  readPlan,
  rowMessageId,
  type TrackingPlan,
} from "@tributary/model";
import { type CommonOptions, programDir } from "./context";
import { CommandError, UsageError } from "./errors";
import { checkFile } from "./load";
import { readRows } from "./rows";

/** A plan of any type as a `TrackingPlan`; every fault is told at once. */
function checkedPlan(document: unknown, what: string): TrackingPlan {
  const { plan, faults } = readPlan(document);
  if (plan) return plan;
  throw new UsageError(
    `${what} is no tracking plan:\n${faults.map(({ path, reason }) => `  ${path}: ${reason}`).join("\n")}`,
  );
}

/** Reads a tracking plan from a JSON file. */
export function readPlanFile(file: string): TrackingPlan {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
  return checkedPlan(document, file);
}

/**
 * The tracking plan of a source as the program declares it now, whatever is deployed. It is read from the published
 * contract of a run of the program that touches no data folder.
 */
export async function programPlan(options: CommonOptions, source: string | undefined): Promise<TrackingPlan> {
  const folder = programDir(options, true);
  const scratch = mkdtempSync(join(tmpdir(), "tributary-plan-"));
  let outputs: Readonly<Record<string, unknown>>;
  try {
    ({ outputs } = await receivedGraph({ programDir: folder, stack: options.stack, preview: false, scratch }));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const { platform } = outputs;
  const ingestion = isJsonObject(platform) ? platform.ingestion : undefined;
  if (!isJsonObject(ingestion)) {
    throw new CommandError(
      `The program in ${folder} has no output "platform". Export one: \`export const platform = publish(platformContract, { … })\`, or name a plan's file with --plan FILE.`,
    );
  }
  const plans = isJsonObject(ingestion.plans) ? ingestion.plans : {};
  const [only, ...more] = Object.keys(plans);
  const id = source ?? (more.length === 0 ? only : undefined);
  if (id === undefined) {
    const has =
      only === undefined
        ? "No source has a tracking plan"
        : `Sources with a tracking plan: ${Object.keys(plans).join(", ")}`;
    throw new UsageError(`${has}. Name a source with --source ID, or a plan's file with --plan FILE.`);
  }
  if (plans[id] !== undefined) return checkedPlan(plans[id], `The plan of source "${id}"`);
  const known = isJsonObject(ingestion.writeKeys) ? Object.keys(ingestion.writeKeys) : [];
  throw new UsageError(
    known.includes(id)
      ? `Source "${id}" has no tracking plan. Give it one: http({ plan }), or name a plan's file with --plan FILE.`
      : `The program has no source "${id}"; it has: ${known.join(", ")}.`,
  );
}

/** A plan named on the command line: a JSON file, or else the program's. */
export async function planOf(options: CommonOptions & { readonly plan?: string; readonly source?: string }) {
  return options.plan === undefined ? await programPlan(options, options.source) : readPlanFile(options.plan);
}

/** An event of a sample; `unreadable` where a line holds none. */
export type SampleEvent =
  | { readonly line: string; readonly event: CustomerEvent }
  | { readonly line: string; readonly unreadable: string };

/** An item of the tracking API, or the payload of a record of the raw zone, whose other columns are about it. */
function itemOf(row: Readonly<Record<string, unknown>>): JsonObject | string {
  if (typeof row.payload !== "string" || typeof row.source_id !== "string") return row as JsonObject;
  if (row.type === "rejected") return "was rejected when it was collected";
  try {
    const payload: unknown = JSON.parse(row.payload);
    return isJsonObject(payload) ? payload : "its payload is no JSON object";
  } catch (error) {
    return `its payload is not JSON (${(error as Error).message})`;
  }
}

/**
 * The events of sample files, as the processor would see them: lines of tracking API items or batches, exports of the raw
 * zone (JSON lines or Parquet; of the source, where one is named), or rows with a mapping.
 */
export async function* sampleEvents(
  files: readonly string[],
  options: { readonly mapping: Mapping | undefined; readonly source: string | undefined },
): AsyncGenerator<SampleEvent> {
  const { mapping, source } = options;
  for (const file of files) {
    if (!existsSync(file)) throw new UsageError(`${file}: there is no such file.`);
    await checkFile(file, { mapping });
  }
  for (const file of files) {
    const place = { file: fileId(file), counters: new Map<string, number>() };
    for await (const { line: number, row, fault } of readRows(file, () => undefined)) {
      const line = `${file}:${number}`;
      const where = { ...place, line: number };
      // An export of the raw zone holds every source's events.
      if (source !== undefined && typeof row?.payload === "string" && (row.source_id ?? source) !== source) continue;
      if (!row) {
        yield { line, unreadable: fault ?? "the line cannot be read" };
        continue;
      }
      const item = mapping ? applyMapping(mapping, row, where) : itemOf(row);
      if (typeof item === "string" || isRejection(item)) {
        yield { line, unreadable: typeof item === "string" ? item : item.detail };
        continue;
      }
      const { batch, ...outer } = item as JsonObject;
      const items = Array.isArray(batch) ? batch : [item];
      for (const each of items) {
        const withId = isJsonObject(each) ? { messageId: rowMessageId(where), ...each } : each;
        const meta = { sourceId: source ?? "sample", receivedAt: new Date().toISOString() };
        const event = parseItem(withId, Array.isArray(batch) ? outer : {}, meta);
        yield isRejection(event)
          ? { line, unreadable: event.path ? `${event.path}: ${event.detail}` : event.detail }
          : { line, event };
      }
    }
  }
}
