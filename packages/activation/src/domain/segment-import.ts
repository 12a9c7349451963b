/** A part of all profile ids: from one on, to before another, as texts. */
export interface IdRange {
  readonly from: string;
  readonly to: string;
}

/** Bytes of the lake's answer that one range takes into memory, about: half a million members. */
const rangeBytes = 32 * 1024 * 1024;
const maxRanges = 256;

/**
 * Ranges that hold every profile id once, and about equally many: ids are `p_` and hexadecimal digits of a hash.
 * @param bytes of the lake's answer
 */
export function idRanges(bytes: number): IdRange[] {
  const count = Math.min(maxRanges, Math.max(1, Math.ceil(bytes / rangeBytes)));
  const bound = (n: number): string => {
    if (n === 0) return "!";
    return n === count
      ? "~"
      : `p_${Math.floor((n * 256) / count)
          .toString(16)
          .padStart(2, "0")}`;
  };
  return Array.from({ length: count }, (_, n) => ({ from: bound(n), to: bound(n + 1) }));
}

export const inRange = (id: string, { from, to }: IdRange): boolean => id >= from && id < to;

/**
 * Members by segment, of one range, from the CSV that Athena answers with.
 * @param segments those that are asked for
 * @throws where the text is no such answer
 */
export async function membersIn(
  lines: AsyncIterable<string>,
  range: IdRange,
  segments: readonly string[],
): Promise<Map<string, Set<string>>> {
  const members = new Map(segments.map((segment) => [segment, new Set<string>()]));
  let number = 0;
  for await (const line of lines) {
    const text = line.trimEnd();
    if (++number === 1 ? text === '"segment","profile_id"' : text === "") continue;
    const [, segment = "", id = ""] = /^"([A-Za-z0-9-]+)","([^",]+)"$/.exec(text) ?? [];
    const known = members.get(segment);
    if (number === 1 || !known)
      throw new Error(
        `line ${number} of the lake's answer is no ${number === 1 ? "header" : "member of a segment"}: its columns are segment and profile_id; see the query of the execution`,
      );
    if (inRange(id, range)) known.add(id);
  }
  if (number === 0) throw new Error("the lake's answer is empty; even without members it has a header");
  return members;
}
