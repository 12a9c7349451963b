import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { runStack, type StackRun } from "@tributary/testing";
import { violations } from "../../core/test/well-architected";
import {
  database,
  databaseSnapshots,
  dataExchange,
  Ingestion,
  type IngestionArgs,
  ingestionFaults,
  s3Drop,
  sftp,
} from "../src";

// The component puts the prebuilt bundles into its functions; what is fresh is left as it is.
beforeAll(() => {
  spawnSync(process.execPath, [join(__dirname, "../../../scripts/bundle-handlers.mjs")]);
}, 60_000);

const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const secretArn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:s-AbCdEf";
const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2ZFdmU6Vxq0u0u0000";
const mapping = { version: 1 as const, event: { type: { $value: "track" }, userId: { $column: "who" } } };
const given: IngestionArgs = {
  foundation: {
    keyArn: key,
    alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
    environment: "test",
    logRetentionDays: 30,
    tags: { Project: "test", Tenant: "t", CostCenter: "c" },
    accessLogs: { bucketName: "logs" },
  },
  rawZone: { bucket: { name: "raw", arn: "arn:aws:s3:::raw", keyArn: key }, database: "raw", eventsTable: "events" },
  sources: {
    shop: s3Drop({ mapping, writers: ["arn:aws:iam::111111111111:role/partner"] }),
    partner: sftp({ format: "json", server: { users: { acme: { publicKeys: [publicKey] } } } }),
    fetched: sftp({
      mapping,
      pull: {
        url: "sftp://a.example",
        secretArn,
        hostKeys: ["ssh-rsa A"],
        paths: ["/o.csv"],
        directories: ["/out/daily/", "/"],
        schedule: "rate(1 hour)",
      },
    }),
    erp: database({
      engine: "postgres",
      secretArn,
      databaseName: "erp",
      tables: { "public.orders": { mapping }, "public.stores": {} },
      network: { subnetIds: ["subnet-1"], securityGroupIds: ["sg-1"] },
      capacity: { min: 2, max: 8 },
    }),
    nightly: databaseSnapshots({ database: "loyalty", of: "instance", tables: { "l.public.m": { mapping } } }),
    market: dataExchange({ mapping, dataSetId: "d1" }),
  },
};

