export type { EdgesOutput, MatchEdge } from "./edges";
export { MatchingError } from "./faults";
export { match } from "./match";
export type { MatchReport, SamplePair, SuspiciousProfile } from "./report/report";
export type { Evaluation, MatchInput, MatchLink, MatchResult, MatchSummary, SuppressedValue } from "./result";
