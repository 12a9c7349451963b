import type { LakeTable } from "@tributary/model";
import { cleanEvents } from "./clean-events";
import { curatedEvents, customers, orderLines, orders } from "./curated";
import { rawEvents } from "./raw-events";

export { cleanEvents, curatedEvents, customers, orderLines, orders, rawEvents };

/** Every table of the lake; the catalog, the pipeline and the docs compile from these. */
export const lakeTables: readonly LakeTable[] = [rawEvents, cleanEvents, curatedEvents, orderLines, orders, customers];

/** The zones, in the order that data passes them. */
export const zones = ["raw", "clean", "curated"] as const;
export type Zone = (typeof zones)[number];

/** Steps of the nightly pipeline by job, each a table made from tables before it. */
export const nightlySteps: Readonly<Record<"clean" | "curate", readonly LakeTable[]>> = {
  clean: [cleanEvents],
  curate: [curatedEvents, orderLines, orders, customers],
};
