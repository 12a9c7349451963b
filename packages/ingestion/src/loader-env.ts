import type { Mapping } from "@tributary/model";
import * as z from "zod/mini";

/** Environment of the loader's function. */
export const loaderEnv = z.object({
  EVENT_STREAM: z.string(),
  QUARANTINE_BUCKET: z.string(),
  LANDING_BUCKET: z.string(),
  RAW_BUCKET: z.string(),
});

export const fileFormats = ["csv", "json", "parquet"] as const;
export type FileFormat = (typeof fileFormats)[number];

/**
 * One kind of file of a source. `folder` is where below the source's folder: its parts must be equal, `*` is any one part;
 * empty is all of it. The first route that fits is the file's.
 */
const fileRoute = z.object({
  folder: z.string(),
  format: z.enum(fileFormats),
  /** Whether a file whose name does not tell its format is of this one: who writes it gives names without endings. */
  anyName: z.optional(z.boolean()),
  /** Whether rows become events, or the file is only kept. */
  rows: z.enum(["events", "kept"]),
  /** Checked at deployment; without one, rows are events as they are. */
  mapping: z.optional(z.custom<Mapping>((value) => typeof value === "object" && value !== null)),
  /** The files' columns in their order, as the table over them has them. */
  columns: z.optional(z.array(z.string())),
});
export type FileRoute = z.infer<typeof fileRoute>;

/** `config.json` of the loader's function. */
export const loaderConfig = z.object({
  sources: z.array(z.object({ id: z.string(), routes: z.array(fileRoute) })),
});
export type LoaderConfig = z.infer<typeof loaderConfig>;

/** Where files lie in the raw zone, all sources' alike: `files/source=<id>/dt=<day>/<name>`. */
export const filesPrefix = "files/";
/** Where the loader notes, in the landing bucket, how far it came with a file that takes more than one run. */
export const resumePrefix = "resume/";
/** Where sources' files arrive in the landing bucket: `source=<id>/<name>`. */
export const sourcePrefix = "source=";

/** A route's folder without its leading parts that may be anything: as the files are kept. */
export function fixedFolder(folder: string): string {
  return folder.replace(/^(\*\/)+/, "");
}
