/** What a person wants to see of a run beside its figures: is it plausible, and where to look first. */
export interface MatchReport {
  /** How many profiles have how many records, by size. */
  readonly sizes: readonly { readonly size: number; readonly profiles: number }[];
  /** Profiles that look like more than one person, the most suspicious first. */
  readonly suspicious: readonly SuspiciousProfile[];
  /** Sample pairs of the probabilistic stage: clear links, links near the threshold, and near misses. */
  readonly pairs: readonly SamplePair[];
}

export interface SuspiciousProfile {
  readonly profileId: string;
  readonly records: number;
  /** Sum over the attributes of the share of records whose value is unlike the profile's most frequent one. 0: all agree. */
  readonly contradiction: number;
  /** Such as `4 dates of birth among 6`. */
  readonly reasons: readonly string[];
  /** Its records, at most `rowsShown` of them: the id and the attributes' values. */
  readonly rows: readonly Readonly<Record<string, string | null>>[];
}

export interface SamplePair {
  readonly a: Readonly<Record<string, string | null>>;
  readonly b: Readonly<Record<string, string | null>>;
  /** Match weight, log2. */
  readonly weight: number;
  readonly linked: boolean;
  /** From the prior to the weight, each step with what it adds. */
  readonly steps: readonly { readonly label: string; readonly weight: number }[];
}
