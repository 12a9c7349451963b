import { mkdirSync } from "node:fs";
import * as path from "node:path";
import {
  type ArchivedProfileRow,
  type CollectedRecord,
  canonicalJson,
  type SegmentDefinition,
  type TraitDefinitions,
} from "@tributary/model";
import fc from "fast-check";
import { LakeEngine, scanOf } from "../../../local/src/services/duckdb";
import { catalogOf, relationOf } from "../../../local/src/services/glue/catalog";
import { TestLake } from "../../../local/test/services/lake-support";
import { rawProfiles } from "../../src/tables/profiles";
import { rawEvents } from "../../src/tables/raw-events";
import { traitTables } from "../../src/tables/traits";
import { traitSteps } from "../../src/traits";
import {
  compareTable,
  everyLake,
  lakeServices,
  putRaw,
  runJob,
  runLocally,
  runOnSpark,
  type TestPlan,
} from "../spark/lakes";
import { SparkOracle, sparkMissing } from "../spark/oracle";
import { minute, recordsOf, type Streamed, standing, start, streamed, type World, world } from "./world";

jest.setTimeout(240_000);

/** The whole way, raw zone to segments, as the pipeline's jobs go it: on DuckDB, on Spark where it is, and beside the stream. */
const seed = Number(process.env.SEED ?? 20261123);
/** Spark takes half a minute for one. With NIGHTS=2 it goes on from what it made, the log of changes among it. */
const nightsOnSpark = Number(process.env.NIGHTS ?? 1);

/** Many worlds' events and declarations over one set of people. */
function oneWorld(): World {
  const worlds = fc.sample(world, { seed, numRuns: 2 });
  const [first] = worlds;
  if (first === undefined) throw new Error("no world");
  const renamed = <T>(of: (each: World) => Readonly<Record<string, T>>, name: (key: string, index: number) => string) =>
    Object.fromEntries(
      worlds.flatMap((each, index) =>
        Object.entries(of(each)).map(([key, value]) => [index === 0 ? key : name(key, index), value]),
      ),
    );
  return {
    ...first,
    sent: worlds.flatMap((each, index) =>
      each.sent.map((one) => {
        const item = one.item as { messageId: string };
        return { ...one, item: { ...item, messageId: `${item.messageId}-${index % 3}` } };
      }),
    ),
    traits: renamed<TraitDefinitions[string]>(
      ({ traits }) => traits,
      (key, index) => `${key}_${index}`,
    ),
    segments: renamed<SegmentDefinition>(
      ({ segments }) => segments,
      (key, index) => `${key}-${index}`,
    ),
  };
}

const row: ArchivedProfileRow = {
  profile_id: "", kind: "profile", sequence: "1", changed_at: "2026-03-01T00:00:00.000Z", version: "1", identifier_type: null, identifier_value: null,
  first_seen: "2026-03-01T00:00:00.000Z", last_seen: "2026-03-01T00:00:00.000Z", traits: null, consent: null, lineage: null, redirect_to: null,
}; // biome-ignore format: a row

const archived = ({ profiles, owners }: Streamed, sequence: string): ArchivedProfileRow[] =>
  profiles.flatMap(({ profileId, traits, consent }): ArchivedProfileRow[] => [
    { ...row, sequence, profile_id: profileId, traits: JSON.stringify(traits), consent: JSON.stringify(consent) },
    ...[...owners].flatMap(([key, owner]): ArchivedProfileRow[] => {
      const colon = key.indexOf(":");
      const [identifier_type, identifier_value] = [key.slice(0, colon), key.slice(colon + 1)];
      return owner === profileId
        ? [{ ...row, sequence, kind: "identifier", profile_id: profileId, identifier_type, identifier_value }]
        : [];
    }),
  ]);

