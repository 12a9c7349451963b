import type { Input } from "@pulumi/pulumi";
import {
  type Fault,
  inputListFaults,
  inputTextFaults,
  isRecord,
  objectFaults,
  quoted,
  unknownFaults,
} from "@tributary/core";
import type { Mapping } from "@tributary/model";
import { makeReplication } from "./database-replication";
import { fileArgFaults, filesOf, innerMappingFaults } from "./file-args";
import type { SourceBase, SourceFiles, SourceKind } from "./source";

/** DMS's names of the engines that it reads changes of, and the least TLS that each takes. */
export const databaseEngines = {
  postgres: "require",
  "aurora-postgresql": "require",
  sqlserver: "require",
  mysql: "verify-ca",
  mariadb: "verify-ca",
  aurora: "verify-ca",
  oracle: "verify-ca",
} as const;
export type DatabaseEngine = keyof typeof databaseEngines;

/** A table: kept and queryable either way, events of its rows where it has a mapping. */
export interface DatabaseTable {
  /**
   * How a row, or a change of one, becomes an event. Beside the table's columns there are `Op` (`I` insert, `U` update,
   * `D` delete) and `changed_at` (when it was committed).
   */
  readonly mapping?: Mapping;
  /** Glue type by column, as SQL reads the files. @default the columns that the mapping names, as `string` */
  readonly columns?: Readonly<Record<string, string>>;
}

export interface DatabaseArgs extends Pick<SourceBase, "writeKey" | "plan"> {
  readonly engine: DatabaseEngine;
  /** ARN of a secret with `username`, `password`, `host` and `port`, as RDS makes them. */
  readonly secretArn: Input<string>;
  /** Key that the secret is encrypted with. @default the foundation's */
  readonly secretKeyArn?: Input<string>;
  readonly databaseName: Input<string>;
  /** By `schema.table`. */
  readonly tables: Readonly<Record<string, DatabaseTable>>;
  /** Where the replication runs: subnets of two zones or more that reach the database, S3 and Secrets Manager. */
  readonly network: {
    readonly subnetIds: Input<Input<string>[]>;
    readonly securityGroupIds: Input<Input<string>[]>;
  };
  /** What is read: rows that are there, changes of them, or first one, then the other. @default "full-load-and-cdc" */
  readonly read?: "full-load-and-cdc" | "full-load" | "cdc";
  /** Capacity units (2 GB of memory each) between which it scales; bills by the hour while it runs. @default 1 to 2 */
  readonly capacity?: { readonly min?: number; readonly max?: number };
  /** A second, standing by in another zone: twice the price. @default false */
  readonly multiAz?: boolean;
  /** Rows that are deleted are told too. @default true */
  readonly deletes?: boolean;
  /** The authority that signed the database's certificate (a DMS certificate's ARN): for engines that check it. */
  readonly certificateArn?: Input<string>;
  /** Started when it is deployed. @default true */
  readonly start?: boolean;
}

export interface DatabaseSource extends SourceBase, DatabaseArgs {
  readonly kind: "database";
}

/** Rows of a database and each change of them, by DMS Serverless. */
export function database(args: DatabaseArgs): DatabaseSource {
  return { kind: "database", ...args };
}

export const changedAt = "changed_at";

export const databaseKind: SourceKind<DatabaseSource> = {
  kind: "database",
  maker: "database()",
  keys: [
    "engine",
    "secretArn",
    "secretKeyArn",
    "databaseName",
    "tables",
    "network",
    "read",
    "capacity",
    "multiAz",
    "deletes",
    "certificateArn",
    "start",
  ],
  maps: false,
  faults: databaseFaults,
  files: ({ tables }) =>
    databaseFiles(tables, (schema, table) => `${schema}/${table}`, { Op: "string", [changedAt]: "string" }),
  make: (args, context) => ({ landing: context.landing().bucket.bucket, ...makeReplication(args, context) }),
};

/** The files of a database's tables, each in its folder. */
export function databaseFiles(
  tables: Readonly<Record<string, DatabaseTable>>,
  folder: (schema: string, table: string) => string,
  always: Readonly<Record<string, string>> = {},
): SourceFiles[] {
  return Object.entries(tables).map(([name, table]) => {
    const [schema = "", of = ""] = splitTable(name);
    return filesOf(
      { format: "parquet", ...table },
      { folder: folder(schema, of), table: `${schema}_${of}`, rows: table.mapping ? "events" : "kept", always },
    );
  });
}

