import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { AwsError, type Kernel, type Principal, parseArn } from "../../kernel";
import { LakeEngine, parquetOptions, quoteText } from "../duckdb";
import { assertTrusted } from "../iam";
import { putLocalFile } from "../s3";
import { type Operation, operation } from "../support";
import { stagingFolder, tableFile } from "./snapshots";

const startExportTask = z.strictObject({
  ExportTaskIdentifier: z
    .string()
    .max(60)
    .regex(/^[A-Za-z][A-Za-z0-9-]*$/),
  SourceArn: z.string().startsWith("arn:"),
  S3BucketName: z.string(),
  S3Prefix: z.string().optional(),
  IamRoleArn: z.string().startsWith("arn:"),
  KmsKeyId: z.string(),
  ExportOnly: z.array(z.string()).optional(),
});
type Task = z.output<typeof startExportTask>;

/** What a call takes beside the permission on the snapshot: to pass the role, and to make a grant on the key. */
const needs = ({ SourceArn, IamRoleArn, KmsKeyId }: Task) => [
  { action: "rds:StartExportTask", resource: SourceArn },
  {
    action: "iam:PassRole",
    resource: IamRoleArn,
    context: { "iam:PassedToService": "export.rds.amazonaws.com" },
  },
  ...(KmsKeyId.startsWith("arn:") ? [{ action: "kms:CreateGrant", resource: KmsKeyId }] : []),
];

/** Whether a partial export takes a table: it is named, or its database or schema is. */
function isWanted(only: readonly string[] | undefined, table: string): boolean {
  return only === undefined || only.some((each) => each === table || table.startsWith(`${each}.`));
}

/**
 * Exports of snapshots to S3, in the layout of "File naming conventions for exports to Amazon S3" in RDS's user guide:
 * `<prefix>/<export>/<database>/<schema>.<table>/1/part-00000-<uuid>.gz.parquet`, and what the export says of itself.
 */
export function exportOperations(kernel: Kernel): Record<string, Operation> {
  return {
    StartExportTask: operation(startExportTask, needs, async (task) => {
      const snapshot = parseArn(task.SourceArn)?.resource.replace(/^(cluster-)?snapshot:/, "") ?? "";
      const folder = stagingFolder(kernel, snapshot);
      if (!existsSync(folder)) {
        throw new AwsError(
          "DBSnapshotNotFound",
          `${snapshot} is not there: the folder rds/<database>/<snapshot>/ of the data folder stands for it`,
        );
      }
      assertTrusted(kernel, task.IamRoleArn, "export.rds.amazonaws.com", task.SourceArn);
      const tables = readdirSync(folder).filter((file) => tableFile.test(file));
      const written: string[] = [];
      for (const file of tables) {
        const table = tableFile.exec(file)?.[1] ?? "";
        if (isWanted(task.ExportOnly, table)) written.push(await exportTable(kernel, task, table, join(folder, file)));
        else kernel.log.warn(`rds: ${table} of ${snapshot} is not exported: the export names other tables only`);
      }
      await describe(kernel, task, written);
      rmSync(folder, { recursive: true, force: true });
      const { ExportTaskIdentifier, SourceArn, S3BucketName: S3Bucket, IamRoleArn, KmsKeyId } = task;
      return { ExportTaskIdentifier, SourceArn, S3Bucket, IamRoleArn, KmsKeyId, Status: "STARTING" };
    }),
  };
}

const exporter = ({ IamRoleArn, ExportTaskIdentifier }: Task): Principal => ({
  kind: "role",
  roleArn: IamRoleArn,
  session: ExportTaskIdentifier.slice(0, 64),
});
const below = ({ S3Prefix, ExportTaskIdentifier }: Task) => `${S3Prefix ? `${S3Prefix}/` : ""}${ExportTaskIdentifier}/`;

/** Writes a table, and gives its name as the export's folder has it. */
async function exportTable(kernel: Kernel, task: Task, table: string, path: string): Promise<string> {
  const [database = "", ...parts] = table.split(".");
  // MySQL knows no schemas: RDS puts the database's name in the place.
  const qualified = parts.length > 1 ? parts.join(".") : `${database}.${parts.join(".")}`;
  const key = `${below(task)}${database}/${qualified}/1/part-00000-${randomUUID()}.gz.parquet`;
  const resource = `arn:aws:s3:::${task.S3BucketName}/${key}`;
  kernel.authorize(exporter(task), { action: "s3:PutObject", resource }, "PutObject");
  const file = join(kernel.folder("tmp", "rds"), `${randomUUID()}.parquet`);
  if (path.endsWith(".csv")) {
    await LakeEngine.of(kernel).with("duckdb", (session) =>
      session.run(
        `COPY (SELECT * FROM read_csv(${quoteText(path)}, header = true, sample_size = -1)) TO ${quoteText(file)} (${parquetOptions("gzip")})`,
      ),
    );
    rmSync(path);
  } else renameSync(path, file);
  await putLocalFile(kernel, task.S3BucketName, key, file);
  return `${database}.${qualified}`;
}

/** What an export says of itself, beside its tables. */
async function describe(kernel: Kernel, task: Task, tables: readonly string[]): Promise<void> {
  const { ExportTaskIdentifier: id, SourceArn, S3BucketName, S3Prefix = "", ExportOnly = [] } = task;
  const info = {
    exportTaskIdentifier: id,
    sourceArn: SourceArn,
    exportOnly: ExportOnly,
    s3Bucket: S3BucketName,
    s3Prefix: S3Prefix,
    exportedFilesPath: below(task).replace(/\/$/, ""),
    status: "COMPLETE",
    percentProgress: 100,
  };
  const perTable = { perTableStatus: tables.map((target) => ({ target, status: "COMPLETE" })) };
  for (const [name, value] of [
    [`export_info_${id}.json`, info],
    [`export_tables_info_${id}_from_1_to_${tables.length}.json`, perTable],
  ] as const) {
    const input = { Bucket: S3BucketName, Key: `${below(task)}${name}`, Body: Buffer.from(JSON.stringify(value)) };
    await kernel.call("s3", "PutObject", input, exporter(task));
  }
}
