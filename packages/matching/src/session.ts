import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance } from "@duckdb/node-api";

export interface SessionOptions {
  /** DuckDB's memory limit, such as "2GB". Default "2GB": what does not fit spills to the work folder. */
  readonly memory?: string;
  /** Default: DuckDB's own, one a core. */
  readonly threads?: number;
  /** Where the run's own folder is made, and removed at its end. Default: the system's folder for temporary files. */
  readonly workFolder?: string;
}

const folderPrefix = "tributary-match-";
const day = 86_400_000;

/** Removes what runs left that were killed: folders of processes that are gone, a day old (a pid may be another machine's). */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(folderPrefix) ? Number(name.slice(folderPrefix.length).split("-")[0]) : 0;
    if (!(pid > 0) || isAlive(pid)) continue;
    const path = join(parent, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found && Date.now() - found.mtimeMs > day) rmSync(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as an SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A DuckDB database of one run, in a folder of its own: rows lie on disk, so memory is bounded by the limit and not by
 * the input. `close` removes the folder; call it in a `finally`.
 */
export class Session {
  private constructor(
    readonly folder: string,
    private readonly instance: DuckDBInstance,
    readonly connection: DuckDBConnection,
  ) {}

  static async open(options: SessionOptions = {}): Promise<Session> {
    const parent = options.workFolder ?? tmpdir();
    mkdirSync(parent, { recursive: true });
    sweep(parent);
    const folder = mkdtempSync(join(parent, `${folderPrefix}${process.pid}-`));
    try {
      const instance = await DuckDBInstance.create(join(folder, "run.duckdb"), {
        memory_limit: options.memory ?? "2GB",
        temp_directory: join(folder, "spill"),
        ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
      });
      const connection = await instance.connect();
      // The database lives for one run: compressing costs more time than it saves.
      await connection.run("set force_compression = 'uncompressed'");
      // A streamed query works in all threads as long as its buffer is not full.
      await connection.run("set streaming_buffer_size = '64MB'");
      return new Session(folder, instance, connection);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  /** Few rows, as objects. */
  async rows<T>(sql: string): Promise<T[]> {
    return (await this.connection.runAndReadAll(sql)).getRowObjectsJS() as T[];
  }

  /** Many rows, a chunk of columns at a time, in the query's order. */
  async stream(sql: string, take: (chunk: DuckDBDataChunk) => void): Promise<void> {
    const result = await this.connection.stream(sql);
    for (;;) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) return;
      take(chunk);
    }
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
