import { gunzipSync } from "node:zlib";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { ArchivedProfileRow, ProfileItem } from "@tributary/model";
import type { DynamoDBRecord } from "aws-lambda";
import { makeProfileArchiver } from "../src/functions/archive-profiles";

const at = "2026-11-23T09:00:00.000Z";
const objects = new Map<string, readonly ArchivedProfileRow[]>();
const archive = makeProfileArchiver({
  put: async (key, body) => {
    const lines = gunzipSync(body).toString("utf8").trim().split("\n");
    objects.set(
      key,
      lines.map((line) => JSON.parse(line) as ArchivedProfileRow),
    );
  },
});
beforeEach(() => objects.clear());

function profile(profileId: string, plan: string): ProfileItem {
  return {
    kind: "profile",
    profileId,
    identifiers: [
      { type: "user_id", value: "u1", firstSeen: at, lastSeen: at },
      { type: "email", value: "jo@x.yz", firstSeen: at, lastSeen: at },
    ],
    traits: { plan },
    lineage: { plan: { sourceId: "web", identifier: "user_id:u1", at, by: "only" } },
    consent: { marketing: { granted: true, at } },
    firstSeen: at,
    lastSeen: at,
    version: `v-${plan}`,
  };
}

function record(profileId: string, sequence: string, after: ProfileItem | undefined): DynamoDBRecord {
  return {
    eventName: after ? "MODIFY" : "REMOVE",
    dynamodb: {
      Keys: { profileId: { S: profileId } },
      SequenceNumber: sequence,
      ApproximateCreationDateTime: Date.parse(at) / 1_000,
      ...(after && { NewImage: marshall(after) as never }),
    },
  };
}

test("a batch becomes one object: of each profile its last state, a row for it and for each identifier", async () => {
  const redirect: ProfileItem = { kind: "redirect", profileId: "p_2", redirectTo: "p_1", at, reason: "merged" };
  const response = await archive({
    Records: [
      record("p_1", "9", profile("p_1", "free")),
      record("p_1", "10", profile("p_1", "gold")),
      record("p_2", "11", redirect),
      record("p_3", "12", undefined),
    ],
  });
  expect(response.batchItemFailures).toEqual([]);
  expect([...objects.keys()]).toEqual(["profiles/dt=2026-11-23/9-p_1.json.gz"]);
  const rows = [...objects.values()].flat();
  const said = rows.map(({ kind, profile_id, identifier_value, redirect_to, version }) =>
    [kind, profile_id, identifier_value ?? redirect_to ?? version].join(" "),
  );
  expect(said).toEqual([
    "profile p_1 v-gold",
    "identifier p_1 u1",
    "identifier p_1 jo@x.yz",
    "redirect p_2 p_1",
    "deleted p_3 ",
  ]);
  expect(rows[0]).toMatchObject({
    sequence: "10".padStart(40, "0"),
    changed_at: at,
    traits: '{"plan":"gold"}',
    consent: `{"marketing":{"granted":true,"at":"${at}"}}`,
    first_seen: at,
  });
});

test("a batch that comes again replaces its object, and a record that is no profile's is put aside", async () => {
  const good = record("p_1", "9", profile("p_1", "free"));
  await archive({ Records: [good] });
  await archive({ Records: [good] });
  expect(objects.size).toBe(1);
  const bad: DynamoDBRecord = { eventName: "INSERT", dynamodb: { Keys: {}, SequenceNumber: "13" } };
  const response = await archive({ Records: [good, bad] });
  expect(response.batchItemFailures).toEqual([{ itemIdentifier: "13" }]);
});
