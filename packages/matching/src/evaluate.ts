import type { Evaluation } from "./result";
import type { Session } from "./session";

/**
 * Pairwise precision, recall and F1 of profiles against a column that says who a record really is, counted in SQL: of
 * groups of n records there are n(n−1)/2 pairs. Records without a truth are left out.
 *
 * @param truth - SQL over `source`
 */
export async function evaluate(session: Session, truth: string): Promise<Evaluation> {
  const pairs = (by: string) =>
    `select coalesce(sum(n * (n - 1) // 2), 0)::BIGINT as pairs from (select count(*)::HUGEINT as n from scored group by ${by})`;
  await session.run(
    `create or replace temp table scored as select hash(${truth}) as person, root from source join assignment on source.rowid = r where ${truth} is not null`,
  );
  const [row] = await session.rows<{ t: bigint; f: bigint; c: bigint }>(
    `select (${pairs("person")}) as t, (${pairs("root")}) as f, (${pairs("person, root")}) as c`,
  );
  await session.run("drop table scored");
  return evaluationOf(Number(row?.t ?? 0), Number(row?.f ?? 0), Number(row?.c ?? 0));
}

/** The figures from counts of pairs; without a pair that is found precision is 1, without a true one recall is. */
export function evaluationOf(truePairs: number, foundPairs: number, correctPairs: number): Evaluation {
  const precision = foundPairs === 0 ? 1 : correctPairs / foundPairs;
  const recall = truePairs === 0 ? 1 : correctPairs / truePairs;
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, f1, truePairs, foundPairs, correctPairs };
}
