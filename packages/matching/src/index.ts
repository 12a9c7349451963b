export type { EdgesOutput, MatchEdge } from "./edges";
export { MatchingError } from "./faults";
export type { GuessedAttribute } from "./guess";
export { match } from "./match";
export type { MatchReport, SamplePair, SuspiciousProfile } from "./report/report";
export type { Evaluation, MatchInput, MatchLink, MatchResult, MatchSummary, SuppressedValue } from "./result";
export { type Suggestion, type SuggestOptions, suggestRules } from "./suggest";
