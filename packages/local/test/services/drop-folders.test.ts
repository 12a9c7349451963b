import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Kernel, Realiser } from "../../src/kernel";
import { installServices } from "../../src/services";
import { TestLake } from "./lake-support";

/** Folders of the data folder that stand for the world outside: what AWS would refuse stays there, and is told. */
const warnings: string[] = [];
const log = { debug() {}, info() {}, warn: (text: string) => void warnings.push(text) };
let lake: TestLake;
const role = (name: string, service: string, resource: string) => {
  const arn = lake.role(name, service);
  const [urn, type] = [`urn:pulumi:dev::test::aws:iam/rolePolicy:RolePolicy::${name}`, "aws:iam/rolePolicy:RolePolicy"];
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: ["s3:PutObject"], Resource: [resource] }],
  });
  lake.kernel.resources.set(urn, { urn, type, name, inputs: { role: name, policy }, id: name, outputs: {} });
  return arn;
};
const drop = (file: string, content: string) => {
  mkdirSync(dirname(join(lake.dataDir, file)), { recursive: true });
  writeFileSync(join(lake.dataDir, file), content);
};
const objects = async () => {
  const { Contents = [] } = await lake.kernel.call<{ Contents?: { Key: string }[] }>("s3", "ListObjectsV2", {
    Bucket: "landing",
  });
  return Contents.map(({ Key }) => Key);
};

beforeAll(async () => {
  lake = TestLake.open((kernel: Kernel): Realiser[] => installServices(kernel), { log });
  await lake.add("aws:s3/bucket:Bucket", "landing", { bucket: "landing" });
});
afterAll(() => lake.close());

test("SFTP: an upload that the user's role may not make stays and is told once", async () => {
  const server = await lake.add("aws:transfer/server:Server", "files", { protocols: ["SFTP"] });
  await lake.add("aws:transfer/user:User", "acme", {
    serverId: server.id,
    userName: "acme",
    role: role("acme", "transfer.amazonaws.com", "arn:aws:s3:::landing/in/ok/*"),
    homeDirectoryType: "LOGICAL",
    homeDirectoryMappings: [{ entry: "/", target: "/landing/in" }],
  });
  drop("sftp/files/acme/ok/a.csv", "a\n");
  drop("sftp/files/acme/b.csv", "b\n");
  drop("sftp/files/acme/c.csv.part", "c\n");
  await lake.kernel.quiesce();
  await lake.kernel.quiesce();
  expect(await objects()).toEqual(["in/ok/a.csv"]);
  expect(existsSync(join(lake.dataDir, "sftp/files/acme/b.csv"))).toBe(true);
  expect(existsSync(join(lake.dataDir, "sftp/files/acme/c.csv.part"))).toBe(true);
  expect(warnings.splice(0)).toEqual([
    expect.stringMatching(/^sftp\/files\/acme: b.csv stays where it is: .*not authorized/),
  ]);
});

