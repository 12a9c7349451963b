import type { EvidenceStep, Explanation } from "@tributary/model";
import { table } from "./output";

/** An explanation for people: the sentence, then the way from one identifier to the other, link by link, with what cuts it. */
export function explanationText({ summary, path }: Explanation): string {
  return [summary, ...(path.length > 0 ? [linksTable(path)] : [])].join("\n");
}

/** Links, each with why it is one, when and from where. */
export function linksTable(links: readonly EvidenceStep[]): string {
  return table(
    ["from", "to", "because", "since", "source", "message", "cut"],
    links.map(({ from, to, kind, rule, score, at, sourceId, messageId, cut }) => [
      from,
      to,
      [kind, rule, score === undefined ? undefined : `weight ${score.toFixed(1)}`].filter(Boolean).join(", "),
      at,
      sourceId,
      messageId,
      cut,
    ]),
  );
}
