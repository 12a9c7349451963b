import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { AttributeType, MatchAttribute } from "@tributary/model";
import { householdRecords, type PersonRecord, personColumns } from "../../testing/src/people";
import { evaluationOf } from "../src/evaluate";
import { clusterProfiles, recordRoots } from "../src/probabilistic/cluster";
import { describeModel, explainPair, samplePairs } from "../src/probabilistic/explain";
import {
  NothingToCompare,
  probabilisticDefaults,
  type Scored,
  weightsOf,
  withScores,
} from "../src/probabilistic/score";
import { Threads } from "../src/probabilistic/threads";

type Mapping = Record<string, AttributeType>;
const attributesOf = (mapping: Mapping): MatchAttribute[] =>
  Object.entries(mapping).map(([column, type]) => ({ column, type, hashed: false }));

const household: Mapping = {
  first_name: "NAME_FIRST",
  last_name: "NAME_LAST",
  dob: "DATE",
  email: "EMAIL_ADDRESS",
  phone: "PHONE_NUMBER",
  street: "ADDRESS_STREET1",
  city: "ADDRESS_CITY",
  postcode: "ADDRESS_POSTALCODE",
};

interface Matched {
  readonly scored: Scored;
  /** Each record's truth and profile. */
  readonly rows: readonly { readonly truth: string; readonly profile: number }[];
}