/** `sales.orders` → its schema and its table; a table's own name may have dots. */
export function splitTable(name: string): readonly [string, string] {
  const dot = name.indexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)];
}

/** Faults of `tables`, for each kind that reads a database. */
export function tablesFaults(path: string, tables: unknown, example: string): Fault[] {
  if (!isRecord(tables) || Object.keys(tables).length === 0) {
    return [{ path, reason: `${quoted(tables)} must be tables by name, such as { "${example}": { mapping } }` }];
  }
  return Object.entries(tables).flatMap(([name, table]) => {
    const at = `${path}.${name}`;
    const named = /^[^.%*"']+(\.[^.%*"']+)+$/.test(name)
      ? []
      : [{ path: at, reason: `must be a schema and a table, such as "${example}"` }];
    if (!isRecord(table)) return [...named, { path: at, reason: `${quoted(table)} must be { mapping } or {}` }];
    return [
      ...named,
      ...unknownFaults(`${at}.`, table, ["mapping", "columns"]),
      ...innerMappingFaults(`${at}.mapping`, table.mapping),
      ...fileArgFaults(at, { ...table, format: "parquet" }, { rows: "kept" }),
    ];
  });
}

const oneOf = (path: string, value: unknown, choices: readonly unknown[]): Fault[] =>
  value === undefined || choices.includes(value)
    ? []
    : [{ path, reason: `${quoted(value)} must be one of ${choices.map(quoted).join(", ")}` }];

function databaseFaults(path: string, args: Readonly<Record<string, unknown>>): Fault[] {
  const { engine, network, capacity, certificateArn } = args;
  const engines = Object.keys(databaseEngines);
  const tls = databaseEngines[engine as DatabaseEngine];
  return [
    ...(typeof engine === "string" && engines.includes(engine)
      ? []
      : [{ path: `${path}.engine`, reason: `${quoted(engine)} must be one of ${engines.join(", ")}` }]),
    ...(tls === "verify-ca" && certificateArn === undefined
      ? [
          {
            path: `${path}.certificateArn`,
            reason: `is missing; DMS speaks TLS to ${engine} with the authority's certificate only: import it (aws.dms.Certificate), give its ARN`,
          },
        ]
      : []),
    ...inputTextFaults(
      `${path}.secretArn`,
      args.secretArn,
      "the ARN of the secret with username, password, host, port",
    ),
    ...inputTextFaults(`${path}.databaseName`, args.databaseName, "the database's name"),
    ...tablesFaults(`${path}.tables`, args.tables, "public.orders"),
    ...objectFaults(`${path}.network`, network, "{ subnetIds, securityGroupIds }", (given) => [
      ...unknownFaults(`${path}.network.`, given, ["subnetIds", "securityGroupIds"]),
      ...(["subnetIds", "securityGroupIds"] as const).flatMap((key) =>
        given[key] === undefined
          ? [{ path: `${path}.network.${key}`, reason: "is missing; give their ids" }]
          : inputListFaults(`${path}.network.${key}`, given[key], "ids"),
      ),
    ]),
    ...oneOf(`${path}.read`, args.read, ["full-load-and-cdc", "full-load", "cdc"]),
    ...capacityFaults(`${path}.capacity`, capacity),
    ...["multiAz", "deletes", "start"].flatMap((key) => oneOf(`${path}.${key}`, args[key], [true, false])),
  ];
}

const units = [1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384];

function capacityFaults(path: string, capacity: unknown): Fault[] {
  if (capacity === undefined) return [];
  return objectFaults(path, capacity, "{ min: 1, max: 4 }", ({ min = 1, max = 2, ...rest }) => [
    ...unknownFaults(`${path}.`, rest, ["min", "max"]),
    ...oneOf(`${path}.min`, min, units),
    ...oneOf(`${path}.max`, max, units),
    ...(Number(min) > Number(max) ? [{ path, reason: `min ${min} is above max ${max}` }] : []),
  ]);
}
