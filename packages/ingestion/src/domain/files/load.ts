import { createHash } from "node:crypto";
import {
  applyMapping,
  type CollectedRecord,
  collectItem,
  fileId,
  isRejection,
  type JsonObject,
  type Mapping,
  missingColumns,
  originalOf,
  rejectedItem,
  rejectedRecord,
  rejection,
  rowMessageId,
} from "@tributary/model";
import type { FileRoute } from "../../loader-env";
import { NotDurable } from "../stream-writer";
import { besides, formatByName, isPassedOver, keptName, landedPlace, rawKey, routeOf, unreadKey } from "./landed";
import type { Checkpoint, FilePort, LandedFile, LoaderParts, LoadResult } from "./ports";
import { type Chunks, csvRows, type FileRow, jsonRows, UnreadableFile } from "./rows";

const nothing = { accepted: 0, rejected: 0 };
/** Bytes of one read of S3. */
const chunkBytes = 8 * 1024 * 1024;
const recordsAtOnce = 500;
/** S3 copies no larger object in one call. */
export const maxFileBytes = 5 * 1024 ** 3;

async function* chunksOf(size: number, read: (start: number, end: number) => Promise<Uint8Array>): Chunks {
  for (let start = 0; start < size; start += chunkBytes) yield await read(start, Math.min(start + chunkBytes, size));
}

async function hashOf(chunks: Chunks): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

/** Loads a file from where it is announced, or goes on where an earlier run stopped. */
export async function loadFile(
  announced: { readonly key: string; readonly versionId?: string; readonly checkpoint?: Checkpoint },
  parts: LoaderParts,
): Promise<LoadResult> {
  const place = landedPlace(announced.key);
  if (!place || isPassedOver(announced.key)) return { outcome: "passed-over", ...nothing };
  const { files } = parts;
  const file = await files.find(announced.key, announced.versionId);
  const begun = announced.checkpoint?.etag === file?.etag ? announced.checkpoint : undefined;
  if (!file) {
    await files.removeCheckpoint(announced.key);
    return { outcome: "gone", ...nothing };
  }
  const routes = parts.routes.get(place.sourceId);
  const route = routes && routeOf(routes, place.name);
  if (file.size > maxFileBytes) return await tooLarge(file, place.sourceId, parts);
  const named = formatByName(place.name) ?? (route?.anyName ? route.format : undefined);
  const readable = route !== undefined && named === route.format;
  const id = begun?.file ?? fileId(await hashOf(chunksOf(file.size, (start, end) => files.read(file, start, end))));
  const wanted = readable
    ? rawKey({ ...place, name: keptName(route.folder, place.name) }, file.at)
    : unreadKey(place, file.at);
  const kept = begun?.rawKey ?? (await keep(file, wanted, id, files));
  const load = new Load(file, place.sourceId, id, kept, begun?.line ?? 0, parts);
  const done = async (outcome: LoadResult["outcome"]): Promise<LoadResult> => {
    await files.remove(file);
    if (begun) await files.removeCheckpoint(file.key);
    return { outcome, ...load.counts };
  };
  if (file.size === 0 || (route?.rows === "kept" && readable)) return await done("kept");
  // A folder that no route names (a manifest beside the data) holds no rows to be lost: kept is all.
  if (routes && routes.length > 0 && !route) return await done("kept");
  if (!route || !readable) {
    await load.rejectFile(unfit(place.sourceId, routes, route, named));
    return await done("loaded");
  }
  if (await load.rows(route)) return await done("loaded");
  return { outcome: "continued", ...load.counts };
}

function unfit(
  sourceId: string,
  routes: readonly FileRoute[] | undefined,
  route: FileRoute | undefined,
  named: string | undefined,
): string {
  if (!routes) return `there is no source "${sourceId}"; add it, or mend the folder, and let the file land again`;
  if (!route) return `the source "${sourceId}" takes no files; make it by s3Drop(), sftp() or another that does`;
  const is = named === undefined ? "its name does not tell its format" : `it is ${named} by its name`;
  return `${is}, and the source takes ${route.format} (.csv, .jsonl or .parquet, the first two with .gz or without); name it so, or mend the source's format, and let it land again`;
}

/** It stays where it is, and its record in quarantine says so. */
async function tooLarge(file: LandedFile, sourceId: string, parts: LoaderParts): Promise<LoadResult> {
  const load = new Load(file, sourceId, fileId(`${file.key}\0${file.etag}`), undefined, 0, parts);
  await load.rejectFile(
    `${file.size} bytes, ${maxFileBytes} are the most; split it, let the parts land, then remove it from the landing bucket`,
  );
  return { outcome: "left", ...load.counts };
}

/** Copies the file to the raw zone; a name that is taken there by another content keeps what it has. */
async function keep(file: LandedFile, wanted: string, id: string, files: FilePort): Promise<string> {
  for (const key of [wanted, besides(wanted, id)]) {
    const size = await files.keptSize(key);
    if (size === undefined) {
      await files.keep(file, key);
      return key;
    }
    if (size !== file.size) continue;
    const there = await hashOf(chunksOf(size, (start, end) => files.readKept(key, start, end)));
    if (fileId(there) === id) return key;
  }
  // The second name holds the content's own hash: only an object that somebody else wrote can be in the way.
  throw new Error(`${besides(wanted, id)} in the raw zone is not what its name says; move it away, then redrive`);
}

/** One file's rows on their way to the stream. */
class Load {
  readonly counts = { accepted: 0, rejected: 0 };
  private batch: CollectedRecord[] = [];
  private readonly meta: { readonly sourceId: string; readonly receivedAt: string };

