import fc from "fast-check";
import { edgesOf, type GroupTotals, type MatchEdge, type MatchedRecord, weightOf } from "../src/domain/matching/groups";
import type { LockAnswer, LockRequest } from "../src/domain/matching/lock";
import { rowReader, successFiles } from "../src/domain/matching/output";
import { type GroupPorts, makeMatchGroups } from "../src/functions/match-groups";
import { makeMatchLock } from "../src/functions/match-lock";

const user = (value: string) => ({ type: "user_id", value });
const row = (matchId: string, value: string, rule = "mail"): MatchedRecord => ({ matchId, rule, node: user(value) });
async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
async function collect(rows: readonly MatchedRecord[], maxSize = 500) {
  const edges: MatchEdge[] = [];
  const lines = edgesOf(() => each(rows), { at: "2026-11-23T00:00:00.000Z", job: "match", maxSize });
  for (;;) {
    const next = await lines.next();
    if (next.done) return { edges, totals: next.value };
    edges.push(next.value);
  }
}

describe("groups become links", () => {
  test("a star from the smallest node, named after the rule; who is alone links to nobody", async () => {
    const { edges, totals } = await collect([
      row("2", "zoe"),
      row("1", "b", "fuzzy name"),
      row("1", "a"),
      row("1", "c"),
      // The same person by another source: no link with oneself.
      row("2", "zoe"),
    ]);
    const common = { at: "2026-11-23T00:00:00.000Z", job: "match" };
    expect(edges).toEqual([
      { a: user("a"), b: user("b"), rule: "aws-er:fuzzy name", ...common },
      { a: user("a"), b: user("c"), rule: "aws-er:mail", ...common },
    ]);
    expect(totals).toEqual({ records: 5, groups: 1, edges: 2, tooLarge: 0 });
  });

  test("the confidence of machine learning is the score, as log2 of the odds", async () => {
    const { edges } = await collect([row("1", "a", ""), { ...row("1", "b", ""), confidence: 0.8 }]);
    expect(edges).toMatchObject([{ rule: "aws-er:machine-learning", score: expect.closeTo(2) }]);
    expect(weightOf(0.5)).toBe(0);
    expect([weightOf(0), weightOf(1)]).toEqual([expect.closeTo(-19.93), expect.closeTo(19.93)]);
  });

  test("a group that is larger than a person can be is left out, and counted", async () => {
    expect(await collect([row("1", "a"), row("1", "b"), row("1", "c"), row("2", "d"), row("2", "e")], 2)).toMatchObject(
      {
        edges: [{ a: user("d"), b: user("e") }],
        totals: { groups: 1, tooLarge: 1 },
      },
    );
  });

  test("whatever the order of the rows, the links are the same and connect exactly the groups", async () => {
    const rows = fc.array(fc.tuple(fc.constantFrom("1", "2", "3"), fc.constantFrom("a", "b", "c", "d", "e", "f")), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(rows, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), async (pairs, noise) => {
        // A record is in one group; two records of one node may be in two.
        const given = pairs.map(([matchId, value]) => row(matchId, value));
        const shuffled = given.map((record) => ({ record, at: noise.next().value }));
        shuffled.sort((x, y) => x.at - y.at);
        const text = async (of: readonly MatchedRecord[]) =>
          [...new Set((await collect(of)).edges.map((edge) => JSON.stringify([edge.a.value, edge.b.value])))].sort();
        const edges = await text(given);
        expect(await text(shuffled.map(({ record }) => record))).toEqual(edges);
        for (const matchId of ["1", "2", "3"]) {
          const nodes = [...new Set(given.filter((of) => of.matchId === matchId).map(({ node }) => node.value))].sort();
          for (const node of nodes.slice(1)) expect(edges).toContain(JSON.stringify([nodes[0], node]));
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});

describe("a job's output", () => {
  test("is the files of its success folder, wherever Entity Resolution puts that", () => {
    const file = (key: string, size = 1) => ({ key, size });
    const job = "0123456789abcdef0123456789abcdef";
    const files = [
      file(`out/flow/${job}/success/run-2.csv`),
      file(`out/flow/2026/${job}/success/part/run-1.csv`),
      file(`out/flow/${job}/error/run-1.csv`),
      file(`out/flow/${job}/success/`, 0),
      file("out/flow/other/success/run-1.csv"),
    ];
    expect(successFiles(files, job).map(({ key }) => key)).toEqual([
      `out/flow/${job}/success/run-2.csv`,
      `out/flow/2026/${job}/success/part/run-1.csv`,
    ]);
  });

  test("is read by the header, whatever its case and order", () => {
    const read = rowReader(["identifier_value", "MATCHID", "MatchRule", "Identifier_Type", "ConfidenceLevel"], "f");
    expect(read(["u1", "m", "mail", "user_id", ""])).toEqual({ matchId: "m", rule: "mail", node: user("u1") });
    expect(read(["u1", "m", "", "user_id", "0.5"])).toMatchObject({ confidence: 0.5 });
    expect(read(["u1", "", "", "user_id", ""])).toBeUndefined();
    expect(() => rowReader(["MatchID", "name"], "s3://x/f.csv")).toThrow(
      "s3://x/f.csv has no column identifier_type, identifier_value",
    );
  });

  const ports = (rows: readonly MatchedRecord[], files = [{ key: "f", size: 1 }]) => {
    const written: MatchEdge[] = [];
    const port: GroupPorts = {
      files: async () => files,
      rows: () => each(rows),
      identify: (node) => (node.value === "guest" ? undefined : { ...node, value: node.value.trim() }),
      write: async (prefix, edges) => {
        let next: IteratorResult<MatchEdge, GroupTotals>;
        for (next = await edges.next(); !next.done; next = await edges.next()) written.push(next.value);
        return { keys: [`${prefix}0`], result: next.value };
      },
    };
    return { port, written };
  };
  const settings = { bucket: "b", evidencePrefix: "evidence/", job: "match", maxSize: 500 };
  const described = (metrics?: object) => ({ jobId: "abc", job: { StartTime: 1_700_000_000, Metrics: metrics } });

  test("becomes one object, and says what is in it", async () => {
    // Junk is nobody, and one person is one under whatever form.
    const { port, written } = ports([row("1", "a"), row("1", " a"), row("1", "b"), row("1", "guest")]);
    const result = await makeMatchGroups(port, settings)(described({ InputRecords: 3, RecordsNotProcessed: 1 }));
    expect(result).toEqual({
      ...{ bucket: "b", keys: ["evidence/abc/0"], job: "match", at: "2023-11-14T22:13:20.000Z" },
      ...{ records: 3, groups: 1, edges: 1, tooLarge: 0, notProcessed: 1 },
    });
    expect(written).toHaveLength(1);
  });

  test("that is missing is no empty one: every link of the run before would be withdrawn", async () => {
    const run = (files: { key: string; size: number }[]) =>
      makeMatchGroups(ports([], files).port, settings)(described({ InputRecords: 3 }));
    await expect(run([])).rejects.toThrow('no file in a folder "success"');
    await expect(run([{ key: "f", size: 1 }])).rejects.toThrow("names nobody");
    // Nothing went in: nothing comes out, and the state machine imports nothing.
    expect(await makeMatchGroups(ports([], []).port, settings)(described({ InputRecords: 0 }))).toMatchObject({
      records: 0,
    });
  });
});

describe("the lock", () => {
  const start = Date.parse("2026-11-23T00:00:00Z");
  const call = { action: "take", owner: "arn:me", name: "exec-1", input: {}, since: "2026-11-23T00:00:00Z" };
  const lockOf = (answer: LockAnswer) => {
    const asked: LockRequest[] = [];
    const given: object[] = [];
    const lock = {
      take: async (request: LockRequest) => {
        asked.push(request);
        return answer;
      },
      giveBack: async (request: object) => {
        given.push(request);
      },
    };
    return { lock, asked, given };
  };
  const times = { holdSeconds: 600, waitSeconds: 60 };

  test("is asked for under the run's name, for a bounded time", async () => {
    const { lock, asked } = lockOf({ state: "taken" });
    const handler = makeMatchLock(lock, times, () => start);
    expect(await handler({ ...call, input: { run: "2026-11-23T00:00Z" }, ended: "arn:dead" })).toEqual({
      state: "taken",
      holder: "",
    });
    await handler(call);
    expect(asked).toEqual([
      { owner: "arn:me", run: "2026-11-23T00:00Z", now: start / 1000, until: start / 1000 + 600, ended: "arn:dead" },
      { owner: "arn:me", run: "exec-1", now: start / 1000, until: start / 1000 + 600 },
    ]);
  });

  test("says when an execution has waited long enough", async () => {
    const { lock } = lockOf({ state: "held", holder: "arn:other" });
    const at = (seconds: number) => makeMatchLock(lock, times, () => start + seconds * 1000)(call);
    expect(await at(60)).toEqual({ state: "held", holder: "arn:other" });
    expect(await at(61)).toEqual({ state: "waited", holder: "arn:other" });
  });

  test("remembers a run only where it was finished", async () => {
    const { lock, given } = lockOf({ state: "taken" });
    const handler = makeMatchLock(lock, times, () => start);
    await handler({ ...call, action: "give-back", finished: true });
    await handler({ ...call, action: "give-back", finished: false });
    expect(given).toEqual([{ owner: "arn:me", finishedRun: "exec-1" }, { owner: "arn:me" }]);
  });
});
