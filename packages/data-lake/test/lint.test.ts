import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { commonFunctions, findingText, lintTransform } from "../src";
import { rules } from "../src/transforms/rules";

/** The common subset of Spark's SQL and DuckDB's: each rule finds its like, at its place, and nothing else. */
const found = (sql: string) => lintTransform(sql).map(({ rule, line, column }) => `${rule} ${line}:${column}`);
const select = (expression: string) => `select\n  ${expression} as x\nfrom clean.events`;
const at = (rule: string, column = 3) => [`${rule} 2:${column}`];

describe("the lint of transforms", () => {
  const folder = path.join(__dirname, "..", "sql");
  it.each(readdirSync(folder))("has nothing to say of %s", (file) => {
    const findings = lintTransform(readFileSync(path.join(folder, file), "utf8"));
    expect(findings.map((finding) => findingText(file, finding))).toEqual([]);
  });

  const bad: [string, string, string[]][] = [
    ["one-select", "insert overwrite table t select 1", ["one-select 1:1"]],
    ["one-select", "select 1;\nselect 2", ["one-select 2:1"]],
    ["one-select", "", ["one-select 1:1"]],
    ["backtick", select("`user_id`"), at("backtick")],
    ["double-quote", select('"user_id"'), at("double-quote")],
    ["backslash", select("regexp_replace(a, '\\d', '')"), at("backslash", 21)],
    ["constructor", select("array(1, 2)"), at("constructor")],
    ["explode", select("explode(tags)"), at("explode")],
    ["explode", "select a from t lateral view posexplode(b) c", ["explode 1:17", "explode 1:30"]],
    ["rlike-operator", select("a rlike 'x'"), at("rlike-operator", 5)],
    ["subscript", select("tags[0]"), at("subscript", 7)],
    ["lambda", select("size(filter(tags, t -> t > 1))"), at("lambda", 23)],
    ["double-colon", select("a::int"), at("double-colon", 4)],
    ["null-safe-equal", select("a <=> b"), at("null-safe-equal", 5)],
    ["div", select("a div b"), at("div", 5)],
    ["hash", select("hash(a)"), at("hash")],
    ["not-repeatable", select("current_timestamp"), at("not-repeatable")],
    ["not-repeatable", select("rand()"), at("not-repeatable")],
    ["interval", select("a + interval 1 day"), at("interval", 7)],
    ["date-arithmetic", select("cast(a as date) - cast(b as date)"), at("date-arithmetic")],
    ["date-arithmetic", select("to_date(a) + 1"), at("date-arithmetic")],
    ["left-semi", "select a from t left semi join u on t.a = u.a", ["left-semi 1:17"]],
    ["star-except", "select * except (a) from t", ["star-except 1:8"]],
    ["qualify", "select a from t qualify b = 1", ["qualify 1:17"]],
    ["recursive", "with recursive r as (select 1) select 1", ["recursive 1:6"]],
    ["sample", "select a from t tablesample (1 percent)", ["sample 1:17"]],
    ["distinct-on", "select distinct on (a) b from t", ["distinct-on 1:8"]],
    ["array-agg", select("array_agg(a)"), at("array-agg")],
    ["count-if", select("count_if(a > 1)"), at("count-if")],
    ["by-without-filter", select("max_by(a, b)"), at("by-without-filter")],
    ["cast-of-text", select("cast('x' as int)"), at("cast-of-text")],
    ["cast-to-time", select("try_cast(a as timestamp)"), at("cast-to-time")],
    ["cast-to-time", select("cast(trim(a) as timestamp)"), at("cast-to-time")],
    ["cast-to-integer", select("try_cast(a as int)"), at("cast-to-integer")],
    ["cast-to-integer", select("cast(1.9 as int)"), at("cast-to-integer")],
    ["nulls-order", "select a from t order by a nulls last, b", ["nulls-order 1:17"]],
    ["nulls-order", select("row_number() over (partition by a order by b desc)"), at("nulls-order", 37)],
    ["from-json", select("from_json(a, 'b int')"), at("from-json")],
    ["from-json", select("from_json(a, b)"), at("from-json")],
    ["unproven-function", select("soundex(a)"), at("unproven-function")],
  ];
  it.each(bad)("%s: %s", (_, sql, findings) => {
    expect(found(sql)).toEqual(findings);
  });

  it("has a case for each rule", () => {
    const covered = new Set(bad.map(([name]) => name));
    expect(rules.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual([]);
  });

  it.each([
    "-- `array(1)[0]` is a comment\nselect 'left semi join; it''s [0] text' as a /* rlike */ from t",
    "select a, count(*) filter (where b in ('x', 'y')) as n from t group by a order by a asc nulls last, n desc nulls first limit 3;",
    "with x (a) as (select 1) select regexp_like(b, '^[a-z]+$') as c from x left join t on x.a = t.a",
    "select max_by(a, b) filter (where a is not null) as a, cast(day as date) as d, date_add(day, 1) as e from t",
    "select a.hash, a.interval_days, sum(x) over (partition by d order by e asc nulls last rows between 1 preceding and current row) as s from a",
    "select j.a, j.b_2 from (select from_json(lower(c), 'a string, b_2 string') as j from t) x",
    "select n.i from t inner join range(0, 5) as n(i) on n.i < t.size",
  ])("lets pass: %s", (sql) => {
    expect(found(sql)).toEqual([]);
  });

  it("says where, what and what instead", () => {
    const [finding] = lintTransform("select\n  tags[0] as first\nfrom raw.events");
    expect(finding && findingText("visits.sql", finding)).toBe(
      "visits.sql:2:7 subscript: `[`: Spark counts from 0, DuckDB from 1: use element_at(list, n), get_json_object(text, path)",
    );
  });

  it.each(["select '", "select (((", "`", "select 'a", "\u0000", ")", "order by", "cast(", "select 1 /*"])(
    "never throws: %j",
    (sql) => {
      expect(() => lintTransform(sql)).not.toThrow();
    },
  );
});

describe("docs/lake/transforms.md", () => {
  const page = readFileSync(path.join(__dirname, "..", "..", "..", "docs", "lake", "transforms.md"), "utf8");

  it("tells every rule and every function", () => {
    expect(rules.map(({ name }) => name).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    const listed = new Set((/^abs add_months [^;]*/m.exec(page)?.[0] ?? "").split(" "));
    expect([...listed].sort()).toEqual([...commonFunctions].sort());
  });

  it("shows SQL that the lint lets pass", () => {
    const shown = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = ""]) => sql);
    expect(shown).toHaveLength(1);
    expect(shown.flatMap(lintTransform)).toEqual([]);
  });
});
