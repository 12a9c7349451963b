import { MatchingError } from "../faults";
import { literal, quoted, type Session } from "../session";
import { checkGzip, delimiterOf } from "./csv";
import { type FileFormat, findFiles, type InputFile } from "./files";
import { canStay, numberedReader } from "./in-place";

interface ReadFile extends InputFile {
  readonly delimiter: string;
}

/** The input as a table `source` of the session. A record is its `rowid`: 0, 1, 2… in the order of the files. */
export interface Source {
  readonly records: number;
  /** The input's columns, in order. */
  readonly columns: readonly string[];
  /** The SQL name of a column in `source`; undefined where the input has none of that name. */
  readonly column: (name: string) => string | undefined;
  /** SQL over `source`: a record's id, never null. */
  readonly id: string;
  /** Column that is the id; undefined where the row's number is. */
  readonly idColumn: string | undefined;
  /** What to say where reading `source` fails: the files may be read where they lie. */
  readonly unreadable: (error: unknown) => Error;
}

export interface LoadOptions {
  /** Read Parquet where it lies, instead of copying it first: better for one or two readings than for many. */
  readonly inPlace?: boolean;
  /** A file about to be written: it is not read where it lies. */
  readonly out?: string | undefined;
}

const readers: Record<FileFormat, (paths: string, delimiter: string) => string> = {
  csv: (paths, delimiter) =>
    `read_csv(${paths}, all_varchar = true, header = true, union_by_name = true, delim = ${literal(delimiter)}, quote = '"', escape = '"')`,
  json: (paths) => `read_json(${paths}, format = 'newline_delimited', union_by_name = true)`,
  parquet: (paths) => `read_parquet(${paths}, union_by_name = true)`,
};

/**
 * Reads files as one table by column name: every column as text without blanks around it, nothing where nothing is left.
 * Names in a CSV's head line lose the blanks around them too.
 *
 * @throws MatchingError where a file cannot be read, there is no record, or the id column is missing, empty or not unique.
 */
export async function loadSource(
  session: Session,
  files: readonly string[],
  idColumn?: string,
  { inPlace = false, out }: LoadOptions = {},
): Promise<Source> {
  const found = await findFiles(session, files);
  const parts: {
    readonly names: ReadonlyMap<string, string>;
    readonly reader: string;
    readonly files: readonly InputFile[];
  }[] = [];
  for (const files of await readTogether(found)) {
    const list = `[${files.map((file) => literal(file.path)).join(", ")}]`;
    const reader = readers[(files[0] as InputFile).format](list, files[0]?.delimiter ?? ",");
    parts.push({ reader, names: await namesOf(session, reader, files), files });
  }
  const columns = [...new Set(parts.flatMap((part) => [...part.names.keys()]))];
  const selects = parts.map(({ reader, names }) => {
    const list = columns.map((column, index) => {
      const raw = names.get(column);
      return raw === undefined ? `null::VARCHAR as c${index}` : `${trimmed(`${quoted(raw)}::VARCHAR`)} as c${index}`;
    });
    return { list: list.join(", "), reader };
  });
  const [select] = selects;
  if (inPlace && select && selects.length === 1 && canStay(found, columns, out)) {
    try {
      const { reader, row, records } = await numberedReader(session, found);
      await session.run(`create or replace view source as select ${row} as rowid, ${select.list} from ${reader}`);
      return { ...described(found, columns, records, idColumn), unreadable: (error) => unreadable(found, error) };
    } catch (error) {
      throw error instanceof MatchingError ? error : unreadable(found, error);
    }
  }
  const packed = found.filter((file) => /\.gz$/i.test(file.path)).map((file) => checkGzip(file.path));
  const [loaded, ...checked] = await Promise.allSettled([
    session.run(
      `create or replace temp table source as ${selects.map(({ list, reader }) => `select ${list} from ${reader}`).join(" union all ")}`,
    ),
    ...packed,
  ]);
  for (const check of checked) if (check.status === "rejected") throw check.reason;
  if (loaded.status === "rejected") throw unreadable(found, loaded.reason);
  const [counted] = await session.rows<{ n: bigint }>("select count(*) as n from source");
  return described(found, columns, Number(counted?.n ?? 0), idColumn);
}

/**
 * A text without blanks around it, null where nothing is left. Nearly all texts are plain ASCII and begin and end with a
 * mark, which is quicker to see than to trim: `trim` reads each letter for the blanks of all scripts.
 */
