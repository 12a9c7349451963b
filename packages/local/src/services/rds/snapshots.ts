import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { AwsError, arn, type Kernel } from "../../kernel";
import { type BusEvent, busesOf } from "../eventbridge/buses";
import { DropFolder } from "../support";

const lookEveryMs = 1_000;
const folderName = "rds";

/** How RDS announces an automated snapshot that is there. Source: "RDS event categories and messages". */
const kinds = [
  { detailType: "RDS DB Snapshot Event", eventId: "RDS-EVENT-0091", sourceType: "SNAPSHOT", resource: "snapshot" },
  {
    detailType: "RDS DB Cluster Snapshot Event",
    eventId: "RDS-EVENT-0169",
    sourceType: "CLUSTER_SNAPSHOT",
    resource: "cluster-snapshot",
  },
] as const;

/** Files of a snapshot's tables, that an export takes: `<database>.<schema>.<table>.parquet` or `.csv`. */
export const tableFile = /^([^./]+\.[^/]+)\.(parquet|csv)$/;

/** Where the tables of a snapshot wait for their export; `identifier` as in its ARN, `rds:<database>-<snapshot>`. */
export function stagingFolder(kernel: Kernel, identifier: string): string {
  return join(kernel.options.dataDir, "store", "rds-snapshots", encodeURIComponent(identifier));
}

/** Begins to look at the folder when a rule asks for RDS's events; until then there is none. */
export function watchSnapshots(kernel: Kernel): void {
  let watched = false;
  const wanted = () =>
    !watched &&
    busesOf(kernel)
      .rulesOf("default")
      .some(({ pattern }) => pattern?.includes('"aws.rds"'));
  const begin = async () => {
    if (!wanted()) return;
    watched = true;
    const folder = join(kernel.options.dataDir, folderName);
    new DropFolder(kernel, { name: folderName, folder, take: (file) => takeTable(kernel, file) });
  };
  const timer = setInterval(() => void begin(), lookEveryMs);
  timer.unref();
  kernel.onClose(async () => clearInterval(timer));
  kernel.track({ name: folderName, pending: () => (wanted() ? 1 : 0), flush: begin });
}

/** The announcements of a snapshot that somebody in the stack listens to: of an instance's, of a cluster's, or both. */
function announcements(kernel: Kernel, database: string, identifier: string): BusEvent[] {
  const buses = busesOf(kernel);
  const rules = buses.rulesOf("default").filter(({ enabled, pattern }) => enabled && pattern !== undefined);
  return kinds
    .map(({ detailType, eventId, sourceType, resource }) => {
      const SourceArn = arn(kernel.place, "rds", `${resource}:${identifier}`);
      const detail = {
        EventCategories: ["creation"],
        SourceType: sourceType,
        SourceArn,
        Date: new Date(kernel.now()).toISOString(),
        Message: `Automated snapshot of ${database} created`,
        SourceIdentifier: identifier,
        EventID: eventId,
      };
      return buses.envelope("aws.rds", detailType, detail, { resources: [SourceArn] });
    })
    .filter((event) => rules.some(({ pattern }) => pattern !== undefined && buses.matcher(pattern)(event)));
}

/** Takes a table's file into its snapshot; with the last one that lies there, the snapshot is announced. */
async function takeTable(
  kernel: Kernel,
  { path, name }: { readonly path: string; readonly name: string },
): Promise<void> {
  const [database = "", snapshot = "", file = "", ...more] = name.split("/");
  if (!tableFile.test(file) || more.length > 0) {
    throw new AwsError(
      "InvalidSnapshot",
      "a table lies in its snapshot's folder: <database>/<snapshot>/<database>.<schema>.<table>.parquet, or .csv",
    );
  }
  const identifier = `rds:${database}-${snapshot}`;
  const events = announcements(kernel, database, identifier);
  if (events.length === 0) {
    throw new AwsError("InvalidSnapshot", `no rule of the stack asks for snapshots of "${database}"`);
  }
  const staged = stagingFolder(kernel, identifier);
  mkdirSync(staged, { recursive: true });
  renameSync(path, join(staged, file));
  const folder = dirname(path);
  const waiting = existsSync(folder) ? readdirSync(folder).filter((each) => tableFile.test(each)) : [];
  if (waiting.length === 0) await busesOf(kernel).accept("default", events);
}
