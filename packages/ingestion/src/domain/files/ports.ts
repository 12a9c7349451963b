import type { CollectedRecord } from "@tributary/model";
import type { FileRoute } from "../../loader-env";
import type { FileRow } from "./rows";

/** A file in the landing bucket, in the very version that was announced. */
export interface LandedFile {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  /** When it landed. */
  readonly at: Date;
  readonly versionId?: string;
}

/** How far a file was loaded that takes more than one run: a small object of the landing bucket. */
export interface Checkpoint {
  readonly key: string;
  readonly versionId?: string;
  /** Of the version that was begun: another one is another file. */
  readonly etag: string;
  readonly file: string;
  readonly rawKey: string;
  /** Everything up to this line is durable. */
  readonly line: number;
}

/** The landing bucket and the raw zone. */
export interface FilePort {
  /** Undefined where there is none (any more). */
  find(key: string, versionId?: string): Promise<LandedFile | undefined>;
  /** Bytes from `start` to before `end`; rejects where the file is another by now. */
  read(file: LandedFile, start: number, end: number): Promise<Uint8Array>;
  /** Copies the file to the raw zone, bytes as they are. */
  keep(file: LandedFile, rawKey: string): Promise<void>;
  /** Size of what lies at a key of the raw zone; undefined where nothing does. */
  keptSize(rawKey: string): Promise<number | undefined>;
  readKept(rawKey: string, start: number, end: number): Promise<Uint8Array>;
  /** Removes the file, unless another has taken its place. */
  remove(file: LandedFile): Promise<void>;
  /** Durable, and announced to this function as any file is. */
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>;
  removeCheckpoint(key: string): Promise<void>;
}

export interface LoaderParts {
  readonly files: FilePort;
  /** By source. */
  readonly routes: ReadonlyMap<string, readonly FileRoute[]>;
  /** For messages: where kept files are. */
  readonly rawBucket: string;
  readonly parquetRows: (
    size: number,
    read: (start: number, end: number) => Promise<Uint8Array>,
    onHeader: (header: readonly string[]) => void,
  ) => AsyncGenerator<FileRow>;
  /** Makes records durable; throws `NotDurable` where the stream refuses some. */
  readonly write: (records: readonly CollectedRecord[]) => Promise<void>;
  /** Whether there is time for another batch. */
  readonly hasTime: () => boolean;
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/**
 * What a run did. `gone`: the file was loaded before; `continued`: the rest follows by its checkpoint;
 * `left`: it is too large, and stays in the landing bucket with a record in quarantine.
 */
export interface LoadResult {
  readonly outcome: "loaded" | "kept" | "continued" | "gone" | "left" | "passed-over";
  readonly accepted: number;
  readonly rejected: number;
}
