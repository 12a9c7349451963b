import type { LakeTable } from "@tributary/model";
import { cleanEvents } from "./clean-events";
import { curatedEvents, customers, orderLines, orders } from "./curated";
import { cleanProfiles, identities, people, rawProfiles } from "./profiles";
import { rawEvents } from "./raw-events";

export {
  cleanEvents,
  cleanProfiles,
  curatedEvents,
  customers,
  identities,
  orderLines,
  orders,
  people,
  rawEvents,
  rawProfiles,
};

/** Every table of the lake; the catalog, the pipeline and the docs compile from these. */
export const lakeTables: readonly LakeTable[] = [
  rawEvents,
  rawProfiles,
  cleanEvents,
  cleanProfiles,
  curatedEvents,
  orderLines,
  orders,
  customers,
  people,
  identities,
];

/** The zones, in the order that data passes them. */
export const zones = ["raw", "clean", "curated"] as const;
export type Zone = (typeof zones)[number];

/** Steps of the nightly pipeline by job, each a table made from tables before it. */
export const nightlySteps: Readonly<Record<"clean" | "curate", readonly LakeTable[]>> = {
  clean: [cleanEvents, cleanProfiles],
  curate: [curatedEvents, orderLines, orders, customers, people, identities],
};
