import { type LakeTable, redshiftTable, redshiftType } from "@tributary/model";

/** Where Redshift keeps which files of the lake each partition was loaded from. */
const loads = "tributary.loads";

/** A table's load, as SQL. `<parts>` stands for the literals of partitions, `<told>` for rows of the loads, `<now>` for the time. */
export interface TableLoad {
  readonly table: string;
  readonly create: string;
  /** Gives the statements that add columns which the table lacks. */
  readonly columns: string;
  /** Gives the partitions whose files changed since they were loaded: their literal, and what to remember of them. */
  readonly changed: string;
  /** Replaces these partitions, in one transaction. */
  readonly load: readonly string[];
}

/** The schema by which Redshift reads a zone of the lake. */
export const externalSchema = (zone: string): string => `lake_${zone}`;

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** What must be there before the first table, in one transaction. */
export function prepareSql(zones: readonly string[]): string[] {
  return [
    "create schema if not exists tributary",
    ...zones.map((zone) => `create schema if not exists ${zone}`),
    `create table if not exists ${loads} (table_name varchar(200), part varchar(200), files varchar(200), loaded_at timestamp) diststyle all`,
  ];
}

/** The external schema of a zone. Redshift takes no statement beside it in its transaction. */
export const externalSchemaSql = (zone: string, glueDatabase: string, roleArn: string): string =>
  `create external schema if not exists ${externalSchema(zone)} from data catalog database ${text(glueDatabase)} iam_role ${text(roleArn)}`;

/**
 * A table's load. Which files a partition is made of is told by their paths, which no two runs of a job share: a sum of
 * hashes, so that their order means nothing. What is remembered was seen before the rows were read, so that files that
 * change meanwhile are loaded again the next time. A table without partitions is one partition, `*`.
 */
export function tableLoad(table: LakeTable): TableLoad {
  const [key] = table.partitionBy;
  const [target, source] = [`${table.zone}.${table.name}`, `${externalSchema(table.zone)}.${table.name}`];
  const columns = [...table.columns.map(({ name }) => name), ...table.partitionBy].join(", ");
  const where = key === undefined ? "" : ` where ${key} in (<parts>)`;
  const files = [
    `select ${key ?? "'*'"} as part,`,
    "cast(count(*) as varchar) || ':' || cast(sum(strtol(left(md5(path), 15), 16)) as varchar) as files",
    `from (select distinct ${key === undefined ? "" : `${key}, `}"$path" as path from ${source}) f`,
    key === undefined ? "having count(*) > 0" : `group by ${key}`,
  ].join(" ");
  const added = [...table.columns, ...table.partitionBy.map((name) => ({ name, type: "string" }))].map(
    ({ name, type }) =>
      `select ${text(name)} as name, ${text(`alter table ${target} add column ${name} ${redshiftType(type)}`)} as ddl`,
  );
  return {
    table: target,
    // State machines want each text on one line.
    create: redshiftTable(table).replace(/\s*\n\s*/g, " "),
    columns: [
      `select w.ddl from (${added.join(" union all ")}) w`,
      `left join information_schema.columns c on c.table_schema = ${text(table.zone)} and c.table_name = ${text(table.name)} and c.column_name = w.name`,
      "where c.column_name is null",
    ].join(" "),
    changed: [
      "select quote_literal(coalesce(l.part, d.part)) as part,",
      `'(' || quote_literal(${text(target)}) || ', ' || quote_literal(coalesce(l.part, d.part)) || ', ' || quote_literal(coalesce(l.files, '')) || ', ''<now>'')' as told`,
      `from (${files}) l`,
      `full join (select part, files from ${loads} where table_name = ${text(target)}) d on d.part = l.part`,
      "where coalesce(l.files, '') <> coalesce(d.files, '') order by 1 limit 100",
    ].join(" "),
    load: [
      `delete from ${target}${where}`,
      `insert into ${target} (${columns}) select ${columns} from ${source}${where}`,
      // The cast fails, and with it the transaction, where the text is no number.
      `select cast(case when (select count(*) from ${target}${where}) = (select count(*) from ${source}${where}) then '1' else ${text(`${target} has other rows than the lake`)} end as integer) as loaded`,
      `delete from ${loads} where table_name = ${text(target)} and part in (<parts>)`,
      `insert into ${loads} (table_name, part, files, loaded_at) values <told>`,
    ],
  };
}
