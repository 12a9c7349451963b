import { type FileRoute, filesPrefix, fixedFolder, sourcePrefix } from "../../loader-env";

/** A file's place by its key in the landing bucket: `source=<id>/<name>`. */
export interface LandedPlace {
  readonly sourceId: string;
  /** Below the source's folder, with folders of its own where it has any. */
  readonly name: string;
}

export function landedPlace(key: string): LandedPlace | undefined {
  const slash = key.indexOf("/");
  if (!key.startsWith(sourcePrefix) || slash < 0 || slash === key.length - 1) return undefined;
  return { sourceId: key.slice(sourcePrefix.length, slash), name: key.slice(slash + 1) };
}

/** Names under which clients write while an upload is under way; a rename brings the file under its own. */
const unfinished = /(^|\/)\.[^/]*$|\.(tmp|part|partial|filepart|crdownload|uploading)$/i;

/** Whether a key is no file to be loaded: a folder's marker, or an upload that is not finished. */
export function isPassedOver(key: string): boolean {
  return key.endsWith("/") || unfinished.test(key);
}

function fits(folder: string, name: string): boolean {
  if (folder === "") return true;
  const parts = folder.split("/");
  const given = name.split("/");
  return given.length > parts.length && parts.every((part, index) => part === "*" || part === given[index]);
}

export function routeOf(routes: readonly FileRoute[], name: string): FileRoute | undefined {
  return routes.find(({ folder }) => fits(folder, name));
}

/**
 * A file's name where it is kept: without the leading folders that are another each time (a leading `*`), so that a table's files
 * lie in one place.
 */
export function keptName(folder: string, name: string): string {
  const dropped = folder.length - fixedFolder(folder).length;
  return name
    .split("/")
    .slice(dropped / 2)
    .join("/");
}

/** A file's format by its name, gzipped or not; undefined where the name does not tell. */
export function formatByName(name: string): FileRoute["format"] | undefined {
  const plain = name.toLowerCase().replace(/.gz$/, "");
  if (/.(csv|tsv)$/.test(plain)) return "csv";
  if (/.(jsonl|ndjson|json)$/.test(plain)) return "json";
  return plain.endsWith(".parquet") ? "parquet" : undefined;
}

/** Where a file is kept: by the day (UTC) on which it landed, so that a repeat of the work finds it again. */
export function rawKey({ sourceId, name }: LandedPlace, landedAt: Date): string {
  return `${filesPrefix}source=${sourceId}/dt=${day(landedAt)}/${name}`;
}

/** Where a file is kept that no table can read: beside the days, so that the table over them stays whole. */
export function unreadKey({ sourceId, name }: LandedPlace, landedAt: Date): string {
  return `${filesPrefix}source=${sourceId}/unread/dt=${day(landedAt)}/${name}`;
}

/** Another key for a file whose name was taken on its day by a file of another content. */
export function besides(key: string, fileId: string): string {
  const slash = key.lastIndexOf("/");
  return `${key.slice(0, slash + 1)}${fileId}-${key.slice(slash + 1)}`;
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10);
}
