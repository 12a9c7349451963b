import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  absorbEvidence,
  type CustomerEvent,
  compareText,
  defaultIdentityRules,
  type Evidence,
  edgeKey,
  emptyEvidence,
  evidenceOf,
  type MatchRules,
  matchingSchema,
  nodeKey,
  parseIdentifier,
  profileIdOf,
  resolve,
} from "@tributary/model";
import * as fc from "fast-check";
import { type MatchEdge, MatchingError, match } from "../src";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-identifiers-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seed = Number(process.env.SEED ?? 4_004);
const identity = { ...defaultIdentityRules, defaultCountry: "GB" };

const rules = (given: Partial<MatchRules>): MatchRules => ({
  ...matchingSchema.parse({
    attributes: [
      { column: "user", type: "UNIQUE_ID", identifier: "user_id" },
      { column: "email", type: "EMAIL_ADDRESS", identifier: "email" },
      { column: "device", type: "STRING", identifier: "device_id" },
      { column: "name", type: "STRING", matchKey: "name", hashed: true },
    ],
    rules: [{ name: "same name", matchKeys: ["name"] }],
    probabilistic: false,
  }),
  ...given,
});

/** Few values, so that they meet; one is junk, one is written in two ways. */
const record = fc.record({
  user: fc.constantFrom("", "", "u1", "u2", "u3"),
  email: fc.constantFrom("", "a@x.org", "A@X.org ", "b@x.org", "c@x.org", "test@test.com"),
  device: fc.constantFrom("", "phone-1", "phone-2", "tablet-1", "kiosk-01"),
  name: fc.constantFrom("", "", "", "", "ann", "bob"),
});
type Row = { user: string; email: string; device: string; name: string };

const eventOf = ({ user, email, device }: Row, id: string): CustomerEvent =>
  ({
    type: "identify",
    messageId: id,
    sourceId: "file",
    ...(user ? { userId: user } : {}),
    traits: email ? { email } : {},
    context: device ? { device: { id: device } } : {},
    timestamp: "1970-01-01T00:00:00.000Z",
    receivedAt: "1970-01-01T00:00:00.000Z",
  }) as unknown as CustomerEvent;

async function run(rows: readonly Row[], given: MatchRules) {
  const path = join(folder, "in.csv");
  const out = join(folder, "out.csv");
  const edges = join(folder, "edges.jsonl");
  const lines = rows.map(({ user, email, device, name }, at) => [`r${at}`, user, email, device, name].join(","));
  writeFileSync(path, ["id,user,email,device,name", ...lines].join("\n"));
  await match({
    files: [path],
    rules: given,
    identity,
    idColumn: "id",
    out,
    edges: { path: edges, job: "nightly", at: "2026-01-01T00:00:00.000Z" },
    suppress: false,
    workFolder: folder,
  });
  const text = readFileSync(edges, "utf8").trim();
  const profiles = new Map<string, string>();
  for (const line of readFileSync(out, "utf8").trim().split("\n").slice(1)) {
    const [id = "", profile = ""] = line.split(",");
    profiles.set(id, profile);
  }
  return { profiles, edges: text === "" ? [] : text.split("\n").map((line): MatchEdge => JSON.parse(line)) };
}

function addMatches(evidence: Evidence, edges: readonly MatchEdge[]): void {
  for (const { a, b, rule, at, job } of edges) {
    const [x, y] = [nodeKey(a), nodeKey(b)].sort(compareText) as [string, string];
    const time = Date.parse(at);
    const edge = { a: x, b: y, kind: "match" as const, rule, at: time, last: time, sourceId: job, messageId: "" };
    evidence.edges.set(edgeKey(edge), edge);
  }
}

describe("batch and stream agree", () => {
  test("records as a file, and as events with the file's links, give the same profiles and ids", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 14 }), async (rows) => {
        const { profiles, edges } = await run(rows, rules({}));
        const evidence = emptyEvidence();
        const strongest = rows.map((row, at) => {
          const found = evidenceOf(eventOf(row, `m${at}`), identity);
          if (found) absorbEvidence(evidence, found.evidence);
          return found && nodeKey(found.strongest);
        });
        addMatches(evidence, edges);
        const { assignment } = resolve(evidence, identity);
        for (const [at, key] of strongest.entries()) {
          const expected = key === undefined ? undefined : assignment.get(key);
          if (expected !== undefined) expect([at, profiles.get(`r${at}`)]).toEqual([at, expected]);
        }
      }),
      { seed, numRuns: 60 },
    );
  }, 120_000);

  test("a limit holds, a record without identifiers goes with the one it matches, others are by themselves", async () => {
    const none = { user: "", email: "", device: "", name: "" };
    const { profiles, edges } = await run(
      [
        { ...none, user: "u1", device: "phone-1" },
        { ...none, user: "u2", device: "phone-1" },
        { ...none, email: "a@x.org", name: "ann" },
        { ...none, name: "ann" },
        { ...none, email: "b@x.org", name: "ann" },
        none,
      ],
      rules({}),
    );
    expect(profiles.get("r0")).not.toBe(profiles.get("r1"));
    expect(profiles.get("r2")).toBe(profileIdOf("email:a@x.org"));
    expect([profiles.get("r3"), profiles.get("r4")]).toEqual([profiles.get("r2"), profiles.get("r2")]);
    expect(profiles.get("r5")).toBe(profileIdOf("record:r5"));
    expect(edges).toEqual([
      {
        a: parseIdentifier("email:a@x.org", identity),
        b: parseIdentifier("email:b@x.org", identity),
        rule: "same name",
        at: "2026-01-01T00:00:00.000Z",
        job: "nightly",
      },
    ]);
  });

  test("without identifiers records themselves are linked; an unknown identifier type is said", async () => {
    const bare = rules({ attributes: rules({}).attributes.slice(3) });
    const none = { user: "", email: "", device: "", name: "bob" };
    const { edges } = await run([none, none, { ...none, name: "ann" }], bare);
    expect(edges).toMatchObject([{ a: { type: "record", value: "r0" }, b: { type: "record", value: "r1" } }]);
    const unknown = rules({
      attributes: [{ column: "user", type: "STRING", hashed: false, identifier: "crm" }],
      rules: [],
    });
    await expect(run([none], unknown)).rejects.toThrow(MatchingError);
    await expect(run([none], unknown)).rejects.toThrow(
      /type "crm", which the identity rules do not know\. They have: user_id, email/,
    );
  });
});
