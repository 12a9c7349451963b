import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Faults, Kernel, type Principal } from "../../src/kernel";
import { install } from "../../src/services/kinesis";

/** Faults on purpose do what they say, and nothing where nobody asked. */

const role: Principal = { kind: "role", roleArn: "arn:aws:iam::000000000000:role/r", session: "s" };
const folder = mkdtempSync(join(tmpdir(), "tributary-faults-"));
let count = 0;
const opened: Kernel[] = [];
afterAll(async () => {
  for (const kernel of opened) await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

async function stream(plan: object | undefined, now = () => 1_800_000_000_000): Promise<Kernel> {
  const faults = plan === undefined ? undefined : Faults.parse(JSON.stringify(plan));
  const kernel = new Kernel({ dataDir: join(folder, String(count++)), now, ...(faults ? { faults } : {}) });
  opened.push(kernel);
  install(kernel);
  kernel.authorizer = { check: () => undefined };
  await kernel.call("kinesis", "CreateStream", { StreamName: "events", ShardCount: 1 });
  return kernel;
}

interface Answer {
  readonly FailedRecordCount: number;
  readonly Records: { readonly SequenceNumber?: string; readonly ErrorCode?: string }[];
}

const put = (kernel: Kernel, records: number, bytes = 10) =>
  kernel.call<Answer>(
    "kinesis",
    "PutRecords",
    {
      StreamName: "events",
      Records: Array.from({ length: records }, () => ({ Data: new Uint8Array(bytes), PartitionKey: "k" })),
    },
    role,
  );

async function inStream(kernel: Kernel): Promise<number> {
  const position = { StreamName: "events", ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" };
  const { ShardIterator } = await kernel.call<{ ShardIterator: string }>("kinesis", "GetShardIterator", position);
  return (await kernel.call<{ Records: unknown[] }>("kinesis", "GetRecords", { ShardIterator })).Records.length;
}

test("PutRecords fails in part: what has no number is not in the stream", async () => {
  const kernel = await stream({ seed: 3, partial: 0.3 });
  const { FailedRecordCount, Records } = await put(kernel, 400);
  expect(FailedRecordCount).toBeGreaterThan(60);
  expect(FailedRecordCount).toBeLessThan(180);
  const codes = Records.map(({ SequenceNumber, ErrorCode }) => SequenceNumber === undefined && ErrorCode);
  expect(codes.filter(Boolean)).toEqual(Array(FailedRecordCount).fill("ProvisionedThroughputExceededException"));
  expect(await inStream(kernel)).toBe(400 - FailedRecordCount);
});

test("a shard takes 1,000 records and 1 MiB a second, and again in the next", async () => {
  let at = 1_800_000_000_000;
  const kernel = await stream({ shardLimits: true }, () => at);
  for (let call = 0; call < 2; call++) expect((await put(kernel, 450)).FailedRecordCount).toBe(0);
  expect((await put(kernel, 450)).FailedRecordCount).toBe(350);
  at += 1000;
  expect((await put(kernel, 5, 300_000)).FailedRecordCount).toBe(2);
});

test("a throttled call does nothing, a lost answer comes after it was done", async () => {
  const throttled = await stream({ throttle: 1 });
  await expect(put(throttled, 1)).rejects.toMatchObject({ name: "ThrottlingException" });
  const lost = await stream({ lost: 1 });
  await expect(put(lost, 1)).rejects.toMatchObject({ name: "InternalServerError", status: 500 });
  expect([await inStream(throttled), await inStream(lost)]).toEqual([0, 1]);
});

test("batches fail, come again and come late; the same seed draws the same", async () => {
  const draw = async () => {
    const faults = new Faults(
      Object.assign(Faults.parse('{"seed":5,"crash":0.2,"redeliver":0.2,"reorder":0.3}')?.plan ?? ({} as never)),
    );
    const ran: string[] = [];
    const told: string[] = [];
    for (let batch = 0; batch < 40; batch++) {
      const run = async (event: string) => {
        ran.push(event);
        return { json: "null" } as { json?: string; error?: { errorType: string; errorMessage: string } };
      };
      told.push((await faults.deliver(`${batch}`, run)).error ? "failed" : "ok");
    }
    return { ran, told };
  };
  const { ran, told } = await draw();
  expect(await draw()).toEqual({ ran, told });
  expect(told.filter((each) => each === "failed").length).toBeGreaterThan(5);
  expect(new Set(ran).size).toBeLessThan(40); // Some never ran,
  expect(ran.length).toBeGreaterThan(new Set(ran).size); // others twice,
  expect(ran.some((each, index) => index > 0 && Number(each) < Number(ran[index - 1]))).toBe(true); // and behind later ones.
});

test("behind a full disk nothing is taken any more; what was, is there at the next start", async () => {
  const kernel = await stream({ diskFullAfter: 4 });
  const dataDir = join(folder, String(count - 1));
  let taken = 0;
  const refused = await (async () => {
    for (;;) {
      try {
        await put(kernel, 1);
        taken += 1;
      } catch (error) {
        return error as Error;
      }
    }
  })();
  expect(refused.message).toMatch(/could not commit: ENOSPC[\s\S]*Nothing acknowledged is lost/);
  await expect(put(kernel, 1)).rejects.toThrow(/could not commit/);
  await kernel.close();
  opened.splice(opened.indexOf(kernel), 1);
  const again = new Kernel({ dataDir });
  opened.push(again);
  install(again);
  expect(taken).toBeGreaterThan(0);
  expect(await inStream(again)).toBe(taken);
});

test.each([
  ["{", /TRIBUTARY_FAULTS is no plan of faults: .*JSON/],
  ['{"partial":2}', /partial: .*<=1/],
  ['{"parital":0.1}', /parital[\s\S]*It is a JSON object of seed, partial/],
])("a plan that is none is refused: %s", (text, why) => {
  expect(() => Faults.parse(text)).toThrow(why);
});

test("without a plan there are no faults and no limits", async () => {
  expect(Faults.parse(undefined)).toBeUndefined();
  const kernel = await stream(undefined);
  for (let call = 0; call < 5; call++) expect((await put(kernel, 500)).FailedRecordCount).toBe(0);
  expect(await inStream(kernel)).toBe(2500);
});
