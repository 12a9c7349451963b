import { createHash } from "node:crypto";
import { ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { mapLimit, s3 } from "@tributary/runtime";
import type { DayOfFiles, Landed } from "../domain/landed";

/** Days that are listed at a time. */
const lanes = 16;

/** Lists the files of raw tables, `<table>/dt=<day>/…`. */
export class RawListing {
  constructor(
    private readonly bucket: string,
    private readonly tables: readonly string[],
    private readonly client: () => S3Client = s3,
  ) {}

  async landed(): Promise<Landed> {
    const tables = await Promise.all(this.tables.map(async (table) => [table, await this.days(table)] as const));
    return Object.fromEntries(tables);
  }

  private async days(table: string): Promise<Record<string, DayOfFiles>> {
    const beside = new Files();
    const folders: string[] = [];
    for await (const { Contents = [], CommonPrefixes = [] } of this.pages(`${table}/`, "/")) {
      for (const file of Contents) beside.add(file);
      for (const { Prefix } of CommonPrefixes) if (Prefix !== undefined) folders.push(Prefix);
    }
    const days = await mapLimit(folders, lanes, async (folder) => {
      const [, day] = /\/dt=([^/]+)\/$/.exec(folder) ?? [];
      const files = day === undefined ? beside : new Files();
      for await (const { Contents = [] } of this.pages(folder)) for (const file of Contents) files.add(file);
      return day === undefined ? undefined : ([decodeURIComponent(day), files.day()] as const);
    });
    const found = Object.fromEntries(days.filter((day) => day !== undefined));
    return beside.count === 0 ? found : { ...found, "": beside.day() };
  }

  private async *pages(Prefix: string, Delimiter?: string) {
    let from: string | undefined;
    do {
      const page = await this.client().send(
        new ListObjectsV2Command({ Bucket: this.bucket, Prefix, Delimiter, ContinuationToken: from }),
      );
      yield page;
      from = page.NextContinuationToken;
    } while (from !== undefined);
  }
}

/** Files of a day; their order does not matter. */
class Files {
  private readonly lines: string[] = [];
  private bytes = 0;

  get count(): number {
    return this.lines.length;
  }

  add({ Key, Size, ETag }: { Key?: string; Size?: number; ETag?: string }): void {
    // A folder that somebody made by hand is no file.
    if (Key === undefined || Key.endsWith("/")) return;
    this.lines.push(`${Key}\n${Size}\n${ETag}`);
    this.bytes += Size ?? 0;
  }

  day(): DayOfFiles {
    const hash = createHash("sha256").update(this.lines.sort().join("\0")).digest("hex").slice(0, 16);
    return { files: this.lines.length, bytes: this.bytes, hash };
  }
}
