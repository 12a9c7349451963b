export type { TraitsArgs } from "./args";
export { factsSql } from "./facts-sql";
export { traitsFaults } from "./faults";
export { traitsSql } from "./fold-sql";
export { traitSteps } from "./plan";
export { changesSql, segmentsSql } from "./segment-sql";
export { allSeries } from "./series";
