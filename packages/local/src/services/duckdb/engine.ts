import { rmSync } from "node:fs";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { Kernel } from "../../kernel";
import { athenaPrelude, athenaSettings } from "./athena-prelude";
import { redshiftPrelude, redshiftSettings } from "./redshift-prelude";
import { sparkPrelude, sparkSettings, sparkSyntax } from "./spark-prelude";
import { quoteText } from "./types";

/** Whose SQL a session speaks: Glue jobs speak Spark's, Athena queries Trino's, the runtime's own statements DuckDB's. */
export type Dialect = "spark" | "athena" | "redshift" | "duckdb";

const dialects = {
  spark: { prelude: sparkPrelude, syntax: sparkSyntax, settings: sparkSettings },
  athena: { prelude: athenaPrelude, syntax: [] as readonly string[], settings: athenaSettings },
  redshift: { prelude: redshiftPrelude, syntax: [] as readonly string[], settings: redshiftSettings },
  duckdb: { prelude: [] as readonly string[], syntax: [] as readonly string[], settings: [] as readonly string[] },
};

/**
 * Most memory that DuckDB may use before it spills to the data folder: a quarter of what is available now to the process,
 * be it the machine's or its container's, from 512 MB to 4 GB. `TRIBUTARY_SQL_MEMORY` overrides it (`1GB`).
 */
export function memoryLimit(available: number): string {
  const quarter = Math.floor(available / 4 / 2 ** 20);
  return `${Math.min(4096, Math.max(512, quarter))}MiB`;
}

/** How many threads statements share, and how many sessions work side by side. */
const threads = 2;

/** How the lake's Parquet files are written: row groups small enough to be read by two threads in little memory. */
export const parquetOptions = (compression: "zstd" | "snappy" | "gzip" | "uncompressed" = "zstd"): string =>
  `FORMAT parquet, COMPRESSION ${compression}, ROW_GROUP_SIZE_BYTES '16MB'`;

/**
 * How a table's rows are written in an order: the same rows in the same order are the same bytes, which row groups of so
 * many bytes are not. The least level of zstd packs sorted rows as small as the next one, in two thirds of the time.
 */
export const orderedParquetOptions =
  "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 61440, PRESERVE_ORDER true";

/** A connection with its own scratch database, so that the views of one query are seen by no other. */
export interface Session {
  readonly connection: DuckDBConnection;
  /** The scratch database's name. */
  readonly database: string;
  /** Runs a statement for its effect. Returns the number of rows that it changed. */
  run(sql: string): Promise<number>;
  close(): Promise<void>;
}

/** The one in-process DuckDB of a kernel, opened on first use and closed with the kernel. */
export class LakeEngine {
  private static readonly engines = new WeakMap<Kernel, LakeEngine>();
  private opening: Promise<DuckDBInstance> | undefined;
  private instance: DuckDBInstance | undefined;
  private sessions = 0;
  /** How much work goes on side by side. */
  private beside = 0;

  private constructor(private readonly kernel: Kernel) {
    kernel.onClose(async () => {
      await this.opening;
      this.instance?.closeSync();
      this.instance = undefined;
    });
  }

  static of(kernel: Kernel): LakeEngine {
    let engine = LakeEngine.engines.get(kernel);
    if (!engine) {
      engine = new LakeEngine(kernel);
      LakeEngine.engines.set(kernel, engine);
    }
    return engine;
  }

  async session(dialect: Dialect): Promise<Session> {
    const instance = this.instance ?? (await this.opened());
    const connection = await instance.connect();
    const database = `q${++this.sessions}`;
    await connection.run(`ATTACH ':memory:' AS ${database}`);
    await connection.run(`SET search_path = '${database}.main,memory.${dialect}'`);
    for (const macro of dialects[dialect].syntax) await connection.run(`CREATE MACRO ${database}.main.${macro}`);
    for (const setting of dialects[dialect].settings) await connection.run(setting);
    return {
      connection,
      database,
      run: async (sql) => (await connection.run(sql)).rowsChanged,
      close: async () => {
        // A scratch database in use cannot be detached by its own connection: step out of it first.
        await connection.run("SET search_path = 'memory.main'");
        await connection.run(`DETACH ${database}`);
        connection.closeSync();
      },
    };
  }

  /** Opens a session for the duration of `work`. */
  async with<T>(dialect: Dialect, work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.session(dialect);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }

  /**
   * Opens sessions for work that is done side by side, for its duration. Each statement of the engine runs on one thread
   * meanwhile: two that have a thread each take a fifth less processor time than one after the other on both, and leave
   * no thread idle at their ends.
   */
  async sideBySide<T>(dialect: Dialect, work: (sessions: readonly Session[]) => Promise<T>): Promise<T> {
    const sessions: Session[] = [];
    await this.share(1);
    try {
      for (let lane = 0; lane < threads; lane++) sessions.push(await this.session(dialect));
      return await work(sessions);
    } finally {
      for (const session of sessions) await session.close();
      await this.share(-1);
    }
  }

  private async share(more: 1 | -1): Promise<void> {
    this.beside += more;
    const instance = this.instance ?? (await this.opened());
    const connection = await instance.connect();
    await connection.run(`SET GLOBAL threads = ${this.beside > 0 ? 1 : threads}`);
    connection.closeSync();
  }

  /** Opens once for all who ask; a failure is everybody's, and the next asks again. */
  private async opened(): Promise<DuckDBInstance> {
    this.opening ??= this.open();
    try {
      this.instance = await this.opening;
      return this.instance;
    } finally {
      this.opening = undefined;
    }
  }

  private async open(): Promise<DuckDBInstance> {
    const scratch = this.kernel.folder("tmp", "duckdb");
    rmSync(scratch, { recursive: true, force: true });
    const instance = await DuckDBInstance.create(":memory:", {
      memory_limit: process.env.TRIBUTARY_SQL_MEMORY ?? memoryLimit(process.availableMemory()),
      threads: String(threads),
      temp_directory: this.kernel.folder("tmp", "duckdb"),
      // Row order inside a file means nothing in the lake, and keeping it costs memory.
      preserve_insertion_order: "false",
      // A partitioned write holds this many rows for each thread before it lets go of them.
      partitioned_write_flush_threshold: "20000",
      // Days of a year at once; beyond it a partition gets further files.
      partitioned_write_max_open_files: "400",
      // It turns "first row of each group" into an aggregate that cannot spill: wide rows then break the memory limit.
      disabled_optimizers: "top_n_window_elimination",
      // The system keeps files that were read lately by itself: twice they would take the memory that statements need.
      enable_external_file_cache: "false",
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
    });
    const connection = await instance.connect();
    await connection.run("SET GLOBAL TimeZone = 'UTC'");
    // SQL text comes from users: it may read the lake, not the disk around it.
    await connection.run(`SET GLOBAL allowed_directories = [${quoteText(this.kernel.options.dataDir)}]`);
    await connection.run("SET GLOBAL enable_external_access = false");
    for (const [dialect, { prelude }] of Object.entries(dialects)) {
      await connection.run(`CREATE SCHEMA ${dialect}`);
      for (const macro of prelude) await connection.run(`CREATE MACRO ${dialect}.${macro}`);
    }
    connection.closeSync();
    return instance;
  }
}