test("every fault at once, with its path and what to do", () => {
  const sources = {
    a: s3Drop({ format: "xml", columns: { n: "bigint" }, writers: ["*", 7], writer: [] } as never),
    b: s3Drop({ mapping: { version: 1, event: {} }, columns: "x", writers: "me" } as never),
    c: sftp({ mapping } as never),
    d: sftp({ mapping, server: { users: { x: { publicKeys: ["rsa"] }, "-acme": {} } } } as never),
    e: sftp({
      mapping,
      server: { users: {}, existing: 3 },
      pull: { url: "ftp://x", hostKeys: [], paths: ["o.csv"], directories: [], schedule: "hourly" },
    } as never),
    f: database({ engine: "mysql", tables: { orders: {}, "a.b": { mapping: { version: 2 }, colums: {} } } } as never),
    g: database({
      engine: "db2",
      secretArn,
      databaseName: "x",
      tables: {},
      network: { subnetIds: 3 },
      read: "all",
      capacity: { min: 3, max: 2 },
      start: "yes",
    } as never),
    h: databaseSnapshots({ tables: 3, of: "table" } as never),
    i: dataExchange({ format: "json" } as never),
  } as unknown as IngestionArgs["sources"];
  const faults = ingestionFaults({ ...given, sources }).map(({ path, reason }) => `${path}: ${reason}`);
  expect(faults.sort()).toEqual([
    expect.stringMatching(/^sources.a.format: "xml" must be one of "csv", "json", "parquet"/),
    expect.stringMatching(/^sources.a.mapping: is missing; a row of a xml file/),
    expect.stringMatching(/^sources.a.writer: is no argument; did you mean "writers"\?/),
    expect.stringMatching(/^sources.a.writers\[0\]: "\*" would let anybody write/),
    expect.stringMatching(/^sources.a.writers\[1\]: 7 must be the ARN of a role/),
    expect.stringMatching(/^sources.b.columns: "x" must be Glue types by column/),
    expect.stringMatching(/^sources.b.mapping.event: must name the event's "type"/),
    expect.stringMatching(/^sources.b.writers: "me" must be a list of ARNs/),
    expect.stringMatching(/^sources.c: needs server: .* or pull: /),
    expect.stringMatching(/^sources.d.server.users.-acme.publicKeys: nothing must be a list/),
    expect.stringMatching(/^sources.d.server.users.-acme: must have 3 to 100/),
    expect.stringMatching(/^sources.d.server.users.x.publicKeys\[0\]: must be a public key in OpenSSH form/),
    expect.stringMatching(/^sources.d.server.users.x: must have 3 to 100/),
    expect.stringMatching(/^sources.e.pull.directories: \[\] must be one to ten absolute paths of directories/),
    expect.stringMatching(/^sources.e.pull.hostKeys: must name the server's public host keys/),
    expect.stringMatching(/^sources.e.pull.paths: \["o.csv"\] must be one to ten absolute paths/),
    expect.stringMatching(/^sources.e.pull.schedule: "hourly" must be such as/),
    expect.stringMatching(/^sources.e.pull.secretArn: is missing/),
    expect.stringMatching(/^sources.e.pull.url: "ftp:\/\/x" must begin with sftp:\/\//),
    expect.stringMatching(/^sources.e.server.existing: 3 must be the id of a Transfer Family server/),
    expect.stringMatching(/^sources.e.server.users: \{\} must be users by name/),
    expect.stringMatching(/^sources.f.certificateArn: is missing; DMS speaks TLS to mysql/),
    expect.stringMatching(/^sources.f.databaseName: is missing/),
    expect.stringMatching(/^sources.f.network: is missing; give \{ subnetIds/),
    expect.stringMatching(/^sources.f.secretArn: is missing/),
    expect.stringMatching(/^sources.f.tables.a.b.colums: is no argument; did you mean "columns"\?/),
    ...Array.from({ length: 2 }, () => expect.stringMatching(/^sources.f.tables.a.b.mapping/)),
    expect.stringMatching(/^sources.f.tables.orders: must be a schema and a table, such as "public.orders"/),
    expect.stringMatching(/^sources.g.capacity.min: 3 must be one of 1, 2, 4/),
    expect.stringMatching(/^sources.g.capacity: min 3 is above max 2/),
    expect.stringMatching(/^sources.g.engine: "db2" must be one of postgres/),
    expect.stringMatching(/^sources.g.network.securityGroupIds: is missing/),
    expect.stringMatching(/^sources.g.network.subnetIds: 3 must be a list of ids/),
    expect.stringMatching(/^sources.g.read: "all" must be one of/),
    expect.stringMatching(/^sources.g.start: "yes" must be one of true, false/),
    expect.stringMatching(/^sources.g.tables: \{\} must be tables by name/),
    expect.stringMatching(/^sources.h.database: is missing/),
    expect.stringMatching(/^sources.h.of: "table" must be "instance" or "cluster"/),
    expect.stringMatching(/^sources.h.tables: 3 must be tables by name/),
    expect.stringMatching(/^sources.i.dataSetId: is missing/),
  ]);
  expect(ingestionFaults(given)).toEqual([]);
});

test("the loader's bundle, and each library beside it, is at most 120 KiB, zipped", () => {
  const folder = join(__dirname, "../dist/handlers/loader");
  const sizes = readdirSync(folder)
    .filter((file) => file.endsWith(".mjs"))
    .map((file) => [file, deflateRawSync(readFileSync(join(folder, file)), { level: 9 }).length] as const);
  expect(sizes.map(([file]) => file).sort()).toEqual(["csv-parse.mjs", "hyparquet.mjs", "index.mjs"]);
  expect(sizes.filter(([, size]) => size > 120 * 1024)).toEqual([]);
});

test("the bundle goes on by its checkpoint, which S3 announces: a run without time left takes one batch of 500", () => {
  const root = mkdtempSync(join(tmpdir(), "loader-"));
  const route = { folder: "", format: "csv", rows: "events", mapping };
  writeFileSync(join(root, "config.json"), JSON.stringify({ sources: [{ id: "shop", routes: [route] }] }));
  // The two buckets, the stream, and a queue of what is created, behind the door that the embedded runtime opens.
  const script = `
    const objects = new Map(), queue = [], records = [];
    const slice = (bytes, range) => { const [, a, b] = /(\\d+)-(\\d+)/.exec(range) ?? [0, 0, bytes.length - 1]; return bytes.subarray(+a, +b + 1); };
    const missing = () => { throw Object.assign(new Error("none"), { name: "NotFound", status: 404 }); };
    const put = (bucket, key, body) => { objects.set(bucket + "/" + key, Buffer.from(body)); if (bucket === "landing") queue.push(key); };
    const operations = {
      PutRecords: ({ Records }) => { records.push(...Records.map((r) => JSON.parse(Buffer.from(r.Data)))); return { Records: Records.map((_, i) => ({ SequenceNumber: String(i) })) }; },
      HeadObject: ({ Bucket, Key }) => { const found = objects.get(Bucket + "/" + Key) ?? missing(); return { ETag: "e", ContentLength: found.length, LastModified: new Date(0) }; },
      GetObject: ({ Bucket, Key, Range }) => ({ Body: new Uint8Array(slice(objects.get(Bucket + "/" + Key) ?? missing(), Range)) }),
      CopyObject: ({ Bucket, Key, CopySource }) => { put(Bucket, Key, objects.get(decodeURIComponent(CopySource))); return {}; },
      PutObject: ({ Bucket, Key, Body }) => { put(Bucket, Key, Body); return {}; },
      DeleteObject: ({ Bucket, Key }) => { objects.delete(Bucket + "/" + Key); return {}; },
    };
    globalThis[Symbol.for("tributary.aws")] = { call: async (_, operation, input) => operations[operation](input) };
    const { handler } = await import(${JSON.stringify(join(__dirname, "../dist/handlers/loader/index.mjs"))});
    put("landing", "source=shop/a b.csv", "who\\n" + Array.from({ length: 1300 }, (_, i) => "u" + i).join("\\n"));
    let runs = 0;
    for (let key; (key = queue.shift()) !== undefined; runs++) {
      const body = JSON.stringify({ Records: [{ s3: { bucket: { name: "landing" }, object: { key: encodeURIComponent(key).replaceAll("%20", "+") } } }] });
      const answer = await handler({ Records: [{ messageId: "m", body }] }, { getRemainingTimeInMillis: () => 0 });
      if (answer.batchItemFailures.length > 0) throw new Error("failed at " + key);
    }
    console.log("RESULT" + JSON.stringify({ runs, left: [...objects.keys()], ids: new Set(records.map((r) => r.message_id)).size, records: records.length }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
    env: {
      AWS_REGION: "us-east-1",
      LAMBDA_TASK_ROOT: root,
      EVENT_STREAM: "stream",
      QUARANTINE_BUCKET: "quarantine",
      LANDING_BUCKET: "landing",
      RAW_BUCKET: "raw",
    },
  });
  rmSync(root, { recursive: true });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout.split("RESULT")[1] ?? "{}")).toEqual({
    runs: 3,
    left: ["raw/files/source=shop/dt=1970-01-01/a b.csv"],
    ids: 1300,
    records: 1300,
  });
});

describe("in the engine", () => {
  const program = () => async () => {
    const ingestion = new Ingestion("cdp", given);
    return { contract: ingestion.contract, nodes: Object.keys(ingestion.nodes) };
  };
  let run: StackRun;
  beforeAll(async () => {
    run = await runStack(program());
  }, 60_000);

  interface Statement {
    readonly Effect: string;
    readonly Action: string[];
    readonly Resource: string[];
    readonly Principal?: unknown;
    readonly Condition?: unknown;
  }
  const statementsOf = (name: string, type = "aws:iam/rolePolicy:RolePolicy"): Statement[] =>
    run.graph
      .byType(type)
      .filter((each) => each.name.startsWith(name))
      .flatMap(
        ({ inputs }) =>
          (JSON.parse(String((inputs as { policy: string }).policy)) as { Statement: Statement[] }).Statement,
      );
  const actionsOf = (name: string) =>
    [...new Set(statementsOf(name).flatMap(({ Action }) => Action))]
      .filter((each) => !/^(logs|xray|kms):/.test(each))
      .sort();
  const inputs = (type: string, name: string) => run.graph.find(type, name).inputs;

  test("it keeps the rules of Well-Architected, and nothing hangs outside of it", () => {
    expect(violations(run.graph)).toEqual([]);
    expect(run.graph.orphans()).toEqual([]);
  });

  test("one bucket, one queue, one loader, which may do what it does and nothing else", () => {
    expect(inputs("aws:s3/bucketNotification:BucketNotification", "cdp-landing")).toMatchObject({
      queues: [
        { filterPrefix: "source=", events: ["s3:ObjectCreated:*"] },
        { filterPrefix: "resume/", events: ["s3:ObjectCreated:*"] },
      ],
    });
    expect(actionsOf("cdp-loader")).toEqual([
      "kinesis:PutRecord",
      "kinesis:PutRecords",
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListBucket",
      "s3:PutObject",
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]);
    const written = statementsOf("cdp-loader").filter(({ Action }) => Action.includes("s3:PutObject"));
    expect(
      written
        .flatMap(({ Resource }) => Resource)
        .map((arn) => arn.replace(/^.*?\//, ""))
        .sort(),
    ).toEqual(["dt=*", "files/*", "resume/*"]);
    const announce = statementsOf("cdp-landed-policy", "aws:sqs/queuePolicy:QueuePolicy").filter(
      ({ Effect }) => Effect === "Allow",
    );
    expect(announce).toMatchObject([
      {
        Action: ["sqs:SendMessage"],
        Principal: { Service: "s3.amazonaws.com" },
        Condition: { ArnEquals: { "aws:SourceArn": expect.stringContaining("landing") } },
      },
    ]);
  });

  test("only those who are named may write to the bucket without a role of ours, each to one folder", () => {
    const allowed = statementsOf("cdp-landing", "aws:s3/bucketPolicy:BucketPolicy").filter(
      ({ Effect }) => Effect === "Allow",
    );
    expect(allowed).toEqual([
      expect.objectContaining({
        Principal: { AWS: ["arn:aws:iam::111111111111:role/partner"] },
        Resource: [expect.stringMatching(/\/source=shop\/\*$/)],
      }),
      expect.objectContaining({
        Principal: { Service: "dataexchange.amazonaws.com" },
        Resource: [expect.stringMatching(/\/source=market\/\*$/)],
        Condition: { StringEquals: { "aws:SourceAccount": expect.any(String) } },
      }),
    ]);
  });

  test("SFTP: current ciphers, structured logs, a home and nothing else", () => {
    expect(inputs("aws:transfer/server:Server", "cdp-partner-sftp")).toMatchObject({
      protocols: ["SFTP"],
      securityPolicyName: "TransferSecurityPolicy-2025-03",
      structuredLogDestinations: [expect.stringContaining(":log-group:")],
    });
    expect(inputs("aws:transfer/user:User", "cdp-partner-acme")).toMatchObject({
      homeDirectoryType: "LOGICAL",
      homeDirectoryMappings: [{ entry: "/", target: expect.stringMatching(/^\/[^/]+\/source=partner$/) }],
    });
    const [files] = statementsOf("cdp-partner-sftp-user-home");
    expect(files?.Resource).toEqual([expect.stringMatching(/\/source=partner\/\*$/)]);
    expect(run.graph.byType("aws:transfer/sshKey:SshKey")).toHaveLength(1);
    expect(run.graph.byType("aws:transfer/server:Server")).toHaveLength(1);
    expect(inputs("aws:scheduler/schedule:Schedule", "cdp-fetched-sftp-pull")).toMatchObject({
      target: {
        arn: "arn:aws:scheduler:::aws-sdk:transfer:startFileTransfer",
        input: expect.stringContaining('"RetrieveFilePaths":["/o.csv"]'),
      },
    });
    expect(actionsOf("cdp-fetched-sftp-pull-start")).toEqual(["sqs:SendMessage", "transfer:StartFileTransfer"]);
  });

  test("SFTP, directories: a state machine that may list, fetch and ask one function, which has a ledger", () => {
    expect(actionsOf("cdp-fetched-sftp-pull-directories-start")).toEqual(["sqs:SendMessage", "states:StartExecution"]);
    expect(actionsOf("cdp-fetched-sftp-pull-directories-run")).toEqual([
      "lambda:InvokeFunction",
      "s3:DeleteObject",
      "transfer:ListFileTransferResults",
      "transfer:StartDirectoryListing",
      "transfer:StartFileTransfer",
    ]);
    const { definition } = inputs("aws:sfn/stateMachine:StateMachine", "cdp-fetched-sftp-pull-directories");
    const { States } = JSON.parse(String(definition)) as { States: { Directories: { Result: unknown } } };
    expect(States.Directories.Result).toEqual({
      directories: [
        { remote: "/out/daily/", local: expect.stringMatching(/^\/cdp-landing\S*\/source=fetched\/out\/daily$/) },
        { remote: "/", local: expect.stringMatching(/^\/cdp-landing\S*\/source=fetched$/) },
      ],
    });
    const [land] = statementsOf("cdp-fetched-sftp-pull-fetch");
    expect(land?.Resource).toEqual([
      expect.stringMatching(/\/source=fetched\/\*$/),
      expect.stringMatching(/\/listings\/source=fetched\/\*$/),
    ]);
  });

  test("DMS: Parquet with operation and time, credentials by secret over TLS, the customer's key everywhere", () => {
    expect(inputs("aws:dms/s3Endpoint:S3Endpoint", "cdp-erp-target")).toMatchObject({
      dataFormat: "parquet",
      includeOpForFullLoad: true,
      timestampColumnName: "changed_at",
      cdcInsertsAndUpdates: false,
      encryptionMode: "SSE_KMS",
      serverSideEncryptionKmsKeyId: key,
      bucketFolder: "source=erp",
    });
    const source = inputs("aws:dms/endpoint:Endpoint", "cdp-erp-source");
    expect(source).toMatchObject({ secretsManagerArn: secretArn, sslMode: "require", kmsKeyArn: key });
    expect(source).not.toHaveProperty("password");
    const config = inputs("aws:dms/replicationConfig:ReplicationConfig", "cdp-erp");
    expect(config).toMatchObject({
      replicationType: "full-load-and-cdc",
      computeConfig: { minCapacityUnits: 2, maxCapacityUnits: 8, kmsKeyId: key },
      startReplication: true,
    });
    expect(
      JSON.parse(String(config.tableMappings)).rules.map((rule: Record<string, unknown>) => rule["object-locator"]),
    ).toEqual([
      { "schema-name": "public", "table-name": "orders" },
      { "schema-name": "public", "table-name": "stores" },
    ]);
    expect(actionsOf("cdp-erp-secret")).toEqual(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]);
  });

  test("snapshots and revisions: started by what AWS announces, told of when they fail", () => {
    expect(inputs("aws:cloudwatch/eventRule:EventRule", "cdp-nightly-snapshots").eventPattern).toContain(
      '"SourceIdentifier":[{"prefix":"rds:loyalty-"}]',
    );
    expect(actionsOf("cdp-nightly-snapshots-run")).toEqual(["iam:PassRole", "rds:StartExportTask"]);
    expect(inputs("aws:dataexchange/eventAction:EventAction", "cdp-market")).toMatchObject({
      action: {
        exportRevisionToS3: {
          encryption: { type: "aws:kms", kmsKeyArn: key },
          // biome-ignore lint/suspicious/noTemplateCurlyInString: Data Exchange's own placeholders
          revisionDestination: { keyPattern: "source=market/${Revision.CreatedAt}/${Asset.Name}" },
        },
      },
    });
    const notices = run.graph.byType("aws:cloudwatch/eventRule:EventRule").map(({ name }) => name);
    expect(notices.filter((name) => name.endsWith("-failed")).sort()).toEqual([
      "cdp-erp-failed",
      "cdp-fetched-sftp-pull-failed",
      "cdp-market-failed",
      "cdp-nightly-snapshots-failed",
      "cdp-partner-sftp-failed",
    ]);
  });

  test("each kind of file has its table, by day, in its folder", () => {
    const tables = run.graph.byType("aws:glue/catalogTable:CatalogTable").map(({ inputs: of }) => {
      const { name, parameters } = of as { name: string; parameters: Record<string, string> };
      return [
        name,
        parameters.classification,
        parameters["storage.location.template"]?.replace(/^.*files\//, "").replace(/\$.dt./, "<dt>"),
      ];
    });
    expect(tables.sort()).toEqual([
      ["files_erp_public_orders", "parquet", "source=erp/dt=<dt>/public/orders/"],
      ["files_erp_public_stores", "parquet", "source=erp/dt=<dt>/public/stores/"],
      ["files_fetched", "csv", "source=fetched/dt=<dt>/"],
      ["files_market", "csv", "source=market/dt=<dt>/"],
      ["files_nightly_l_public_m", "parquet", "source=nightly/dt=<dt>/l/public.m/"],
      ["files_partner", "json", "source=partner/dt=<dt>/"],
      ["files_shop", "csv", "source=shop/dt=<dt>/"],
    ]);
    expect(run.outputs).toMatchObject({ contract: { landingBucket: expect.stringContaining("landing") } });
  });

  test("a second run changes nothing", async () => {
    expect((await run.again()).steps.filter(({ op }) => op !== "same")).toEqual([]);
  }, 60_000);
});
