import { createHash } from "node:crypto";
import { awsNormalise } from "@tributary/model";
import type { Kernel, Principal } from "../../kernel";
import { parseLocation } from "../duckdb";
import type { Workflow } from "./definitions";
import type { InputRow, InputTable } from "./input-records";

export interface OutputRow {
  readonly table: InputTable;
  readonly row: InputRow;
  readonly matchId: string;
  /** Empty where no rule matched the record. */
  readonly rule: string;
}

interface Output {
  readonly jobId: string;
  readonly rows: readonly OutputRow[];
  readonly rejected: readonly { readonly table: InputTable; readonly row: InputRow; readonly why: string }[];
}

/** Records of one file: AWS writes several for a job. */
const rowsPerFile = 50_000;

const quote = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const line = (cells: readonly string[]): string => `${cells.map(quote).join(",")}\n`;

/**
 * Writes `<outputS3Path>/<workflow>/<jobId>/success/…` and, where rows were rejected, `…/error/…`, as CSV with a header.
 * AWS documents the folders of the job's id and the metadata columns, not the names of the files.
 */
export async function writeOutput(
  kernel: Kernel,
  principal: Principal,
  workflow: Workflow,
  output: Output,
): Promise<void> {
  const [target] = workflow.outputSourceConfig;
  if (target?.outputS3Path === undefined) return;
  const { bucket, prefix } = parseLocation(target.outputS3Path);
  const folder = `${prefix}${workflow.workflowName}/${output.jobId}`;
  const write = async (kind: "success" | "error", header: readonly string[], rows: readonly (readonly string[])[]) => {
    for (let from = 0; from < Math.max(rows.length, 1); from += rowsPerFile) {
      const part = String(from / rowsPerFile).padStart(5, "0");
      await kernel.call(
        "s3",
        "PutObject",
        {
          Bucket: bucket,
          Key: `${folder}/${kind}/run-0-part-r-${part}.csv`,
          Body:
            line(header) +
            rows
              .slice(from, from + rowsPerFile)
              .map(line)
              .join(""),
          ContentType: "text/csv",
          ...(target.kmsArn !== undefined && { ServerSideEncryption: "aws:kms", SSEKMSKeyId: target.kmsArn }),
        },
        principal,
      );
    }
  };
  const hashing = target.output.some(({ hashed }) => hashed === true);
  const normalised = target.applyNormalization === true;
  const header = ["InputSourceARN", "RecordId", "MatchID", "MatchRule", ...(hashing ? ["HashingProtocol"] : [])];
  const rows = output.rows.map(({ table, row, matchId, rule }) => [
    ...[table.sourceArn, row.uniqueId, matchId, rule, ...(hashing ? ["SHA256"] : [])],
    ...target.output.map(({ name, hashed }) => cell(table, row, name, normalised, hashed === true)),
  ]);
  await write("success", [...header, ...target.output.map(({ name }) => name)], rows);
  if (output.rejected.length === 0) return;
  const errors = output.rejected.map(({ table, row, why }) => [table.sourceArn, row.uniqueId, why]);
  await write("error", ["InputSourceARN", "RecordId", "ErrorMessage"], errors);
}

function cell(table: InputTable, row: InputRow, name: string, normalised: boolean, hashed: boolean): string {
  const field = table.fields.find(({ column }) => column === name);
  const value = row.cells[name] ?? "";
  if (!field || value === "") return "";
  const country = table.fields.find(({ type }) => type === "ADDRESS_COUNTRY")?.column;
  const grouped = field.group !== undefined;
  const shown = normalised
    ? awsNormalise(value, field.type, {
        source: "aws-sample",
        grouped,
        hashed: field.hashed === true,
        country: country === undefined ? undefined : row.cells[country],
      })
    : value;
  return hashed ? createHash("sha256").update(shown).digest("hex") : shown;
}
