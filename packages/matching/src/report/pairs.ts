import type { Source } from "../input/load";
import { samplePairs } from "../probabilistic/explain";
import type { Scored } from "../probabilistic/score";
import type { ComparedValue } from "../rules/values";
import type { Session } from "../session";
import type { SamplePair } from "./report";
import { recordsOf } from "./suspicious";

/** Pairs of the probabilistic stage to look at, each with its way from the prior to the match weight. */
export async function explainedPairs(
  session: Session,
  source: Source,
  values: readonly ComparedValue[],
  scored: Scored,
): Promise<SamplePair[]> {
  const record = async (row: number) => (await recordsOf(session, source, values, `r = ${row}`))[0] ?? {};
  const pairs: SamplePair[] = [];
  for (const { a, b, weight, linked, steps } of samplePairs(scored)) {
    pairs.push({ a: await record(a), b: await record(b), weight, linked, steps });
  }
  return pairs;
}
