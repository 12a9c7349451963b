import fc from "fast-check";
import {
  diffTables,
  dqdl,
  type LakeTable,
  lakeFormationTags,
  latestView,
  maskedView,
  qualityCheck,
  redshiftTable,
  rule,
  stopsPipeline,
  type TableColumn,
  widens,
} from "../src";

const column = (name: string, type: string, dataClass: TableColumn["dataClass"] = "internal"): TableColumn => ({
  name,
  type,
  dataClass,
  description: name,
});
const visits: LakeTable = {
  zone: "curated",
  name: "visits",
  description: "Visits",
  columns: [
    column("id", "string"),
    column("email", "string", "personal"),
    column("minutes", "int"),
    column("paid", "decimal(18,4)"),
    column("at", "timestamp"),
  ],
  partitionBy: ["dt"],
  primaryKey: ["id"],
};

describe("one declaration", () => {
  it("is a table of Redshift", () => {
    expect(redshiftTable(visits, "serving")).toBe(
      [
        "create table if not exists serving.visits (",
        "  id varchar(65535) not null,",
        "  email varchar(65535),",
        "  minutes integer,",
        "  paid decimal(18,4),",
        "  at timestamp,",
        "  dt varchar(65535),",
        "  primary key (id)",
        ") diststyle auto sortkey (at)",
      ].join("\n"),
    );
  });

  it("is views that name their columns", () => {
    expect(maskedView(visits).sql).toBe("select id, minutes, paid, at, dt from curated.visits");
    expect(latestView(visits, { key: ["id"], order: "at" })).toMatchObject({
      name: "visits_latest",
      sql: expect.stringContaining("partition by id order by at desc nulls last"),
    });
  });

  it("is tags by data class: the table's is its strictest column's", () => {
    const internal = { id: "internal", minutes: "internal", paid: "internal", at: "internal" };
    expect(lakeFormationTags(visits)).toEqual({ table: "personal", columns: internal });
  });

  it("is a ruleset for Glue Data Quality", () => {
    const quality = [
      rule.notNull("id", "at"),
      { ...rule.notNull("email"), threshold: 0.1 },
      rule.unique("id"),
      rule.unique("id", "email"),
      { ...rule.unique("minutes"), threshold: 0.7 },
      rule.accepted("email", ["it's", "b"]),
      rule.range("minutes", { min: 0, max: 60 }, { threshold: 0.25 }),
      rule.references("id", "curated.people", "profile_id"),
      rule.fresh("at", 26),
      rule.rowCount({ min: 1 }),
    ];
    expect(dqdl({ ...visits, quality })).toMatchInlineSnapshot(`
"Rules = [
  IsComplete "id",
  IsComplete "at",
  Completeness "email" >= 0.9,
  IsUnique "id",
  CustomSql "select (select coalesce(sum(times), 0) from (select id, email, count(*) as times from primary where id is not null and email is not null group by id, email having count(*) > 1) repeated) / (select greatest(count(*), 1) from primary)" <= 0,
  Uniqueness "minutes" >= 0.3,
  CustomSql "select coalesce(avg(case when email not in ('it' || chr(39) || 's', 'b') then 1.0 else 0.0 end), 0.0) from primary" <= 0,
  CustomSql "select coalesce(avg(case when minutes < 0 or minutes > 60 then 1.0 else 0.0 end), 0.0) from primary" <= 0.25,
  ReferentialIntegrity "id" "curated_people.{profile_id}" >= 1,
  DataFreshness "at" <= 26 hours,
  RowCount >= 1
]"
`);
    expect(dqdl(visits)).toBeUndefined();
    expect(qualityCheck(visits)).toBeUndefined();
  });

  it("stops the pipeline beyond the share that may break a rule", () => {
    expect(
      [
        [0, 0, 0],
        [1, 100, 0],
        [1, 100, 0.01],
        [2, 100, 0.01],
        [1, 0, 0],
      ].map(([failing = 0, total = 0, threshold = 0]) => stopsPipeline(failing, total, threshold)),
    ).toEqual([false, true, false, true, true]);
  });
});

describe("evolution", () => {
  const changed = (change: Partial<LakeTable>) =>
    diffTables(visits, { ...visits, ...change }).map(({ kind, column: of }) => `${kind} ${of ?? "table"}`);
  const retyped = (name: string, type: string) => ({
    columns: visits.columns.map((each) => (each.name === name ? { ...each, type } : each)),
  });

  it.each([
    ["nothing", {}, []],
    ["another order", { columns: [...visits.columns].reverse() }, []],
    ["a column more", { columns: [...visits.columns, column("city", "string")] }, ["widening city"]],
    ["a longer integer", retyped("minutes", "bigint"), ["widening minutes"]],
    ["a larger decimal", retyped("paid", "decimal(28,4)"), ["widening paid"]],
    ["a smaller decimal", retyped("paid", "decimal(10,4)"), ["breaking paid"]],
    ["another scale", retyped("paid", "decimal(28,6)"), ["breaking paid"]],
    ["another type", retyped("minutes", "string"), ["breaking minutes"]],
    ["a column less", { columns: visits.columns.slice(1) }, ["breaking id"]],
    [
      "a column renamed",
      { columns: [column("key", "string"), ...visits.columns.slice(1)] },
      ["breaking id", "widening key"],
    ],
    ["other partitions", { partitionBy: [] }, ["breaking table"]],
    ["another format", { format: "json" as const }, ["breaking table"]],
  ])("%s", (_name, change, changes) => {
    expect(changed(change)).toEqual(changes);
  });

  it("tells what a rename breaks", () => {
    const [dropped] = diffTables(visits, { ...visits, columns: [column("key", "string"), ...visits.columns.slice(1)] });
    expect(dropped?.reason).toBe("id (string) is dropped; if it is called key now, keep id beside it");
  });

  it("takes a widening one way only, and through any type between", () => {
    const types = [
      "tinyint",
      "smallint",
      "int",
      "bigint",
      "float",
      "double",
      "string",
      "decimal(9,2)",
      "decimal(18,2)",
    ];
    const type = fc.constantFrom(...types);
    fc.assert(
      fc.property(type, type, type, (a, b, c) => {
        if (a !== b && widens(a, b)) expect(widens(b, a)).toBe(false);
        if (widens(a, b) && widens(b, c)) expect(widens(a, c)).toBe(true);
      }),
      { seed: 23, numRuns: 500 },
    );
  });
});
