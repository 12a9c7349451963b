export type { Evaluation, MatchInput, MatchLink, MatchResult, MatchSummary } from "./result";