test("DMS: a table that is not replicated and a line that is none stay; without deletes there are none", async () => {
  const target = await lake.add("aws:dms/s3Endpoint:S3Endpoint", "target", {
    endpointId: "target",
    endpointType: "target",
    bucketName: "landing",
    bucketFolder: "db",
    dataFormat: "parquet",
    cdcInsertsAndUpdates: true,
    serviceAccessRoleArn: role("dms", "dms.amazonaws.com", "arn:aws:s3:::landing/db/*"),
  });
  const locator = { "schema-name": "public", "table-name": "ord%" };
  await lake.add("aws:dms/replicationConfig:ReplicationConfig", "erp", {
    replicationConfigIdentifier: "erp",
    replicationType: "full-load-and-cdc",
    startReplication: true,
    targetEndpointArn: target.outputs.endpointArn,
    tableMappings: JSON.stringify({
      rules: [{ "rule-type": "selection", "rule-action": "include", "object-locator": locator }],
    }),
  });
  drop("dms/erp/public.orders.jsonl", '{"op":"D","row":{"id":1}}\n{"op":"I","row":{"id":2}}\n');
  drop("dms/erp/public.people.jsonl", '{"op":"I","row":{"id":2}}\n');
  drop("dms/erp/public.orders2.jsonl", '{"op":"I","row":{"id":2}}\n{"op":"X"}\n');
  await lake.kernel.quiesce();
  expect((await objects()).filter((key) => key.startsWith("db/"))).toEqual([
    expect.stringMatching(/^db\/public\/orders\/\d{8}-\d{9}\.parquet$/),
  ]);
  expect(warnings.splice(0).sort()).toEqual([
    expect.stringMatching(/public.orders2.jsonl stays where it is: line 2 must be \{"op":"L"/),
    expect.stringMatching(/public.people.jsonl stays where it is: .*do not include public.people/),
  ]);
});

test("Data Exchange: the bucket's policy decides, and a file outside of a revision is refused", async () => {
  await lake.add("aws:dataexchange/eventAction:EventAction", "market", {
    event: { revisionPublished: { dataSetId: "d1" } },
    action: { exportRevisionToS3: { revisionDestination: { bucket: "landing" } } },
  });
  drop("data-exchange/d1/r1/a.csv", "a\n");
  drop("data-exchange/d1/b.csv", "b\n");
  await lake.kernel.quiesce();
  expect(warnings.splice(0).sort()).toEqual([
    expect.stringMatching(/b.csv stays where it is: an asset lies in its revision's folder/),
    expect.stringMatching(/r1\/a.csv stays where it is: .*not authorized/),
  ]);
});

test("RDS: a snapshot that no rule asks for stays, and so does a file that is no table's", async () => {
  await lake.add("aws:cloudwatch/eventRule:EventRule", "snapshots", {
    eventPattern: JSON.stringify({
      source: ["aws.rds"],
      "detail-type": ["RDS DB Snapshot Event"],
      detail: { SourceIdentifier: [{ prefix: "rds:shop-" }] },
    }),
  });
  drop("rds/other/2026-11-23/other.public.t.csv", "id\n1\n");
  drop("rds/shop/2026-11-23/notes.txt", "x");
  await lake.kernel.quiesce();
  await lake.kernel.quiesce();
  expect(existsSync(join(lake.dataDir, "rds/other/2026-11-23/other.public.t.csv"))).toBe(true);
  expect(warnings.splice(0)).toEqual([
    expect.stringMatching(
      /^rds: other\/2026-11-23\/other.public.t.csv stays .*no rule of the stack asks for snapshots of "other"/,
    ),
    expect.stringMatching(/^rds: shop\/2026-11-23\/notes.txt stays .*a table lies in its snapshot's folder/),
  ]);
});

test("SFTP connectors: a file that is not there fails by name, `..` does not lead out, no other role is used", async () => {
  const accessRole = role("fetcher", "transfer.amazonaws.com", "arn:aws:s3:::landing/in/*");
  const { id } = await lake.add("aws:transfer/connector:Connector", "remote", { url: "sftp://x", accessRole });
  drop("sftp-remote/remote/out/a.csv", "a\n");
  drop("sftp-remote/secret.csv", "s\n");
  const call = <T>(operation: string, input: object) =>
    lake.kernel.call<T>("transfer", operation, { ConnectorId: id, ...input });
  const RetrieveFilePaths = ["/out/a.csv", "/../secret.csv"];
  const { TransferId } = await call<{ TransferId: string }>("StartFileTransfer", {
    RetrieveFilePaths,
    LocalDirectoryPath: "/landing/in",
  });
  expect(await call("ListFileTransferResults", { TransferId })).toEqual({
    FileTransferResults: [
      { FilePath: "/out/a.csv", StatusCode: "COMPLETED" },
      expect.objectContaining({ StatusCode: "FAILED", FailureCode: "RETRIEVE_FILE_NOT_FOUND" }),
    ],
  });
  expect(await objects()).toContain("in/a.csv");
  expect(existsSync(join(lake.dataDir, "sftp-remote/remote/out/a.csv"))).toBe(true);
  const elsewhere = { RetrieveFilePaths: ["/out/a.csv"], LocalDirectoryPath: "/landing/elsewhere" };
  await expect(call("StartFileTransfer", elsewhere)).rejects.toThrow(/not authorized to perform: s3:PutObject/);
  await expect(call("StartFileTransfer", { SendFilePaths: ["/x"], ...elsewhere })).rejects.toThrow(/SendFilePaths/);
});
