import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { type CollectedRecord, canonicalJson, windowLength } from "@tributary/model";
import fc from "fast-check";
import { LakeEngine, quoteText, type Session } from "../../../local/src/services/duckdb";
import { TestLake } from "../../../local/test/services/lake-support";
import { cleanEvents } from "../../src/tables/clean-events";
import { transformText } from "../../src/tables/lake-plan";
import { allSeries, factsSql, segmentsSql, traitsSql } from "../../src/traits";
import { findingText, lintTransform } from "../../src/transforms/lint";
import { recordsOf, rules, type Streamed, standing, start, streamed, type World, world } from "./world";

jest.setTimeout(240_000);

/** The stream's fold and the lake's SQL over one world: equal traits, equal segments, at every instant. */
let lake: TestLake;
let session: Session;
let file: string;
beforeAll(async () => {
  lake = TestLake.open(() => []);
  session = await LakeEngine.of(lake.kernel).session("spark");
  file = path.join(lake.kernel.folder("tmp"), "rows.json");
  for (const zone of ["raw", "clean", "curated"]) await session.run(`CREATE SCHEMA ${session.database}.${zone}`);
});
afterAll(async () => {
  await session.close();
  await lake.close();
});

const rows = async (sql: string) => (await session.connection.runAndReadAll(sql)).getRowObjectsJson();
const make = (table: string, select: string) => session.run(`CREATE OR REPLACE TABLE ${table} AS ${select}`);
async function put(table: string, columns: readonly string[], given: readonly object[]): Promise<void> {
  writeFileSync(file, given.map((row) => JSON.stringify(row)).join("\n"));
  const types = columns.map((column) => `${quoteText(column)}: 'VARCHAR'`).join(", ");
  await make(table, `SELECT * FROM read_json(${quoteText(file)}, format = 'newline_delimited', columns = {${types}})`);
}

const recordColumns = [
  "source_id", "message_id", "type", "event", "user_id", "anonymous_id", "timestamp", "original_timestamp", "sent_at", "received_at", "payload", "dt",
]; // biome-ignore format: a row

/** What the lake holds before the traits are computed. */
async function fill(records: readonly CollectedRecord[], { owners, profiles }: Streamed): Promise<void> {
  await put(
    "raw.events",
    recordColumns,
    records.map((record) => ({ ...record, dt: record.received_at.slice(0, 10) })),
  );
  await make("clean.events", transformText(cleanEvents));
  const identities = [...owners].map(([key, profile_id]) => {
    const colon = key.indexOf(":");
    return { identifier_type: key.slice(0, colon), identifier_value: key.slice(colon + 1), profile_id };
  });
  await put("curated.identities", ["identifier_type", "identifier_value", "profile_id"], identities);
  const people = profiles.map(({ profileId, traits, consent }) => ({
    profile_id: profileId,
    traits: JSON.stringify(traits),
    consent: JSON.stringify(consent),
  }));
  await put("curated.people", ["profile_id", "traits", "consent"], people);
}

const linted = (sql: string) => {
  expect(lintTransform(sql).map((finding) => findingText("sql", finding))).toEqual([]);
  return sql;
};

/** Instants to look at: where an event enters or leaves a window, and beside it. */
function instantAt([which, definition, leaving, beside]: World["instants"][number], { facts, all }: Streamed): number {
  const known = [...facts.values()].flat();
  const fact = known[which % Math.max(known.length, 1)];
  const window = Object.values(all)[definition % Object.keys(all).length]?.window;
  return (fact?.at ?? start) + (leaving && window ? windowLength(window) : 0) + beside;
}

const seed = Number(process.env.SEED ?? 20261123);
const runs = Number(process.env.RUNS ?? 25);

test(`the stream and the lake compute equal traits and segments (seed ${seed}; SEED sets another)`, async () => {
  let values = 0;
  let members = 0;
  await fc.assert(
    fc.asyncProperty(world, async (given) => {
      const records = recordsOf(given);
      const known = streamed(given, records);
      await fill(records, known);
      await make("curated.trait_facts", linted(factsSql(allSeries(known.all), rules)));
      for (const instant of given.instants) {
        const at = instantAt(instant, known);
        await session.run(`CREATE OR REPLACE VIEW run AS SELECT make_timestamp(${at} * 1000) AS as_of`);
        await make("curated.traits", linted(traitsSql(known.all)));
        await make("curated.segments", linted(segmentsSql(given.segments, known.all)));
        const expected = standing(known, given, at);
        const computed = await rows("SELECT profile_id, trait, value FROM curated.traits");
        const wanted = [...expected.computed].flatMap(([profile_id, traits]) =>
          Object.entries(traits).map(([trait, value]) => ({ profile_id, trait, value: canonicalJson(value) })),
        );
        expect(computed.map(canonicalJson).sort()).toEqual(wanted.map(canonicalJson).sort());
        const segments = await rows("SELECT segment || ' ' || profile_id AS member FROM curated.segments");
        expect(segments.map(({ member }) => member).sort()).toEqual(expected.members);
        values += wanted.length;
        members += expected.members.length;
      }
    }),
    { seed, numRuns: runs, endOnFailure: process.env.SHRINK === undefined },
  );
  // A comparison of nothing proves nothing.
  expect(values).toBeGreaterThan(2 * runs);
  expect(members).toBeGreaterThan(2 * runs);
});
