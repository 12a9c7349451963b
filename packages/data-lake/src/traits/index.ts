export { factsSql } from "./facts-sql";
export { traitsSql } from "./fold-sql";
export { changesSql, segmentsSql, untold } from "./segment-sql";
export { allSeries } from "./series";
