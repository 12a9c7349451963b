import type { TrackingPlan } from "@tributary/model";
import * as z from "zod/mini";

/** Environment of the collector's function. */
export const collectorEnv = z.object({
  EVENT_STREAM: z.string(),
  QUARANTINE_BUCKET: z.string(),
});

/** `config.json` of the collector's function. */
export const collectorConfig = z.object({
  sources: z.array(z.object({ id: z.string(), writeKey: z.string() })),
});
export type CollectorConfig = z.infer<typeof collectorConfig>;

/** Environment of the processor's function. */
export const processorEnv = z.object({
  EVENTS_TABLE: z.string(),
  QUARANTINE_BUCKET: z.string(),
});

/** `config.json` of the processor's function. */
export const processorConfig = z.object({
  /** Days that an event stays in the events table. */
  retentionDays: z.number(),
  /** Tracking plan by source id; checked in the program. */
  plans: z.optional(z.custom<Readonly<Record<string, TrackingPlan>>>()),
  /** When a call of the user's callback is given up: it blocks its thread, or its promise does not settle. */
  callback: z.object({ blockedMs: z.number(), awaitMs: z.number() }),
});
export type ProcessorConfig = z.infer<typeof processorConfig>;

/** Environment of the archiver's function. */
export const archiverEnv = z.object({
  ARCHIVED_TABLE: z.string(),
});

/** `config.json` of the archiver's function. */
export const archiverConfig = z.object({
  /** Days that an archived event is known. */
  retentionDays: z.number(),
});
export type ArchiverConfig = z.infer<typeof archiverConfig>;

/** The file name of the user's `onEvent` in the processor's archive. */
export const onEventFile = "onEvent.cjs";
