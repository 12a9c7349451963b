import type { LakeTable } from "@tributary/model";
import { cleanEvents } from "./clean-events";
import { curatedEvents, customers, orderLines, orders } from "./curated";
import { peopleToMatch } from "./people-to-match";
import { cleanProfiles, identities, people, rawProfiles } from "./profiles";
import { rawEvents } from "./raw-events";
import { computedTraits, segmentChanges, segmentMembers, traitFacts } from "./traits";

export {
  cleanEvents,
  cleanProfiles,
  computedTraits,
  curatedEvents,
  customers,
  identities,
  orderLines,
  orders,
  people,
  peopleToMatch,
  rawEvents,
  rawProfiles,
  segmentChanges,
  segmentMembers,
  traitFacts,
};

/** Every table of a lake; the catalog, the pipeline and the docs compile from these. `peopleToMatch` comes by choice. */
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

/** The jobs of the nightly pipeline, in the order that they run. `traits` has tables of the curated zone that are made last. */
export const jobNames = ["clean", "curate", "traits"] as const;
export type JobName = (typeof jobNames)[number];

/** Steps of the nightly pipeline by job, each a table made from tables before it. */
export const nightlySteps: Readonly<Record<JobName, readonly LakeTable[]>> = {
  clean: [cleanEvents, cleanProfiles],
  curate: [curatedEvents, orderLines, orders, customers, people, identities],
  traits: [],
};

/** The tables and steps of a lake, with those that are made only where asked for. */
export function tablesOf({ peopleToMatch: matched }: { readonly peopleToMatch: boolean }): {
  readonly tables: readonly LakeTable[];
  readonly steps: typeof nightlySteps;
} {
  if (!matched) return { tables: lakeTables, steps: nightlySteps };
  return {
    tables: [...lakeTables, peopleToMatch],
    steps: { ...nightlySteps, clean: [...nightlySteps.clean, peopleToMatch] },
  };
}
