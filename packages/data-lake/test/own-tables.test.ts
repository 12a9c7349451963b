import type { FoundationRef } from "@tributary/core";
import { ruleName, tableName } from "@tributary/model";
import { runStack } from "@tributary/testing";
import { column, DataLake, type DataLakeArgs, dataLakeFaults, planLake, rule } from "../src";
import { tablesIn } from "../src/tables/sql-names";

const foundation: FoundationRef = {
  keyArn: "arn:aws:kms:us-east-1:000000000000:key/k",
  alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p", Tenant: "t", CostCenter: "c" },
};
const spend = {
  description: "One row per country",
  columns: [column("country", "string", "internal", "Country"), column("people", "bigint", "internal", "People")],
};
const own: Partial<DataLakeArgs> = {
  tables: {
    // Declared before what it is made from.
    "curated.top": { ...spend, quality: [rule.notNull("country")] },
    "curated.spend": spend,
  },
  columns: {
    "curated.people": [{ ...column("plan", "string", "internal", "Plan"), sql: "get_json_object(traits, '$.plan')" }],
  },
  transforms: {
    "curated.top":
      "select country, people from curated.spend -- from curated.nowhere\nwhere country <> 'from raw.events'",
    "curated.spend": "select country, cast(count(*) as bigint) as people from curated.customers group by country",
  },
};

describe("tables of one's own", () => {
  it("are made after the tables that they read", () => {
    const { steps } = planLake({ foundation, ...own });
    const names = steps.curate.map(({ table }) => table.name);
    expect(names.slice(-3)).toEqual(["identities", "spend", "top"]);
    const people = steps.curate.find(({ table }) => table.name === "people");
    expect(people?.sql).toContain("get_json_object(traits, '$.plan') as plan");
    expect(people?.table.columns.at(-1)).toMatchObject({ name: "plan", type: "string" });
  });

  it("lets no column decide days that our own SELECT alone is known to decide by", () => {
    const decides = (transforms: Record<string, string>) =>
      planLake({ foundation, transforms }).steps.clean.find(({ table }) => table.name === "events")?.table.firstBy;
    expect(decides({})).toEqual(["type", "received_at"]);
    expect(decides({ "clean.events": "select * from raw.events where payload like '{%'" })).toBeUndefined();
  });

  it("folds by key only what our own SELECT alone makes", () => {
    const folds = (args: Partial<DataLakeArgs>) =>
      planLake({ foundation, ...args }).steps.clean.find(({ table }) => table.name === "profiles")?.table.groupBy;
    expect(folds({})).toEqual(["profile_id"]);
    expect(folds({ transforms: { "clean.profiles": "select * from raw.profiles" } })).toBeUndefined();
    const place = { ...column("place", "bigint", "internal", "Place"), sql: "row_number() over (order by sequence)" };
    expect(folds({ columns: { "clean.profiles": [place] } })).toBeUndefined();
  });

  it("makes by key only what our own SELECT alone makes, and of which no row is kept out", () => {
    const made = (args: Partial<DataLakeArgs>) => {
      const { steps } = planLake({ foundation, ...args });
      const orders = steps.curate.find(({ table }) => table.name === "orders")?.table;
      return [orders?.incremental, orders?.groupBy];
    };
    const byKey = ["key", ["source_id", "invoice"]];
    expect(made({})).toEqual(byKey);
    expect(made({ quality: { "curated.orders": [rule.notNull("invoice")] } })).toEqual(byKey);
    const whole = [undefined, undefined];
    const some = rule.range("quantity", { min: 0 }, { threshold: 0.1 });
    expect(made({ quality: { "curated.orders": [some] } })).toEqual(whole);
    expect(made({ transforms: { "curated.orders": "select * from curated.order_lines" } })).toEqual(whole);
    const place = { ...column("place", "bigint", "internal", "Place"), sql: "row_number() over (order by invoice)" };
    expect(made({ columns: { "curated.orders": [place] } })).toEqual(whole);
  });

  it("holds a user's SELECT to the key that our own makes unique by itself", () => {
    const rules = (args: Partial<DataLakeArgs>) =>
      planLake({ foundation, ...args })
        .tables.find((table) => tableName(table) === "curated.orders")
        ?.quality?.map(ruleName);
    expect(rules({})).not.toContain("unique(source_id, invoice)");
    expect(rules({ transforms: { "curated.orders": "select * from curated.order_lines" } })).toContain(
      "unique(source_id, invoice)",
    );
    const given = planLake({ foundation, transforms: { "curated.people": "select * from clean.profiles" } });
    const people = given.tables.find((table) => tableName(table) === "curated.people");
    expect(people?.quality?.map(ruleName).filter((name) => name === "unique(profile_id)")).toHaveLength(1);
  });

  it("names tables as a parser would: not in comments, nor in quotes", () => {
    expect(
      tablesIn("with x as (select 1 from raw.a, clean.b c) select '-- from raw.z' from x join\n CURATED.D"),
    ).toEqual(["raw.a", "clean.b", "curated.d"]);
  });

  it("are told with every other fault, with path and remedy", () => {
    const args = {
      foundation,
      workers: 1,
      tables: {
        "curated.orders": spend,
        visits: spend,
        "clean.bad": {
          columns: [
            { name: "A b", type: "varchar", dataClass: "secret" },
            { ...spend.columns[0], name: "order" },
          ],
          partitionBy: ["country"],
        },
      },
      columns: { "curated.people": [] },
      quality: { "curated.orders": ["unique"] },
      transforms: {
        "curated.people": "sql/none.sql",
        "curated.orders": "insert into x",
        "curated.customers": "select `a` from clean.events",
      },
    } as unknown as DataLakeArgs;
    const faults = dataLakeFaults(args).map(({ path, reason }) => `${path}: ${reason}`);
    expect(faults).toEqual([
      'tables["curated.orders"]: is a table of every lake; add to it by "columns", "quality" and "transforms"',
      'tables["visits"]: must be called by zone and name in lower case, such as "curated.visits"',
      'tables["clean.bad"].description: nothing must say what a row is',
      'tables["clean.bad"].columns[0].name: "A b" must be lower case letters, digits and underscores',
      expect.stringContaining('tables["clean.bad"].columns[0].type: "varchar" must be string, int'),
      'tables["clean.bad"].columns[0].dataClass: "secret" must be one of public, internal, personal, sensitive',
      'tables["clean.bad"].columns[0].description: nothing must say what it holds',
      'tables["clean.bad"].columns[1].name: "order" is a word of SQL, which engines quote differently; try "order_value"',
      'tables["clean.bad"].partitionBy: ["country"] must be ["dt"], a day, or left out',
      expect.stringContaining('columns["curated.people"]: [] must be a list'),
      'quality["curated.orders"][0]: "unique" must be made by `rule`: rule.notNull("id")',
      expect.stringContaining('transforms["curated.people"]: there is no file sql/none.sql'),
      'transforms["curated.orders"]: must be one SELECT; where its rows go is the table\'s to say',
      expect.stringMatching(/^transforms\["curated\.customers"\]: line:1:8 \S+: `.*`: /),
      "workers: 1 must be a whole number from 2 to 100: Glue needs two at least",
    ]);
  });

  it("must hang together", () => {
    const args: DataLakeArgs = {
      foundation,
      tables: { "curated.a": spend, "curated.b": spend, "curated.c": spend, "clean.d": spend, "raw.e": spend },
      columns: {
        "raw.e": [column("x", "string", "internal", "")],
        "curated.people": [column("traits", "string", "internal", ""), column("y", "string", "internal", "")],
      },
      quality: {
        "curated.order": [rule.notNull("x")],
        "curated.orders": [
          rule.notNull("invoise"),
          rule.references("invoice", "curated.nothing", "x"),
          rule.fresh("country", 24),
        ],
        "raw.events": [rule.notNull("type")],
      },
      transforms: {
        "curated.a": "select * from curated.b",
        "curated.b": "select * from curated.a",
        "curated.c": "select * from raw.events",
        "clean.d": "select * from clean.evnets",
      },
    };
    expect(dataLakeFaults(args).map(({ path, reason }) => `${path}: ${reason}`)).toEqual([
      'columns["raw.e"]: no transform makes this table, so nothing would fill the column',
      'columns["curated.people"][0].sql: is missing; say the column by the table\'s others, or transform anew',
      'columns["curated.people"][1].sql: is missing; say the column by the table\'s others, or transform anew',
      'quality["curated.order"]: there is no table curated.order; did you mean curated.orders?; declare it in "tables"',
      'quality["raw.events"]: no transform makes this table, so nothing would check it; put the rule on one that reads it',
      'quality["curated.orders"]: notNull: there is no column invoise; did you mean invoice?',
      'quality["curated.orders"]: referential: there is no table curated.nothing',
      'quality["curated.orders"]: freshness: country is text; give a timestamp or date',
      'tables["curated.people"]: has two columns called traits',
      'transforms["clean.d"]: reads clean.evnets, which there is not; did you mean clean.events?',
      'quality["curated.orders"]: reads curated.nothing, which there is not',
      'transforms["curated.c"]: reads raw.events; a curated table may be made from clean and curated only',
      'transforms["curated.b"]: is made from itself: curated.b reads curated.a reads curated.b',
    ]);
  });
});