const trimmed = (text: string): string =>
  `CASE WHEN ${text} >= '!' AND strlen(${text}) = length(${text}) AND NOT ends_with(${text}, ' ') THEN ${text} ELSE nullif(trim(${text}), '') END`;

function described(
  found: readonly InputFile[],
  columns: readonly string[],
  records: number,
  idColumn: string | undefined,
): Source {
  if (records === 0) throw new MatchingError(`${names(found)}: there is no record, only a head line. Export again.`);
  if (records > 2 ** 31 - 2)
    throw new MatchingError(`${records} records: at most 2,147,483,646 fit in one run. Split the input.`);

  const column = (name: string): string | undefined => {
    const index = columns.indexOf(name);
    return index < 0 ? undefined : `c${index}`;
  };
  const id = idColumn === undefined ? undefined : column(idColumn);
  if (idColumn !== undefined && id === undefined) throw missingColumn(idColumn, columns, "the id");
  return {
    records,
    columns,
    column,
    idColumn,
    id: id ?? "source.rowid::VARCHAR",
    unreadable: (error) => error as Error,
  };
}

/** What to say where a column that something names is not in the input. */
export function missingColumn(name: string, columns: readonly string[], use: string): MatchingError {
  return new MatchingError(
    `The input has no column ${JSON.stringify(name)}, which is to be ${use}. It has: ${columns.join(", ")}.`,
  );
}

/** Fails where ids are missing or not unique, and names the first of them. */
export async function checkIds(session: Session, source: Source): Promise<void> {
  if (source.idColumn === undefined) return;
  const [missing] = await session.rows<{ n: bigint; first: bigint | null }>(
    `select count(*) as n, min(rowid) as first from source where ${source.id} is null`,
  );
  if (missing && missing.n > 0n) {
    throw new MatchingError(
      `${missing.n} of ${source.records} records have no ${source.idColumn}, the first is record ${Number(missing.first) + 1}. Fill the column, or name another one as the id.`,
    );
  }
  const twice = await session.rows<{ id: string; n: bigint }>(
    `select ${source.id} as id, count(*) as n from source group by 1 having count(*) > 1 order by n desc, id limit 5`,
  );
  if (twice.length > 0) {
    const list = twice.map(({ id, n }) => `${JSON.stringify(id)} (${n} times)`).join(", ");
    throw new MatchingError(
      `${source.idColumn} is not unique: ${list}. Name a column that is, or none: then the row's number is the id.`,
    );
  }
}

/** Files that one reader takes: of one format, CSVs by what separates their columns. */
async function readTogether(found: readonly InputFile[]): Promise<readonly (readonly ReadFile[])[]> {
  const groups = new Map<string, ReadFile[]>();
  for (const file of found) {
    const delimiter = file.format === "csv" ? await delimiterOf(file.path) : "";
    const key = `${file.format}${delimiter}`;
    const group = groups.get(key);
    if (group) group.push({ ...file, delimiter });
    else groups.set(key, [{ ...file, delimiter }]);
  }
  return [...groups.values()];
}

async function namesOf(session: Session, reader: string, files: readonly InputFile[]): Promise<Map<string, string>> {
  let described: { column_name: string }[];
  try {
    described = await session.rows<{ column_name: string }>(`describe select * from ${reader}`);
  } catch (error) {
    throw unreadable(files, error);
  }
  const byName = new Map<string, string>();
  for (const { column_name: raw } of described) {
    const name = raw.trim();
    if (byName.has(name)) {
      throw new MatchingError(`${names(files)}: two columns are named ${JSON.stringify(name)}. Rename one of them.`);
    }
    byName.set(name, raw);
  }
  return byName;
}

const names = (files: readonly InputFile[]): string => files.map((file) => file.path).join(", ");

function unreadable(files: readonly InputFile[], error: unknown): MatchingError {
  const lines = (error as Error).message.split("\n").map((line) => line.trim());
  const said = lines
    .filter((line) => line !== "" && !line.startsWith("The search space"))
    .slice(0, 3)
    .join(" ");
  const remedy = /utf-8/i.test(said)
    ? "Save it as UTF-8."
    : "Is the file whole, and what its ending says? Mend the line, or export or copy it again.";
  return new MatchingError(`${names(files)}: cannot be read: ${said} ${remedy}`, { cause: error });
}
