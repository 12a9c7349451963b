import type { MatchedRecord } from "./groups";

/** A file of a job's output. */
export interface OutputFile {
  readonly key: string;
  readonly size: number;
}

/**
 * The files with a job's matched records. AWS documents folders named by the job's id with `success` and `error` inside,
 * not what lies around them: so any depth is taken.
 */
export function successFiles(files: readonly OutputFile[], jobId: string): OutputFile[] {
  return files
    .filter(({ key, size }) => {
      const folders = key.split("/").slice(0, -1);
      return size > 0 && folders.includes(jobId) && folders.includes("success");
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Columns that the output must have. Entity Resolution writes the first itself, the others are carried along. */
const needed = ["matchid", "identifier_type", "identifier_value"] as const;

/** Reads rows by a header, whatever the case and order of its names. @throws where a column is missing */
export function rowReader(
  header: readonly string[],
  file: string,
): (values: readonly unknown[]) => MatchedRecord | undefined {
  const names = header.map((name) => name.trim().toLowerCase());
  const place = (name: string) => names.indexOf(name);
  const missing = needed.filter((name) => place(name) < 0);
  if (missing.length > 0) {
    throw new Error(
      `${file} has no column ${missing.join(", ")}: it has ${names.join(", ")}. Is it the output of another workflow?`,
    );
  }
  const [matchId, type, value] = [place("matchid"), place("identifier_type"), place("identifier_value")];
  const [rule, confidence] = [place("matchrule"), place("confidencelevel")];
  return (values) => {
    const text = (index: number) => String(values[index] ?? "").trim();
    const node = { type: text(type), value: text(value) };
    // A record that Entity Resolution could not match to anything may be without an id of its own.
    if (text(matchId) === "" || node.type === "" || node.value === "") return undefined;
    const sure = confidence < 0 || text(confidence) === "" ? Number.NaN : Number(text(confidence));
    return {
      matchId: text(matchId),
      rule: rule < 0 ? "" : text(rule),
      node,
      ...(Number.isFinite(sure) ? { confidence: sure } : {}),
    };
  };
}
