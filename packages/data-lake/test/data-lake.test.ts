import { readFileSync } from "node:fs";
import * as path from "node:path";
import type { FoundationRef } from "@tributary/core";
import { identifier, platformContract, segment, sql } from "@tributary/model";
import { runStack, type StackRun } from "@tributary/testing";
import { lookedAt, policies, violations } from "../../core/test/well-architected";
import {
  column,
  DataLake,
  type DataLakeArgs,
  dataLakeFaults,
  lakeTables,
  nightlySteps,
  normalize,
  peopleToMatch,
  rule,
  transformText,
} from "../src";
import { bindDatabases } from "../src/resources/scripts";

const foundation: FoundationRef = {
  keyArn: "arn:aws:kms:us-east-1:000000000000:key/k",
  alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p", Tenant: "t", CostCenter: "c" },
  accessLogs: { bucketName: "logs" },
};
const lakeWith = (args: Partial<DataLakeArgs> = {}, options = {}) =>
  runStack(() => {
    const lake = new DataLake("cdp", { foundation, ...args });
    return { contract: lake.contract, rawZone: lake.rawZone };
  }, options);

describe("DataLake", () => {
  let run: StackRun;
  beforeAll(async () => {
    run = await lakeWith({ nightly: { schedule: { expression: "cron(0 3 * * ? *)", timezone: "Europe/Berlin" } } });
  });

  it("keeps every Well-Architected rule that applies", () => {
    expect(violations(run.graph)).toEqual([]);
    expect(lookedAt(run.graph).sort()).toEqual(
      [
        ...["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S16", "S17"],
        ...["S18", "S19", "S20", "S21", "N3", "O5", "O7", "P3"],
        ...["I1", "I2", "I3", "I4", "I7", "I8", "I9", "R3", "R4", "R8", "R9"],
        ...["O2", "O3", "P2", "C1", "C4", "C5", "L4"],
      ].sort(),
    );
    expect(run.graph.orphans()).toEqual([]);
  });

  it("publishes the lake's part of the platform's contract", () => {
    const contract = platformContract.shape.lake.parse(run.outputs.contract);
    expect(contract.databases).toEqual({ raw: "raw", clean: "clean", curated: "curated" });
    // The table has its strictest column's class; its columns name theirs where it differs.
    expect(contract.dataClasses?.["curated.identities"]).toEqual({
      table: "personal",
      columns: { identifier_type: "internal", profile_id: "internal", first_seen: "internal", last_seen: "internal" },
    });
    expect(contract.pipelines.nightly).toMatch(/^arn:aws:states:/);
    expect(run.outputs.rawZone).toMatchObject({
      bucket: { name: contract.buckets.raw, label: "cdp-raw" },
      database: "raw",
      eventsTable: "events",
    });
  });

  it("declares each table once, for the catalog as for the pipeline", () => {
    const tables = run.graph
      .byType("aws:glue/catalogTable:CatalogTable")
      .filter(({ inputs }) => inputs.tableType === "EXTERNAL_TABLE");
    // Each of every lake's, what quality rules kept out of clean and curated, and the reports about them.
    expect(tables).toHaveLength(lakeTables.length + 3);
    const raw = run.graph.find("aws:glue/catalogTable:CatalogTable", "cdp-raw-events").inputs;
    const { columns, location } = raw.storageDescriptor as {
      columns: { name: string; type: string }[];
      location: string;
    };
    expect(columns.map(({ name }) => name).slice(0, 3)).toEqual(["source_id", "message_id", "type"]);
    expect(new Set(columns.map(({ type }) => type))).toEqual(new Set(["string"]));
    expect(raw.parameters).toMatchObject({
      "projection.dt.range": "2024-01-01,NOW",
      "storage.location.template": `${location}dt=\${dt}/`,
    });
    const made = Object.values(nightlySteps).flat();
    expect(made.length).toBe(lakeTables.filter(({ zone }) => zone !== "raw").length);
    const lines = lakeTables.find(({ name }) => name === "order_lines");
    expect(lines?.columns.slice(0, 8).map(({ name }) => name)).toEqual([
      "invoice",
      "line",
      "sku",
      "quantity",
      "unit_price",
      "customer_id",
      "country",
      "ordered_at",
    ]);
  });

  it("uploads each job's driver, manifest and SQL, with the deployment's database names", async () => {
    const prefixed = await lakeWith({ databasePrefix: "acme_" });
    const objects = prefixed.graph.byType("aws:s3/bucketObjectv2:BucketObjectv2");
    const text = (key: string) => {
      const source = objects.find(({ inputs }) => inputs.key === key)?.inputs.source as { path: string } | undefined;
      if (source === undefined) throw new Error(`no object ${key}`);
      return readFileSync(source.path, "utf8");
    };
    const manifest = JSON.parse(text("scripts/curate/manifest.json")) as {
      version: number;
      steps: { name: string; sql: string }[];
    };
    expect(manifest.version).toBe(1);
    expect(manifest.steps.map(({ name }) => name)).toEqual([
      "curated.events",
      "curated.order_lines",
      "curated.orders",
      "curated.customers",
      "curated.people",
      "curated.identities",
    ]);
    const bucket = prefixed.graph.find("aws:s3/bucket:Bucket", "cdp-workspace").outputs.bucket;
    expect(manifest.steps[1]).toMatchObject({
      name: "curated.order_lines",
      sql: `s3://${bucket}/scripts/curate/curated.order_lines.sql`,
      target: { database: "acme_curated", table: "order_lines" },
      mode: "overwrite",
    });
    expect(text("scripts/curate/curated.order_lines.sql")).toContain("from acme_clean.events");
    expect(text("scripts/clean/driver.py")).toContain("def run_step(");
  });

  it("lets a job read one zone and write the next, and nothing else", () => {
    const arn = (name: string) => run.graph.find("aws:s3/bucket:Bucket", name).outputs.arn;
    const statements = policies(run.graph)
      .filter(({ owner }) => owner.type === "aws:iam/rolePolicy:RolePolicy" && owner.name.startsWith("cdp-clean-"))
      .flatMap(({ statements: all }) => all);
    const writable = statements
      .filter(({ Action }) => (Action as string[]).includes("s3:PutObject"))
      .flatMap(({ Resource }) => Resource);
    const readable = statements
      .filter(({ Action }) => (Action as string[]).includes("s3:GetObject"))
      .flatMap(({ Resource }) => Resource);
    expect(writable.sort()).toEqual([
      `${arn("cdp-clean")}/*`,
      `${arn("cdp-workspace")}/bookmarks/clean.json*`,
      `${arn("cdp-workspace")}/quality/clean/*`,
      `${arn("cdp-workspace")}/scratch/clean/*`,
    ]);
    expect(readable).not.toContain(`${arn("cdp-curated")}/*`);
    expect(readable).toContain(`${arn("cdp-raw")}/*`);
  });

  it("lets the job that reads raw move files out of its way only where that is asked for, with an alarm", async () => {
    const deletes = (graph: typeof run.graph) =>
      policies(graph)
        .filter(({ owner }) => owner.name.startsWith("cdp-clean-"))
        .flatMap(({ statements }) => statements)
        .filter(({ Action }) => (Action as string[]).includes("s3:DeleteObject"))
        .flatMap(({ Resource }) => Resource as string[])
        .filter((resource) => resource.includes("cdp-raw"));
    expect(deletes(run.graph)).toEqual([]);
    const { graph } = await runStack(() => {
      new DataLake("cdp", { foundation, unreadable: "setAside" });
    });
    expect(deletes(graph)).toHaveLength(1);
    const rising = graph.find("aws:cloudwatch/metricAlarm:MetricAlarm", "cdp-clean-files-set-aside").inputs;
    expect(rising).toMatchObject({ metricName: "FilesSetAside", dimensions: { Lake: "cdp" } });
    expect(violations(graph)).toEqual([]);
  });

  it("makes the table of people to match only where asked to, and keeps what came of it for a month", async () => {
    expect(run.graph.byType("aws:glue/catalogTable:CatalogTable").map(({ name }) => name)).not.toContain(
      "cdp-clean-people-to-match",
    );
    const { graph, outputs } = await runStack(() => {
      const lake = new DataLake("cdp", { foundation, peopleToMatch: true });
      return { input: lake.peopleToMatch, workspace: lake.workspace };
    });
    expect(violations(graph)).toEqual([]);
    const table = graph.find("aws:glue/catalogTable:CatalogTable", "cdp-clean-people-to-match").inputs;
    // Entity Resolution reads plain Parquet.
    expect(table).toMatchObject({ parameters: { classification: "parquet" }, partitionKeys: [] });
    const { bucket, ...input } = outputs.input as { bucket: { name: string }; columns: string[] };
    expect(input).toMatchObject({ database: "clean", table: "people_to_match", prefix: "people_to_match/" });
    expect(input.columns).toEqual(expect.arrayContaining(["record_id", "identifier_type", "identifier_value"]));
    expect((table.storageDescriptor as { location: string }).location).toBe(`s3://${bucket.name}/people_to_match/`);
    const rules = graph.find(
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "cdp-workspace-lifecycle",
    ).inputs;
    expect(JSON.stringify(rules)).toContain('{"prefix":"matching/"}');
  });

  it("starts by the clock only where asked to", async () => {
    const schedule = run.graph.find("aws:scheduler/schedule:Schedule", "cdp-nightly-schedule").inputs;
    expect(schedule).toMatchObject({ state: "ENABLED", scheduleExpressionTimezone: "Europe/Berlin" });
    expect((await lakeWith()).graph.byType("aws:scheduler/schedule:Schedule")).toEqual([]);
  });

  it("lists the same resources in a preview, and changes nothing the second time", async () => {
    const first = await lakeWith();
    const preview = await lakeWith({}, { mode: "preview" });
    expect(preview.graph.all.map(({ urn }) => urn).sort()).toEqual(first.graph.all.map(({ urn }) => urn).sort());
    expect((await first.again()).summary).toMatchObject({ create: 0, update: 0, delete: 0 });
  });
});