  constructor(
    private readonly file: LandedFile,
    sourceId: string,
    private readonly id: string,
    /** Its key in the raw zone; undefined where it could not be copied there. */
    private readonly kept: string | undefined,
    /** Everything up to this line is durable. */
    private line: number,
    private readonly parts: LoaderParts,
  ) {
    this.meta = { sourceId, receivedAt: file.at.toISOString() };
  }

  /** Whether it came to the end of the file; else its checkpoint is saved. */
  async rows(route: FileRoute): Promise<boolean> {
    const began = this.line;
    const counters = new Map<string, number>();
    // Running counts depend on the rows before: only a mapping without them may pass over what is durable.
    const counts = JSON.stringify(route.mapping ?? null).includes('"$count"');
    let last = began;
    try {
      for await (const row of this.read(route)) {
        if (row.line <= began) {
          if (counts && row.row && route.mapping) {
            applyMapping(route.mapping, row.row, { file: this.id, line: row.line, counters });
          }
          continue;
        }
        this.add(this.recordOf(row, route.mapping, counters));
        last = row.line;
        if (this.batch.length < recordsAtOnce) continue;
        if (!(await this.flush(last)) || !this.parts.hasTime()) return await this.interrupted(began);
      }
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error;
      await this.rejectFile(`cannot be read beyond line ${last}: ${error.message}`);
      return true;
    }
    return (await this.flush(last)) || (await this.interrupted(began));
  }

  /** One record for the whole file, in quarantine by way of the stream as every rejection. */
  async rejectFile(detail: string): Promise<void> {
    const where = this.kept === undefined ? this.file.key : `s3://${this.parts.rawBucket}/${this.kept}`;
    const rejected = rejection("unmappable", this.file.key, `${detail}; the file is kept as ${where}`);
    this.add(rejectedRecord(rejected, originalOf(where), this.meta, `${this.id}:file`));
    if (!(await this.flush(this.line)))
      throw new Error("the stream did not take the file's rejection in time; it is tried again");
  }

  private read(route: FileRoute): AsyncGenerator<FileRow> {
    const { file, parts } = this;
    const read = (start: number, end: number) => parts.files.read(file, start, end);
    const name = file.key.toLowerCase();
    const gzipped = name.endsWith(".gz");
    const onHeader = (header: readonly string[]) => this.checkHeader(route, header);
    if (route.format === "parquet") return parts.parquetRows(file.size, read, onHeader);
    const chunks = chunksOf(file.size, read);
    if (route.format === "json") return jsonRows(chunks, { gzipped });
    const delimiter = /\.tsv(\.gz)?$/.test(name) ? "\t" : ",";
    return csvRows(chunks, { gzipped, delimiter }, onHeader);
  }

  private checkHeader({ mapping, columns, format }: FileRoute, header: readonly string[]): void {
    const missing = mapping ? missingColumns(mapping, header) : [];
    if (missing.length > 0) {
      const names = missing.map(
        ({ column, nearest }) => `${column}${nearest === undefined ? "" : ` (did you mean ${nearest}?)`}`,
      );
      throw new UnreadableFile(
        `the mapping names columns that the file does not have: ${names.join(", ")}; it has ${header.join(", ")}`,
      );
    }
    // CSV is read by position in SQL: events are right all the same, the table over the files is not.
    if (format === "csv" && columns && columns.join("\0") !== header.join("\0")) {
      this.parts.warn("the file's columns are not those of its table; SQL over the files reads wrong ones", {
        file: this.kept ?? this.file.key,
        columns: columns.join(", "),
        header: header.join(", "),
      });
    }
  }

  private recordOf(row: FileRow, mapping: Mapping | undefined, counters: Map<string, number>): CollectedRecord {
    const where = { file: this.id, line: row.line, counters };
    const original = row.original;
    let made: ReturnType<typeof applyMapping>;
    if (!row.row) made = rejection("unmappable", `line ${row.line}`, row.fault ?? "the line cannot be read");
    else if (mapping) made = applyMapping(mapping, row.row, where);
    else made = { messageId: rowMessageId(where), ...(row.row as JsonObject) };
    const item = isRejection(made) ? rejectedItem(made, where, original()) : made;
    const record = collectItem(item, {}, this.meta, () => Buffer.from(original()));
    // What cannot be an event is kept as it stood in the file, not as the mapping left it.
    return record.reason === null ? record : { ...record, ...originalOf(original()) };
  }

  private add(record: CollectedRecord): void {
    this.batch.push(record);
  }

  /** False where time ran out before the stream took everything. */
  private async flush(line: number): Promise<boolean> {
    for (;;) {
      try {
        await this.parts.write(this.batch);
        break;
      } catch (error) {
        // A stream that is busy takes more soon; what it took already is deduplicated.
        if (!(error instanceof NotDurable)) throw error;
        if (!this.parts.hasTime()) return false;
      }
    }
    for (const { reason } of this.batch) this.counts[reason === null ? "accepted" : "rejected"] += 1;
    this.batch = [];
    this.line = line;
    return true;
  }

  private async interrupted(began: number): Promise<false> {
    if (this.line === began) {
      throw new Error(`${this.file.key}: a whole run took no line beyond ${began}; it is tried again`);
    }
    const { key, etag, versionId } = this.file;
    await this.parts.files.saveCheckpoint({
      key,
      etag,
      ...(versionId === undefined ? {} : { versionId }),
      file: this.id,
      rawKey: this.kept ?? "",
      line: this.line,
    });
    return false;
  }
}
