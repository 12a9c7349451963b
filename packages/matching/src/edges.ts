import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import type { DuckDBVector } from "@duckdb/node-api";
import { compareText, type Identifier, nodeKey } from "@tributary/model";
import type { Links } from "./cluster/links";
import { MatchingError } from "./faults";
import { type IdentifierLink, recordIdentifierType } from "./identifiers";
import type { Source } from "./input/load";
import { storeLinks } from "./output";
import type { Session } from "./session";

/** A link of the graph, as the importer of matches reads it: one JSON object a line. */
export interface MatchEdge {
  readonly a: Identifier;
  readonly b: Identifier;
  readonly rule: string;
  /** Match weight, log2; only of the probabilistic stage. */
  readonly score?: number;
  /** When the run began, ISO 8601. */
  readonly at: string;
  /** What the job is called, run after run. */
  readonly job: string;
}

/** Where links are written for the identity graph. */
export interface EdgesOutput {
  readonly path: string;
  readonly job: string;
  /** ISO 8601. Default: now. */
  readonly at?: string;
}

/** Links between records that are their own identifiers. */
export async function recordLinks(session: Session, source: Source, tree: Links): Promise<IdentifierLink[]> {
  await storeLinks(session, tree);
  const links: IdentifierLink[] = [];
  const ids = source.idColumn === undefined ? ["a::VARCHAR", "b::VARCHAR"] : ["x.id", "y.id"];
  const joins =
    source.idColumn === undefined
      ? ""
      : `join (select rowid as r, ${source.id} as id from source) x on x.r = a join (select rowid as r, ${source.id} as id from source) y on y.r = b`;
  await session.stream(`select ${ids.join(", ")}, tier, weight from links ${joins}`, (chunk) => {
    const [a, b, tier, weight] = [0, 1, 2, 3].map((at) => chunk.getColumnVector(at) as DuckDBVector);
    for (let row = 0; row < chunk.rowCount; row++) {
      links.push({
        a: { type: recordIdentifierType, value: a?.getItem(row) as string },
        b: { type: recordIdentifierType, value: b?.getItem(row) as string },
        tier: tier?.getItem(row) as number,
        weight: weight?.getItem(row) as number,
      });
    }
  });
  return links;
}

/** Writes links as JSON lines in the order of their keys; the file appears when it is whole. */
export function writeEdges(
  { path, job, at = new Date().toISOString() }: EdgesOutput,
  links: readonly IdentifierLink[],
  ruleName: (tier: number) => string,
): void {
  const partial = `${path}.${process.pid}.partial`;
  const keyed = links.map((link) => {
    const [a, b] = compareText(nodeKey(link.a), nodeKey(link.b)) < 0 ? [link.a, link.b] : [link.b, link.a];
    return { a, b, rule: ruleName(link.tier), weight: link.weight, key: `${nodeKey(a)}\n${nodeKey(b)}` };
  });
  keyed.sort((x, y) => compareText(x.key, y.key) || compareText(x.rule, y.rule));
  try {
    const file = openSync(partial, "w");
    try {
      let text = "";
      for (const { a, b, rule, weight } of keyed) {
        const edge: MatchEdge = { a, b, rule, ...(weight === 0 ? {} : { score: weight }), at, job };
        text += `${JSON.stringify(edge)}\n`;
        if (text.length < 1 << 20) continue;
        writeSync(file, text);
        text = "";
      }
      writeSync(file, text);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw new MatchingError(`${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}