describe("curated tables as Iceberg", () => {
  let run: StackRun;
  beforeAll(async () => {
    run = await lakeWith({
      curatedFormat: "iceberg",
      tables: {
        "curated.theirs": {
          description: "Somebody else writes it",
          columns: [column("id", "string", "internal", "Id")],
        },
      },
    });
  });
  const table = (name: string) => run.graph.find("aws:glue/catalogTable:CatalogTable", name).inputs;
  const made = nightlySteps.curate.map(({ name }) => name).sort();

  it("keeps every Well-Architected rule", () => {
    expect(violations(run.graph)).toEqual([]);
    expect(run.graph.orphans()).toEqual([]);
  });

  it("are those that the jobs make; others stay as they are", () => {
    const iceberg = run.graph
      .byType("aws:glue/catalogTable:CatalogTable")
      .filter(({ inputs }) => inputs.openTableFormatInput !== undefined);
    expect(iceberg.map(({ inputs }) => inputs.name as string).sort()).toEqual(made);
    const lines = table("cdp-curated-order-lines");
    expect(lines).toMatchObject({
      openTableFormatInput: { icebergInput: { metadataOperation: "CREATE", version: "2" } },
      parameters: { "tributary.partition-by": "dt" },
    });
    // Glue takes no partition keys of an Iceberg table; the day is its last column.
    expect(lines.partitionKeys).toBeUndefined();
    const { columns, location } = lines.storageDescriptor as { columns: { name: string }[]; location: string };
    expect(columns.at(-1)).toMatchObject({ name: "dt", type: "string" });
    expect(location).toMatch(/^s3:\/\/[^/]+\/iceberg\/order_lines\/$/);
    for (const plain of ["cdp-curated-theirs", "cdp-curated-rejected-rows", "cdp-clean-events"]) {
      expect(table(plain)).toMatchObject({ parameters: { classification: "parquet" } });
    }
  });

  it("are kept by Glue's optimizers, whose role may touch them and nothing else", () => {
    const optimizers = run.graph.byType("aws:glue/catalogTableOptimizer:CatalogTableOptimizer");
    const kinds = ["compaction", "orphan_file_deletion", "retention"];
    expect(optimizers.map(({ inputs }) => `${inputs.tableName} ${inputs.type}`).sort()).toEqual(
      made.flatMap((name) => kinds.map((kind) => `${name} ${kind}`)).sort(),
    );
    const statements = policies(run.graph)
      .filter(
        ({ owner }) => owner.type === "aws:iam/rolePolicy:RolePolicy" && owner.name.startsWith("cdp-table-optimizer"),
      )
      .flatMap(({ statements: all }) => all);
    const of = (action: string) =>
      statements
        .filter(({ Action }) => (Action as string[]).includes(action))
        .flatMap(({ Resource }) => Resource as string[]);
    for (const action of ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]) {
      expect(of(action).map((resource) => resource.replace(/^.*?\//, ""))).toEqual(["iceberg/*"]);
    }
    const tables = of("glue:UpdateTable").filter((resource) => resource.includes(":table/"));
    expect(tables.map((resource) => resource.replace(/^.*\//, "")).sort()).toEqual(made);
  });

  it("are written through a catalog of their own, by the jobs that make them", () => {
    const given = (job: string) => run.graph.find("aws:glue/job:Job", job).inputs.defaultArguments;
    expect(given("cdp-clean")).not.toHaveProperty("--datalake-formats");
    expect(given("cdp-curate")).toMatchObject({
      "--datalake-formats": "iceberg",
      "--conf": expect.stringMatching(
        /^spark\.sql\.extensions=\S+ --conf spark\.sql\.catalog\.glue_catalog=org\.apache\.iceberg\.spark\.SparkCatalog --conf .*GlueCatalog/,
      ),
    });
  });

  it("are not there unless asked for, and another word is a fault", async () => {
    const { graph } = await lakeWith();
    expect(graph.types()).not.toContain("aws:glue/catalogTableOptimizer:CatalogTableOptimizer");
    const { defaultArguments } = graph.find("aws:glue/job:Job", "cdp-curate").inputs;
    expect(Object.keys(defaultArguments as object)).not.toContain("--conf");
    expect(dataLakeFaults({ foundation, curatedFormat: "delta" as "iceberg" })).toEqual([
      { path: "curatedFormat", reason: '"delta" must be "parquet" or "iceberg"' },
    ]);
  });
});

describe("segments by SQL", () => {
  const counted = segment(sql("select profile_id from curated.people where identifiers >= 2"));
  const made = (args: Partial<DataLakeArgs>) =>
    runStack(() => ({ segments: new DataLake("cdp", { foundation, ...args }).segments }));

  it("are told with a workgroup whose answers lie apart from analysts', and go after a week", async () => {
    const segments = { counted, known: segment(identifier("email").exists()) };
    const run = await made({ segments, curatedFormat: "iceberg" });
    expect(violations(run.graph)).toEqual([]);
    expect(run.outputs.segments).toMatchObject({
      sql: { counted: counted.sql },
      members: { database: "curated", table: "segments", prefix: "iceberg/segments/" },
      workgroup: { resultsPrefix: "segments/" },
    });
    const { inputs } = run.graph.find("aws:athena/workgroup:Workgroup", "cdp-segments");
    expect(inputs.configuration).toMatchObject({
      enforceWorkgroupConfiguration: true,
      resultConfiguration: {
        outputLocation: expect.stringMatching(/^s3:\/\/[^/]+\/segments\/$/),
        encryptionConfiguration: { encryptionOption: "SSE_KMS", kmsKeyArn: foundation.keyArn },
      },
    });
    const [{ inputs: kept } = { inputs: {} }] = run.graph
      .byType("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
      .filter(({ name }) => name.startsWith("cdp-workspace"));
    expect(JSON.stringify(kept)).toContain('"prefix":"segments/"');
  });

  it("are none where every segment is a predicate", async () => {
    const run = await made({ segments: { known: segment(identifier("email").exists()) } });
    expect(run.outputs.segments).toBeUndefined();
    expect(run.graph.byType("aws:athena/workgroup:Workgroup")).toHaveLength(1);
  });
});

describe("arguments at fault", () => {
  it("are told all at once, with path and remedy", () => {
    const args = {
      databasePrefix: "My Lake-",
      nightly: { schedule: { expression: "0 3 * * *", timezone: "Berlin" } },
      queryCutoffGb: 0,
      workers: 1,
      timeoutMinutes: 1.5,
      onDelete: "burn",
    } as unknown as DataLakeArgs;
    const faults = Object.fromEntries(dataLakeFaults(args).map(({ path, reason }) => [path, reason]));
    expect(Object.keys(faults)).toEqual([
      "foundation",
      "databasePrefix",
      "nightly.schedule.expression",
      "nightly.schedule.timezone",
      "queryCutoffGb",
      "workers",
      "timeoutMinutes",
      "onDelete",
    ]);
    expect(faults.databasePrefix).toContain('try "my_lake_"');
    expect(faults["nightly.schedule.expression"]).toContain('such as "cron(0 3 * * ? *)"');
    expect(() => normalize("cdp", args)).toThrow(/^DataLake "cdp" has 8 invalid arguments:/);
    expect(dataLakeFaults({ foundation, nightly: { schedule: { expression: "rate(1 day)" } } })).toEqual([]);
  });
});

describe("transforms", () => {
  /** What Spark 3.5 and DuckDB do not both take, or do not take to mean the same. */
  const forbidden: readonly [string, RegExp][] = [
    ["backticks", /`/],
    ["a backslash in a literal", /\\/],
    ["array(), struct()", /\b(array|struct)\s*\(/i],
    ["lateral views and explode", /lateral\s+view|\bexplode\b/i],
    ["rlike", /\brlike\b/i],
    ["left semi or anti joins", /left\s+(semi|anti)/i],
    ["* except", /\*\s+except/i],
    ["insert", /\binsert\b/i],
    ["qualify", /\bqualify\b/i],
    ["div", /\bdiv\b/i],
    ["hash functions that differ", /\b(xxhash64|hash)\s*\(/i],
    ["array_agg", /\barray_agg\b/i],
    ["quoted identifiers", /"/],
    ["cast to int of text", /(?<!try_)cast\(\s*'/i],
  ];
  const noted = (table: (typeof lakeTables)[number]) => transformText(table).replace(/--.*$/gm, "");
  const made = [...Object.values(nightlySteps).flat(), peopleToMatch];

  it.each(made.map((table) => [`${table.zone}.${table.name}`, table] as const))(
    "%s stays in the common subset",
    (_name, table) => {
      expect(forbidden.filter(([, pattern]) => pattern.test(noted(table))).map(([what]) => what)).toEqual([]);
      for (const [, tail = ""] of noted(table).matchAll(/order by([^)]*)\)/gi)) {
        const keys = tail.split(",").length;
        expect(tail.match(/nulls (first|last)/gi) ?? []).toHaveLength(keys);
      }
    },
  );

  it("bind the deployment's names to tables, and to nothing else", () => {
    const bound = bindDatabases("select '$.raw.events', 'clean.events', c.clean from raw.events join clean.events_x", {
      raw: "r",
      clean: "c",
      curated: "q",
    });
    expect(bound).toBe("select '$.raw.events', 'clean.events', c.clean from r.events join clean.events_x");
  });
});

test("docs/lake/tables.md shows what the pipeline's test runs", () => {
  const page = readFileSync(path.join(__dirname, "..", "..", "..", "docs", "lake", "tables.md"), "utf8");
  const fixture = path.join(__dirname, "fixtures", "lake");
  const program = readFileSync(path.join(fixture, "index.js"), "utf8");
  const shown = program.slice(program.indexOf("const lake ="), program.indexOf("exports.lake")).trim();
  expect(page).toContain(`\`\`\`ts\n${shown}\n\`\`\``);
  expect(page).toContain(readFileSync(path.join(fixture, "sql", "visits.sql"), "utf8").trim());
  const explained = [...page.matchAll(/^\| `rule\.(\w+)/gm)].map(([, name]) => name);
  expect(explained.sort()).toEqual(Object.keys(rule).sort());
});