describe("traits and segments from the raw zone on", () => {
  const given = oneWorld();
  const plan: TestPlan = {
    tables: [...everyLake.tables, ...traitTables],
    steps: [...everyLake.steps, ...traitSteps({ traits: given.traits, segments: given.segments })],
  };
  let lake: TestLake;
  let spark: SparkOracle | undefined;
  let folder: string;

  beforeAll(async () => {
    if (sparkMissing) console.warn(sparkMissing);
    lake = TestLake.open((kernel) => {
      kernel.authorizer = { check: () => {} };
      return lakeServices.flatMap((service) => service.install(kernel));
    });
    folder = path.join(lake.dataDir, "spark");
    mkdirSync(folder);
    spark = sparkMissing ? undefined : new SparkOracle(folder);
    await runLocally(lake, plan);
  });
  afterAll(async () => {
    await spark?.close();
    await lake.close();
  });

  const rows = async (table: string) =>
    await LakeEngine.of(lake.kernel).with("duckdb", async (session) => {
      const relation = relationOf(catalogOf(lake.kernel).requireTable("curated", table));
      return (await session.connection.runAndReadAll(scanOf(lake.kernel, relation).sql)).getRowObjectsJson();
    });

  it(`are equal on both engines and in the stream, run after run (seed ${seed}; SEED sets another)`, async () => {
    const records = recordsOf(given);
    const day = ({ received_at }: CollectedRecord) => received_at.slice(0, 10);
    const arrive = async (name: string, some: readonly CollectedRecord[], known: Streamed, sequence: string) => {
      await putRaw(lake, folder, rawEvents, some, day, name);
      await putRaw(lake, folder, rawProfiles, archived(known, sequence), () => `2026-03-0${sequence}`, name);
    };
    const nights = [
      { name: "first", records: records.filter((_, index) => index % 3 > 0), at: start + 10 * minute },
      // The rest comes late, some of it on days that were made before, and people were parted and united.
      { name: "second", records: records.filter((_, index) => index % 3 === 0), at: start + 27 * minute },
      { name: "third", records: [], at: start + 40 * 24 * 60 * minute + 1 },
    ];
    const seen: CollectedRecord[] = [];
    const logs: unknown[] = [];
    let values = 0;
    for (const [index, night] of nights.entries()) {
      // What comes later does not displace what came before: of two records of one message the stream has the first.
      seen.push(...night.records);
      const world = { ...given, owners: index === 0 ? given.owners : [...given.owners].reverse() };
      const known = streamed(world, seen);
      await arrive(night.name, night.records, known, String(index + 1));
      const asOf = new Date(night.at).toISOString();
      const onDuckDB = await runJob(lake.kernel, { "--as_of": asOf });
      const asked = spark !== undefined && index < nightsOnSpark ? spark : undefined;
      const onSpark =
        asked && (await runOnSpark(asked, folder, { plan, again: index > 0, arguments: ["--as_of", asOf] }));
      expect({ onDuckDB, onSpark }).toEqual({ onDuckDB: undefined, onSpark: undefined });
      if (asked) {
        for (const table of traitTables) {
          const compared = await compareTable(lake.kernel, folder, table);
          expect([table.name, compared]).toEqual([
            table.name,
            { rows: expect.any(Number), types: [], onlySpark: [], onlyDuckDB: [] },
          ]);
        }
      }
      const expected = standing(known, world, night.at);
      const traits = (await rows("traits")).map(({ profile_id, trait, value }) =>
        canonicalJson({ profile_id, trait, value }),
      );
      const wanted = [...expected.computed].flatMap(([profile_id, values]) =>
        Object.entries(values).map(([trait, value]) =>
          canonicalJson({ profile_id, trait, value: canonicalJson(value) }),
        ),
      );
      expect(traits.sort()).toEqual(wanted.sort());
      values += traits.length;
      const members = (await rows("segments")).map(({ segment, profile_id }) => `${segment} ${profile_id}`);
      expect(members.sort()).toEqual(expected.members);
      logs.push((await rows("segment_changes")).map(canonicalJson).sort());
    }
    expect(values).toBeGreaterThan(10);
    // The log tells the way: what entered and did not exit is there.
    const changes = await rows("segment_changes");
    const now = new Set<string>();
    for (const { segment, profile_id, change } of changes.sort((a, b) =>
      String(a.changed_at) < String(b.changed_at) ? -1 : 1,
    )) {
      const member = `${segment} ${profile_id}`;
      expect(now.has(member)).toBe(change === "exited");
      if (change === "entered") now.add(member);
      else now.delete(member);
    }
    expect([...now].sort()).toEqual(
      (await rows("segments")).map(({ segment, profile_id }) => `${segment} ${profile_id}`).sort(),
    );
    expect(changes.filter(({ change }) => change === "exited").length).toBeGreaterThan(0);
    // A run again at its instant says the same.
    await runJob(lake.kernel, { "--as_of": new Date(nights[2]?.at ?? 0).toISOString(), "--full": "true" });
    expect((await rows("segment_changes")).map(canonicalJson).sort()).toEqual(logs[2]);
  });
});
