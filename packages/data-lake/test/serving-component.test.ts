import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FoundationRef } from "@tributary/core";
import { runStack } from "@tributary/testing";
import { lookedAt, policies, violations } from "../../core/test/well-architected";
import { DataLake, type DataLakeArgs, dataLakeFaults } from "../src";

const foundation: FoundationRef = {
  keyArn: "arn:aws:kms:us-east-1:000000000000:key/k",
  alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p", Tenant: "t", CostCenter: "c" },
  accessLogs: { bucketName: "logs" },
  network: { vpcId: "vpc-1", subnetIds: ["a", "b", "c"], securityGroupIds: ["sg-1"] },
};
const table = {
  label: "orders",
  name: "orders",
  arn: "arn:aws:dynamodb:us-east-1:000000000000:table/orders",
  keyArn: foundation.keyArn,
};
const lakeWith = async (args: Partial<DataLakeArgs>, options = {}) =>
  (
    await runStack(() => {
      new DataLake("cdp", { foundation, ...args });
    }, options)
  ).graph;

describe("Redshift of a lake", () => {
  it("keeps every Well-Architected rule, zero-ETL as well", async () => {
    const graph = await lakeWith({ redshift: { zeroEtl: { orders: { table } } } });
    expect(violations(graph)).toEqual([]);
    expect(lookedAt(graph)).toEqual(expect.arrayContaining(["S23", "C5-redshift", "I2", "N4", "R4", "R9"]));
    expect(graph.orphans()).toEqual([]);
    const workgroup = graph.find("aws:redshiftserverless/workgroup:Workgroup", "cdp-redshift").inputs;
    expect(workgroup).toMatchObject({ baseCapacity: 8, maxCapacity: 32, subnetIds: ["a", "b", "c"] });
    expect(workgroup.configParameters).toContainEqual({
      parameterKey: "enable_case_sensitive_identifier",
      parameterValue: "true",
    });
    const integration = graph.find("aws:redshift/integration:Integration", "cdp-redshift-orders");
    expect(integration.inputs.sourceArn).toBe(table.arn);
    expect(graph.dependenciesOf(integration).map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        "aws:dynamodb/resourcePolicy:ResourcePolicy",
        "aws:redshift/resourcePolicy:ResourcePolicy",
      ]),
    );
  });

  it("reads exactly the tables that it loads", async () => {
    const graph = await lakeWith({ redshift: { tables: ["curated.orders"] } });
    const [policy] = policies(graph).filter(({ owner }) => owner.name === "cdp-redshift-read-lake");
    const named = (policy?.statements ?? []).flatMap(({ Resource }) => Resource as string[]);
    expect(named.filter((arn) => arn.includes(":table/"))).toEqual([expect.stringMatching(/:table\/curated\/orders$/)]);
    expect(named.filter((arn) => arn.endsWith("*"))).toEqual([expect.stringMatching(/\/orders\/\*$/)]);
  });

  it("is the nightly pipeline's last stage", async () => {
    const graph = await lakeWith({ redshift: {} });
    const load = graph.find("aws:sfn/stateMachine:StateMachine", "cdp-redshift-load").outputs.arn;
    const nightly = graph.find("aws:sfn/stateMachine:StateMachine", "cdp-nightly").inputs.definition;
    expect(String(nightly)).toContain(String(load));
  });

  it("costs nothing unasked", async () => {
    const types = (await lakeWith({})).types();
    expect(types.filter((type) => /redshift|quicksight/.test(type))).toEqual([]);
  });

  it("previews the same resources with values that are not known yet", async () => {
    const args = { redshift: { zeroEtl: { orders: { table } } } };
    const [up, preview] = [await lakeWith(args), await lakeWith(args, { mode: "preview" })];
    expect(preview.counts()).toEqual(up.counts());
  });
});

describe("QuickSight of a lake", () => {
  const principalArns = ["arn:aws:quicksight:us-east-1:000000000000:group/default/analysts"];
  type Field = { Column: { DataSetIdentifier: string; ColumnName: string } };
  /** Every column that a definition names. */
  const columnsIn = (value: unknown): Field["Column"][] => {
    if (Array.isArray(value)) return value.flatMap(columnsIn);
    if (typeof value !== "object" || value === null) return [];
    const own = "Column" in value ? [(value as Field).Column] : [];
    return [...own, ...Object.values(value).flatMap(columnsIn)];
  };

  it("keeps every Well-Architected rule, and shows columns that its data sets have", async () => {
    const graph = await lakeWith({ quicksight: { principalArns } });
    expect(violations(graph)).toEqual([]);
    const sets = new Map(
      graph.byType("aws:quicksight/dataSet:DataSet").map(({ inputs }) => {
        const [map] = inputs.physicalTableMaps as {
          physicalTableMapId: string;
          customSql: { columns: { name: string }[] };
        }[];
        return [map?.physicalTableMapId, map?.customSql.columns.map(({ name }) => name)];
      }),
    );
    expect([...sets.keys()].sort()).toEqual(["customers", "identity-quality", "pipeline-health"]);
    const shown = graph.byType("aws:cloudcontrol/resource:Resource");
    expect(shown.map(({ inputs }) => inputs.typeName).sort()).toEqual([
      "AWS::QuickSight::Analysis",
      "AWS::QuickSight::Dashboard",
    ]);
    for (const { inputs } of shown) {
      const { Definition, Permissions } = JSON.parse(String(inputs.desiredState));
      const columns = columnsIn(Definition);
      expect(columns.length).toBeGreaterThan(15);
      for (const { DataSetIdentifier, ColumnName } of columns)
        expect(sets.get(DataSetIdentifier)).toContain(ColumnName);
      expect(Permissions[0].Principal).toBe(principalArns[0]);
    }
  });

  it("queries directly where asked to, with nothing to refresh", async () => {
    const graph = await lakeWith({ quicksight: { principalArns, import: "direct" } });
    const [set] = graph.byType("aws:quicksight/dataSet:DataSet");
    expect(set?.inputs.importMode).toBe("DIRECT_QUERY");
    expect(graph.byType("aws:sfn/stateMachine:StateMachine").map(({ name }) => name)).toEqual(["cdp-nightly"]);
  });
});

