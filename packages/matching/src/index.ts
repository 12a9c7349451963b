export { MatchingError } from "./faults";
export { match } from "./match";
export type { Evaluation, MatchInput, MatchLink, MatchResult, MatchSummary, SuppressedValue } from "./result";
