import type { Input } from "@pulumi/pulumi";
import { inputTextFaults, quoted } from "@tributary/core";
import { type DatabaseTable, databaseFiles, tablesFaults } from "./database";
import { makeSnapshotExport } from "./database-snapshot-export";
import type { SourceBase, SourceKind } from "./source";

export interface DatabaseSnapshotsArgs extends Pick<SourceBase, "writeKey" | "plan"> {
  /** Identifier of the RDS instance or Aurora cluster. */
  readonly database: Input<string>;
  /** Which of both it is. */
  readonly of: "instance" | "cluster";
  /**
   * By `database.schema.table` (PostgreSQL) or `database.table` (MySQL, MariaDB), as snapshot exports name them. A table
   * without a mapping is kept; one with a mapping becomes events too, each night all of its rows.
   */
  readonly tables: Readonly<Record<string, DatabaseTable>>;
}

export interface DatabaseSnapshotsSource extends SourceBase, DatabaseSnapshotsArgs {
  readonly kind: "database-snapshots";
}

/** Tables of each automated snapshot of an RDS instance or Aurora cluster, exported as soon as it is there. */
export function databaseSnapshots(args: DatabaseSnapshotsArgs): DatabaseSnapshotsSource {
  return { kind: "database-snapshots", ...args };
}

export const databaseSnapshotsKind: SourceKind<DatabaseSnapshotsSource> = {
  kind: "database-snapshots",
  maker: "databaseSnapshots()",
  keys: ["database", "of", "tables"],
  maps: false,
  faults: (path, args) => [
    ...inputTextFaults(`${path}.database`, args.database, "the identifier of an RDS instance or Aurora cluster"),
    ...(args.of === "instance" || args.of === "cluster"
      ? []
      : [{ path: `${path}.of`, reason: `${quoted(args.of)} must be "instance" or "cluster"` }]),
    ...tablesFaults(`${path}.tables`, args.tables, "shop.public.orders"),
  ],
  // `<export>/<database>/<schema>.<table>/<part>/…`: the export's name is another each time.
  files: ({ tables }) =>
    databaseFiles(tables, (schema, table) => `*/${schema}/${table.includes(".") ? table : `${schema}.${table}`}`),
  make: (args, context) => ({ landing: context.landing().bucket.bucket, ...makeSnapshotExport(args, context) }),
};