describe("arguments", () => {
  const faults = (args: Record<string, unknown>) =>
    dataLakeFaults({ foundation, ...args } as DataLakeArgs).map(({ path, reason }) => `${path}: ${reason}`);

  it.each([
    [{ redshift: { baseCapacity: 5, maxCapacity: 7 } }, /redshift\.baseCapacity: 5 must be 4, or a multiple of 8/],
    [{ redshift: { baseCapacity: 64 } }, /redshift\.maxCapacity: 32 is less than baseCapacity/],
    [{ redshift: { tables: ["curated.order"] } }, /redshift\.tables\[0\]: .*did you mean curated\.orders\?/],
    [{ redshift: { onLimit: "stop" } }, /redshift\.onLimit: "stop" must be "deactivate"/],
    [{ redshift: { zeroEtl: { t: { table: {} } } } }, /redshift\.zeroEtl\.t\.table\.arn: is missing/],
    [{ redshift: {}, foundation: { ...foundation, network: undefined } }, /redshift: needs a network/],
    [
      { redshift: {}, foundation: { ...foundation, network: { ...foundation.network, subnetIds: ["a", "b"] } } },
      /redshift\.subnetIds: 2 subnets; Redshift Serverless needs three/,
    ],
    [
      { views: { "curated.v": "select nvl(a, 1) as a from curated.people" } },
      /views\["curated\.v"\]: 1:8 nvl: .*write coalesce/,
    ],
    [{ views: { "curated.v": "select * from curated.people" } }, /name the columns instead of \*/],
    [
      { views: { "curated.v": "select profile_id from curated.peeple" } },
      /reads a table that there is not: curated\.peeple; did you mean curated\.people/,
    ],
    [
      { views: { "curated.v": "select sum(identifiers) / 2 as half from curated.people" } },
      /does not tell the type of half: write cast/,
    ],
    [{ views: { "curated.v": "select count(*) from curated.people" } }, /column 1 has no name: write … as name/],
    [{ views: { "curated.people": "select 1 as a" } }, /views\["curated\.people"\]: is the name of a table/],
    [
      { views: { "curated.v": { sql: "select 1 as a", columns: { a: "varchar" } } } },
      /columns\.a: "varchar" must be a type of the catalog/,
    ],
    [{ views: { v: "insert into x select 1" } }, /must be called by zone and name[\s\S]*begins with insert/],
    [
      { views: { "curated.a": "select x from curated.b", "curated.b": "select x from curated.a" } },
      /is made from itself: curated\.a reads curated\.b reads curated\.a/,
    ],
    [
      { readers: { n: { roleName: "r", tables: ["curated.peopel"] } } },
      /readers\.n\.tables\[0\]: there is no table or view curated\.peopel; did you mean curated\.people/,
    ],
    [{ readers: { n: { tables: [] } } }, /readers\.n\.roleName: is missing[\s\S]*readers\.n\.tables: \[\] must be/],
  ])("%j is told", (args, reason) => {
    expect(faults(args).join("\n")).toMatch(reason);
  });

  it("tells the types of a view's columns by its text", async () => {
    const graph = await lakeWith({
      views: {
        "curated.v":
          "select p.profile_id, count(*) as n, sum(p.identifiers) as s, cast(max(p.last_seen) as date) as d, date_trunc('day', p.first_seen) as t, lower(p.version) as l from curated.people p group by 1, 5, 6",
      },
    });
    const view = graph.find("aws:glue/catalogTable:CatalogTable", "cdp-curated-v").inputs;
    expect((view.storageDescriptor as { columns: object[] }).columns).toEqual([
      { name: "profile_id", type: "string" },
      { name: "n", type: "bigint" },
      { name: "s", type: "bigint" },
      { name: "d", type: "date" },
      { name: "t", type: "timestamp" },
      { name: "l", type: "string" },
    ]);
  });
});

/** Text without blanks and commas at line ends: docs and programs are formatted differently. */
const bare = (text: string): string => text.replace(/,(?=\s*[}\])])/g, "").replace(/\s+/g, "");

test.each(["sql", "redshift", "quicksight"])("docs/lake/%s.md shows what the fixture's program runs", (page) => {
  const program = bare(readFileSync(join(__dirname, "fixtures/serving/index.js"), "utf8"));
  const text = readFileSync(join(__dirname, `../../../docs/lake/${page}.md`), "utf8");
  const examples = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, example = ""]) => example);
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect(program).toContain(bare(example).replace(/,$/, ""));
});
