import { randomUUID } from "node:crypto";
import type { Json } from "@tributary/model";
import { isRecord } from "../support";
import type { ResultWriter } from "./definition";
import type { Host } from "./host";
import { Aborted, StateError } from "./state-error";
import { fillAny, type Step } from "./step";

/** How an iteration, batch or child execution of a Map ended. */
export interface MapResult {
  readonly failed: boolean;
  /** JSON text; undefined where it failed. */
  readonly output: Json | undefined;
  /** All that is known of it, as AWS writes it to S3. */
  readonly details: { readonly [key: string]: Json };
}

/** An iteration of an inline Map as a result. */
export function childResult(
  host: Host,
  name: string,
  startedAt: number,
  end: { readonly input?: Json; readonly output?: Json; readonly error?: StateError },
): MapResult {
  const failed = end.error !== undefined;
  return {
    failed,
    output: end.output,
    get details() {
      return {
        ...(end.error && { Error: end.error.error, Cause: end.error.causeText }),
        Input: JSON.stringify(end.input ?? null),
        Name: name,
        ...(failed ? {} : { Output: JSON.stringify(end.output) }),
        StartDate: new Date(startedAt).toISOString(),
        Status: failed ? "FAILED" : "SUCCEEDED",
        StopDate: new Date(host.kernel.now()).toISOString(),
      };
    },
  };
}

/** What a Map gives: its results in the order of the items, or where its ResultWriter put them. */
export async function resultOf(
  host: Host,
  step: Step,
  args: Json,
  results: readonly MapResult[],
  mapRunArn: string | undefined,
): Promise<Json> {
  const writer = step.state.ResultWriter;
  if (!writer?.Resource) {
    const transformation = writer?.WriterConfig?.Transformation ?? "COMPACT";
    const values = transformed(results, transformation);
    return writer?.WriterConfig?.OutputType === "JSONL" ? lines(values) : values;
  }
  try {
    return await write(host, step, args, writer, results, mapRunArn ?? `${host.executionArn}/${step.name}`);
  } catch (error) {
    if (error instanceof Aborted) throw error;
    if (error instanceof StateError && error.error !== "States.Runtime") throw error;
    throw new StateError("States.ResultWriterFailed", error instanceof Error ? error.message : String(error));
  }
}

function transformed(results: readonly MapResult[], transformation: string): Json[] {
  const values = results.map(
    (result): Json =>
      // What failed is told in full, whatever the transformation. The details cost time: only who needs them asks.
      result.failed || transformation === "NONE" ? result.details : (result.output ?? null),
  );
  return transformation === "FLATTEN" ? values.flatMap((value) => value as Json | Json[]) : values;
}

const lines = (values: readonly Json[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");

/** Writes results by how they ended, and a manifest that names the files. */
async function write(
  { kernel, principal }: Host,
  step: Step,
  args: Json,
  writer: ResultWriter,
  results: readonly MapResult[],
  mapRunArn: string,
): Promise<Json> {
  const given = await fillAny(step, writer.Arguments ?? writer.Parameters ?? {}, args);
  const at = isRecord(given) ? given : {};
  const [bucket, prefix] = [String(at.Bucket), String(at.Prefix ?? "")];
  const { Transformation: transformation = "NONE", OutputType: type = "JSON" } = writer.WriterConfig ?? {};
  const folder = `${prefix === "" ? "" : `${prefix.replace(/\/$/, "")}/`}${mapRunArn.split(":").at(-1) ?? randomUUID()}`;
  const put = async (name: string, body: string) => {
    const Key = `${folder}/${name}`;
    await kernel.call("s3", "PutObject", { Bucket: bucket, Key, Body: body }, principal);
    return { Key, Size: Buffer.byteLength(body) };
  };
  const files: Record<"SUCCEEDED" | "FAILED", Json[]> = { SUCCEEDED: [], FAILED: [] };
  for (const status of ["SUCCEEDED", "FAILED"] as const) {
    const some = results.filter(({ failed }) => failed === (status === "FAILED"));
    if (some.length === 0) continue;
    const values = transformed(some, transformation);
    const body = type === "JSONL" ? lines(values) : JSON.stringify(values);
    files[status].push(await put(`${status}_0.${type.toLowerCase()}`, body));
  }
  const manifest = { DestinationBucket: bucket, MapRunArn: mapRunArn, ResultFiles: { ...files, PENDING: [] } };
  const { Key } = await put("manifest.json", JSON.stringify(manifest));
  return { MapRunArn: mapRunArn, ResultWriterDetails: { Bucket: bucket, Key } };
}
