import { readdirSync } from "node:fs";
import { join } from "node:path";
import { json } from "../../reference/test/support/command";

const folder = join(__dirname, "..");

interface Printed {
  readonly resources: readonly { urn: string; type: string; name: string; parent?: string; inputs: object }[];
  readonly outputs: Record<string, unknown>;
}

test("graph prints what the engine receives, ours beside what was there, and leaves nothing behind", async () => {
  const before = readdirSync(folder);
  // The URL is known only once the API exists: a preview must not make it up.
  const { resources, outputs } = await json<Printed>(["graph", "--preview"], folder);
  expect(outputs.collectorUrl).toBe("<unknown>");
  const found = (type: string, name: string) => resources.find((each) => each.type === type && each.name === name);
  const stack = found("pulumi:pulumi:Stack", "existing-codebase-dev");
  expect(found("aws:s3/bucket:Bucket", "invoices")?.parent).toBe(stack?.urn);
  const ingestion = found("tributary:index:Ingestion", "events");
  expect(found("tributary:index:SecureStream", "events-events")?.parent).toBe(ingestion?.urn);
  // Decided by plain values: the stranger's key is unknown in a preview, and everything that hangs on it is there.
  expect(found("aws:kinesis/stream:Stream", "events-events")?.inputs).toMatchObject({ kmsKeyId: "<unknown>" });
  expect(
    resources
      .filter(({ type }) => type === "aws:lambda/function:Function")
      .map(({ name }) => name)
      .sort(),
  ).toEqual(["events-archiver", "events-collector", "events-nightly-land", "events-processor"]);
  expect(readdirSync(folder)).toEqual(before);
}, 60_000);
