import { readFileSync, statSync } from "node:fs";
import {
  applyMapping,
  fileId,
  isRejection,
  type JsonObject,
  type Mapping,
  mappingFaults,
  mappingSchema,
  missingColumns,
  parseItem,
  rejectedItem,
  rejection,
  rowMessageId,
} from "@tributary/model";
import { z } from "zod";
import { CommandError, UsageError } from "./errors";
import { formatOf, hashFile, readRows } from "./rows";

/** Reads and checks a mapping; every fault is told at once. */
export function readMapping(file: string): Mapping {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
  const parsed = mappingSchema.safeParse(document);
  if (!parsed.success) throw new UsageError(`${file} is no mapping:\n${z.prettifyError(parsed.error)}`);
  const faults = mappingFaults(parsed.data);
  if (faults.length > 0)
    throw new UsageError(`${file} is no mapping:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
  return parsed.data;
}

export interface LoadCounts {
  read: number;
  accepted: number;
  quarantined: number;
}

/** What a file's rows are read by. */
export interface LoadOptions {
  readonly mapping: Mapping | undefined;
  readonly sourceId: string;
}

/** Throws where the file is absent, of no known format, or without a column that the mapping names. Reads no more than its head. */
export async function checkFile(file: string, { mapping }: Pick<LoadOptions, "mapping">): Promise<void> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`${file}: there is no such file.`);
  if (!mapping && formatOf(file) === "csv") {
    throw new UsageError(`${file}: a CSV file needs a mapping from its columns to events (--mapping FILE).`);
  }
  const rows = readRows(file, (header) => checkHeader(file, header, mapping));
  try {
    await rows.next();
    await rows.return(undefined);
  } catch (error) {
    throw unreadable(file, error, 0);
  }
}

function checkHeader(file: string, header: readonly string[], mapping: Mapping | undefined): void {
  const missing = mapping ? missingColumns(mapping, header) : [];
  if (missing.length === 0) return;
  const lines = missing.map(
    ({ column, nearest }) => `  ${column}${nearest === undefined ? "" : ` (did you mean ${nearest}?)`}`,
  );
  throw new UsageError(
    `The mapping names columns that ${file} does not have:\n${lines.join("\n")}\nIts columns: ${header.join(", ")}. Nothing was sent.`,
  );
}

/** Names the file in what its reader threw: zlib and the CSV parser do not know it. */
function unreadable(file: string, error: unknown, read: number): unknown {
  if (!(error instanceof Error) || error instanceof UsageError) return error;
  const sent = read === 0 ? "Nothing of it was sent." : `Up to ${read} lines before that were sent.`;
  return new CommandError(`${file} cannot be read to its end: ${error.message}. ${sent}`);
}

/**
 * A file's rows as items for the collector, each as JSON text. A row of which no event can be made becomes an item that
 * the collector quarantines with the original line; so what is read is what is accepted plus what is quarantined.
 */
export async function* itemsOf(
  file: string,
  options: LoadOptions & { readonly counts: LoadCounts },
): AsyncGenerator<string> {
  const { mapping, sourceId, counts } = options;
  const place = { file: fileId(await hashFile(file)), counters: new Map<string, number>() };
  const meta = { sourceId, receivedAt: new Date().toISOString() };
  let read = 0;
  try {
    for await (const { line, row, fault, original } of readRows(file, () => undefined)) {
      read += 1;
      counts.read += 1;
      const where = { ...place, line };
      let made: ReturnType<typeof applyMapping>;
      if (!row) made = rejection("unmappable", `line ${line}`, fault ?? "the line cannot be read");
      else if (mapping) made = applyMapping(mapping, row, where);
      else made = { messageId: rowMessageId(where), ...(row as JsonObject) };

      if (isRejection(made)) {
        counts.quarantined += 1;
        yield JSON.stringify(rejectedItem(made, where, original()));
        continue;
      }
      if (isRejection(parseItem(made, {}, meta))) counts.quarantined += 1;
      else counts.accepted += 1;
      yield JSON.stringify(made);
    }
  } catch (error) {
    throw unreadable(file, error, read);
  }
}