/** Matches what a SELECT gives: `t` is the truth, the other columns are those of the mapping. */
async function matched(select: string, mapping: Mapping, threads = 2, comparing = threads): Promise<Matched> {
  const instance = await DuckDBInstance.create(":memory:", { threads: String(threads) });
  const connection = await instance.connect();
  try {
    await connection.run(`CREATE TABLE records AS ${select}`);
    const attributes = attributesOf(mapping);
    const column = (name: string) => `"${name}"`;
    const input = { connection, table: "records", attributes, column, threads: comparing };
    const { scored, root } = await withScores(input, async (scored, threads) => {
      const { encoded, pairs, scorer, prior, threshold, fitted } = scored;
      const { cohesion } = probabilisticDefaults;
      const options = { threshold, cohesion, maxSize: 500 };
      const help = { threads, weights: weightsOf(fitted) };
      return { scored, ...(await clusterProfiles(encoded, pairs, scorer, prior, options, help)) };
    });
    const profiles = recordRoots(scored.encoded, root, () => true);
    const truths = (await connection.runAndReadAll("SELECT t::VARCHAR FROM records ORDER BY rowid")).getRows();
    return { scored, rows: truths.map(([truth], at) => ({ truth: String(truth), profile: profiles[at] as number })) };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function evaluated({ rows }: Matched) {
  const pairsBy = (key: (row: Matched["rows"][number]) => string) => {
    const counts = new Map<string, number>();
    for (const row of rows) counts.set(key(row), (counts.get(key(row)) ?? 0) + 1);
    return [...counts.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0);
  };
  return evaluationOf(
    pairsBy((row) => row.truth),
    pairsBy((row) => String(row.profile)),
    pairsBy((row) => `${row.truth} ${row.profile}`),
  );
}

const text = (value: string) => (value === "" ? "NULL" : `'${value.replaceAll("'", "''")}'`);
const valuesOf = (records: readonly PersonRecord[]) =>
  `SELECT *, person AS t FROM (VALUES ${records.map((record) => `(${personColumns.map((column) => text(record[column])).join(", ")})`).join(", ")}) v(${personColumns.join(", ")})`;

describe("households", () => {
  const records = [...householdRecords(4_000, 20_261_123)];
  const partition = ({ rows }: Matched, ids: readonly string[]) => {
    const members = new Map<number, string[]>();
    rows.forEach(({ profile }, at) => {
      members.set(profile, [...(members.get(profile) ?? []), ids[at] as string]);
    });
    return [...members.values()].map((some) => some.sort().join(" ")).sort();
  };
  let first: Matched;
  beforeAll(async () => {
    first = await matched(valuesOf(records), household);
  });

  test("members of one household stay apart without a label or a setting", () => {
    const { precision, f1 } = evaluated(first);
    expect(precision).toBeGreaterThan(0.98);
    expect(f1).toBeGreaterThan(0.975);
  });

  test("same profiles whatever the order of rows and the number of threads", async () => {
    const shuffled = [...records].sort((a, b) => (a.record_id.slice(3) < b.record_id.slice(3) ? -1 : 1));
    expect(shuffled.map((one) => one.record_id)).not.toEqual(records.map((one) => one.record_id));
    const second = await matched(valuesOf(shuffled), household, 1);
    expect(
      partition(
        second,
        shuffled.map((one) => one.record_id),
      ),
    ).toEqual(
      partition(
        first,
        records.map((one) => one.record_id),
      ),
    );
    expect(second.scored.prior.match).toBeCloseTo(first.scored.prior.match, 10);
  });

  test("the very same links and weights whoever compares them", async () => {
    const compare = jest.spyOn(Threads.prototype, "ask");
    const pairsOf = async (threads: number) => {
      const { scored, rows } = await matched(valuesOf(records), household, 1, threads);
      const { pairs, prior, compared } = scored;
      const { a, b, weight, length } = pairs;
      return {
        a: a.subarray(0, length),
        b: b.subarray(0, length),
        weight: weight.subarray(0, length),
        prior,
        compared,
        profiles: rows.map((row) => row.profile),
      };
    };
    const alone = await pairsOf(1);
    const together = await pairsOf(3);
    const found = await Promise.all(compare.mock.results.map(({ value }) => value as Promise<unknown[]>));
    expect(found.map((threads) => threads.length)).toEqual([1, 1, 1, 1, 3, 3, 3, 3, 3]);
    expect(together).toEqual(alone);
    compare.mockRestore();
  });

  test("the steps of a pair's explanation add up to its weight", () => {
    const { scored } = first;
    const { pairs, encoded } = scored;
    for (let p = 0; p < pairs.length; p += 97) {
      const [a, b] = [encoded.firstOf[pairs.a[p] as number], encoded.firstOf[pairs.b[p] as number]];
      const { weight, steps } = explainPair(scored, a as number, b as number);
      expect(steps.reduce((sum, step) => sum + step.weight, 0)).toBeCloseTo(weight, 1);
      expect(weight).toBeCloseTo(pairs.weight[p] as number, 3);
    }
  });

  test("pairs to show are clear links, near ones and misses", () => {
    const shown = samplePairs(first.scored, 3);
    expect(shown.filter((pair) => pair.linked && pair.weight > 12)).toHaveLength(3);
    expect(shown.filter((pair) => pair.linked && pair.weight < 4)).toHaveLength(3);
    expect(shown.filter((pair) => !pair.linked && pair.weight < 0)).toHaveLength(3);
  });

  test("the model is plain data: matches agree, strangers do not", () => {
    const model = JSON.parse(JSON.stringify(describeModel(first.scored))) as ReturnType<typeof describeModel>;
    const names = model.comparisons.map((one) => one.name).sort();
    expect(names).toEqual(Object.keys(household).sort());
    for (const { levels } of model.comparisons) {
      expect(levels.at(-1)?.weight).toBeGreaterThan(2);
      expect(levels[0]?.weight).toBeLessThan(-2);
      expect(levels.reduce((sum, level) => sum + level.m, 0)).toBeCloseTo(1, 6);
    }
    expect(model.comparisons.filter((one) => one.personal).map((one) => one.name)).toEqual(["first_name", "dob"]);
  });
});

describe("input that gives little", () => {
  const two: Mapping = { a: "NAME_FIRST", b: "NAME_LAST" };
  test("one column that tells something is not enough, and is named", async () => {
    const select = "SELECT 'x' AS t, 'n' || (i % 5) AS a, NULL::VARCHAR AS b FROM range(50) r(i)";
    await expect(matched(select, two)).rejects.toThrow(NothingToCompare);
    await expect(matched(select, two)).rejects.toThrow("there is one: a. Name more columns");
  });
  test("nothing known at all", async () => {
    await expect(matched("SELECT 'x' AS t, NULL::VARCHAR AS a, NULL::VARCHAR AS b FROM range(3)", two)).rejects.toThrow(
      "there is none",
    );
  });
  test("one record", async () => {
    await expect(matched("SELECT 'x' AS t, 'Ann' AS a, 'Lee' AS b", two)).rejects.toThrow(NothingToCompare);
  });
  test("nobody like anybody else: no links", async () => {
    const select =
      "SELECT i AS t, 'a' || (i % 7) || chr((97 + i // 7)::INT) AS a, 'b' || (i // 7) AS b FROM range(70) r(i)";
    const { scored, rows } = await matched(select, { a: "STRING", b: "NAME_LAST" }).catch(() => ({
      scored: undefined,
      rows: [],
    }));
    if (scored) expect(scored.pairs.length).toBe(0);
    expect(new Set(rows.map((row) => row.profile)).size).toBe(rows.length);
  });
});

const data = join(resolve(__dirname, "../../.."), process.env.TRIBUTARY_DATA ?? "../shared/data", "identity");
const febrl: Mapping = {
  given_name: "NAME_FIRST",
  surname: "NAME_LAST",
  street_number: "STRING",
  address_1: "ADDRESS_STREET1",
  address_2: "ADDRESS_STREET2",
  suburb: "ADDRESS_CITY",
  postcode: "ADDRESS_POSTALCODE",
  state: "ADDRESS_STATE",
  date_of_birth: "DATE",
};
const published: readonly [string, string, Mapping, string, number][] = [
  ["febrl3", "febrl3.csv", { ...febrl, soc_sec_id: "STRING" }, "split_part(rec_id, '-', 2)", 0.999],
  ["febrl3 without soc_sec_id", "febrl3.csv", febrl, "split_part(rec_id, '-', 2)", 0.998],
  [
    "fake_1000",
    "fake_1000.csv",
    { first_name: "NAME_FIRST", surname: "NAME_LAST", dob: "DATE", city: "ADDRESS_CITY", email: "EMAIL_ADDRESS" },
    "cluster",
    0.95,
  ],
  [
    "historical_50k_part_a",
    "historical_50k_part_a.parquet",
    {
      full_name: "NAME",
      first_name: "NAME_FIRST",
      surname: "NAME_LAST",
      dob: "DATE",
      birth_place: "ADDRESS_CITY",
      postcode_fake: "ADDRESS_POSTALCODE",
      gender: "STRING",
      occupation: "STRING",
    },
    "cluster",
    0.93,
  ],
];

// Skipped where the folder that TRIBUTARY_DATA names lacks them: they are not ours to publish.
const withData = existsSync(data) ? describe : describe.skip;
withData("published data (skipped without the folder of TRIBUTARY_DATA)", () => {
  test.each(published)("%s", async (_, file, mapping, truth, least) => {
    const path = join(data, file);
    const reader = file.endsWith(".csv") ? `read_csv('${path}', all_varchar = true)` : `read_parquet('${path}')`;
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const names = (await connection.runAndReadAll(`DESCRIBE FROM ${reader}`)).getRows().map(([name]) => String(name));
    connection.closeSync();
    instance.closeSync();
    const trimmed = names.map((name) => `nullif(trim("${name}"), '') AS "${name.trim()}"`).join(", ");
    const found = evaluated(await matched(`SELECT *, ${truth} AS t FROM (SELECT ${trimmed} FROM ${reader})`, mapping));
    expect(found.f1).toBeGreaterThan(least);
  });
});
