import { type BlockRequest, buildBlock } from "./blocks";
import { type ClusterRequest, clusterParts } from "./cluster";
import { type Candidates, compareParts } from "./compare";
import type { Comparison } from "./comparisons";
import { buildFamily, type FamilyRequest } from "./dictionary";
import { type Column, type ContentRequest, fillOrders } from "./encode";
import { type KeyRequest, makeKeys } from "./keys";
import { patternsOf, type Samples } from "./patterns";
import { Scorer, type Weights } from "./scorer";
import { Vectors } from "./vectors";

/** What a thread has made of the columns that it was told of. */
export interface Known {
  readonly columns: readonly Column[];
  readonly comparisons: readonly Comparison[];
}

/** The records' codes, comparison by comparison, as in `Vectors`. */
interface Coded {
  readonly codes: Int32Array;
}
interface Weighed extends Coded {
  readonly weights: readonly Weights[];
}

const scorerOf = ({ comparisons }: Known, { weights, codes }: Weighed): Scorer =>
  new Scorer(weights, comparisons, new Vectors(comparisons, codes));

/** What threads do, by name: each takes what no other one has taken, and gives what it found. */
export const jobs = {
  family: (_: Known, request: FamilyRequest) => buildFamily(request),
  content: (_: Known, request: ContentRequest) => fillOrders(request),
  keys: (known: Known, request: KeyRequest) => makeKeys(known, request),
  patterns: ({ comparisons }: Known, request: Coded & Samples) =>
    patternsOf(request, new Vectors(comparisons, request.codes)),
  block: (_: Known, request: BlockRequest) => buildBlock(request),
  compare: (known: Known, request: Weighed & { readonly candidates: Candidates }) =>
    compareParts(request.candidates, scorerOf(known, request)),
  cluster: (known: Known, request: Weighed & { readonly clusters: ClusterRequest }) =>
    clusterParts(request.clusters, scorerOf(known, request)),
};

export type Job = keyof typeof jobs;
export type Request<J extends Job> = Parameters<(typeof jobs)[J]>[1];
export type Result<J extends Job> = ReturnType<(typeof jobs)[J]>;