describe("a deployed lake", () => {
  const lake = (args: Partial<DataLakeArgs>) => () => {
    new DataLake("cdp", { foundation, ...own, ...args });
  };
  const without = (name: string) => ({
    ...own.tables,
    "curated.spend": { ...spend, columns: spend.columns.filter((each) => each.name !== name) },
    "curated.top": spend,
  });
  const constant = { ...own.transforms, "curated.spend": "select country from curated.customers" };

  it("takes new columns and tables, and refuses what would break its readers, in a preview too", async () => {
    const first = await runStack(lake({}));
    const rulesets = first.graph.byType("aws:glue/dataQualityRuleset:DataQualityRuleset");
    expect(rulesets.find(({ name }) => name === "cdp-curated-top")?.inputs).toMatchObject({
      ruleset: 'Rules = [\n  IsComplete "country"\n]',
      targetTable: { databaseName: "curated", tableName: "top" },
    });
    const wider = {
      ...own.tables,
      "curated.spend": { ...spend, columns: [...spend.columns, column("x", "string", "internal", "")] },
    };
    const added = await first.again(lake({ tables: wider }));
    // The table, and the view of it without its personal columns.
    expect(added.summary).toMatchObject({ update: 2, delete: 0 });

    const dropped = lake({ tables: without("people"), transforms: constant });
    const told =
      /curated\.spend: people \(bigint\) is dropped.*\. Breaks the transforms of curated\.top, and every query[\s\S]*breakingChanges: \["curated\.spend"\]/;
    await expect(added.again(dropped, { mode: "preview" })).rejects.toThrow(told);
    await expect(added.again(dropped)).rejects.toThrow(told);
    const meant = lake({ tables: without("people"), transforms: constant, breakingChanges: ["curated.spend"] });
    expect((await added.again(meant)).summary).toMatchObject({ update: expect.any(Number) });

    // And a declared table does not go because it left the program.
    await expect(added.again(lake({ tables: {}, transforms: {} }))).rejects.toThrow(/protect/);
  });
});
