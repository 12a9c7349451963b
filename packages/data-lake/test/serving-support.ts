import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { PlatformContract } from "@tributary/model";
import { LocalRuntime } from "../../local/src/runtime";
import { LakeEngine } from "../../local/src/services/duckdb";
import { putLocalFile } from "../../local/src/services/s3";
import { bindDatabases } from "../src/resources/scripts";

/** A lake with everything to read it by, brought up on this machine, whose tables are filled by hand. */
export class ServedLake {
  static readonly databases = { raw: "shop_raw", clean: "shop_clean", curated: "shop_curated" };

  private constructor(
    readonly runtime: LocalRuntime,
    readonly outputs: Record<string, unknown>,
    private readonly dataDir: string,
  ) {}

  static async up(): Promise<ServedLake> {
    const dataDir = mkdtempSync(path.join(tmpdir(), "tributary-serving-"));
    const runtime = await LocalRuntime.open({ dataDir });
    const { outputs } = await runtime.up({ programDir: path.join(__dirname, "fixtures", "serving"), stack: "test" });
    return new ServedLake(runtime, outputs, dataDir);
  }

  get contract(): PlatformContract["lake"] {
    return this.outputs.lake as PlatformContract["lake"];
  }

  /** Puts rows of a SELECT into a table as one file, which replaces a file of the same name. */
  async fill(table: string, select: string, file = "part-0"): Promise<void> {
    const [zone = "curated", name = ""] = table.split(".") as ["curated", string];
    const { kernel } = this.runtime;
    const local = path.join(kernel.folder("tmp"), "rows.parquet");
    await LakeEngine.of(kernel).with("duckdb", async (session) => {
      await session.run(`COPY (${select}) TO '${local}' (FORMAT parquet)`);
    });
    await putLocalFile(kernel, this.contract.buckets[zone], `${name}/${file}.parquet`, local);
  }

  async rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    return (await this.runtime.query(this.bound(sql))).rows;
  }

  /** SQL with the deployment's names of the databases. */
  bound(sql: string): string {
    return bindDatabases(sql, ServedLake.databases);
  }

  async down(): Promise<void> {
    await this.runtime.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** Two people, one of whom has two customer ids; an order of each. */
export async function fillShop(lake: ServedLake): Promise<void> {
  const seen = "TIMESTAMP '2026-01-02 03:04:05'";
  await lake.fill(
    "curated.people",
    `SELECT *, ${seen} AS first_seen, ${seen} AS last_seen, '{}' AS consent, '{}' AS lineage, 'v' AS version, ${seen} AS changed_at
     FROM (VALUES ('p_1', 3::BIGINT, '{"email":"ann@x.yz","firstName":"Ann","address":{"country":"FR"}}'), ('p_2', 1::BIGINT, '{}')) t(profile_id, identifiers, traits)`,
  );
  await lake.fill(
    "curated.identities",
    `SELECT *, ${seen} AS first_seen, ${seen} AS last_seen
     FROM (VALUES ('user_id', 'u1', 'p_1'), ('user_id', 'u2', 'p_1'), ('email', 'ann@x.yz', 'p_1'), ('user_id', 'u3', 'p_2')) t(identifier_type, identifier_value, profile_id)`,
  );
  const money = (value: number) => `${value}::DECIMAL(28,4)`;
  await lake.fill(
    "curated.customers",
    `SELECT 'shop' AS source_id, *, 'FR' AS country, 1::BIGINT AS orders, ${seen} AS first_ordered_at, ${seen} AS last_ordered_at, 1::BIGINT AS quantity
     FROM (VALUES ('u1', ${money(100.5)}), ('u2', ${money(20)}), ('u9', ${money(7)})) t(customer_id, revenue)`,
  );
  await lake.fill(
    "curated.orders",
    `SELECT 'shop' AS source_id, *, 'FR' AS country, 'EUR' AS currency, ${seen} AS ordered_at, 1::BIGINT AS line_count, 1::BIGINT AS quantity
     FROM (VALUES ('i1', 'u1', ${money(100.5)}), ('i2', 'u2', ${money(20)})) t(invoice, customer_id, revenue)`,
  );
  await lake.fill(
    "curated.segment_changes",
    `SELECT 'lapsed' AS segment, * FROM (VALUES ('p_1', 'entered', TIMESTAMP '2026-11-01'), ('p_2', 'entered', TIMESTAMP '2026-11-01'), ('p_1', 'exited', TIMESTAMP '2026-11-02')) t(profile_id, change, changed_at)`,
  );
  const report = {
    version: 1,
    run: "jr_1",
    job: "lake-curate",
    at: "2026-11-23T03:00:00.123+00:00",
    passed: false,
    tables: [
      {
        table: "curated.orders",
        total: 3,
        rejected: 1,
        rules: [{ rule: "r", failing: 1, threshold: 0, passed: false }],
      },
      { table: "curated.people", total: 2, rejected: 0, rules: [] },
    ],
  };
  await lake.runtime.call("s3", "PutObject", {
    Bucket: String(lake.outputs.workspace),
    Key: "quality/curate/dt=2026-11-23/jr_1.json",
    Body: new TextEncoder().encode(`${JSON.stringify(report)}\n`),
  });
}
