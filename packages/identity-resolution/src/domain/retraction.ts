import {
  type EventRecord,
  type Evidence,
  type Identifier,
  identifierItemKey,
  nodeKey,
  retractionKey,
} from "@tributary/model";
import type { Graph } from "./graph";
import type { EvidenceItem } from "./items";

/** The events of a component that are to be taken back, by the identifier that they hang on. */
export async function retractionsOf(
  evidence: Evidence,
  graph: Pick<Graph, "events">,
  receivedAt: string,
  wanted: (record: EventRecord) => boolean,
): Promise<{
  readonly items: readonly Extract<EvidenceItem, { kind: "retract" }>[];
  readonly events: number;
  /** Whom the events name. */
  readonly touched: readonly Identifier[];
}> {
  const items: Extract<EvidenceItem, { kind: "retract" }>[] = [];
  const touched = new Map<string, Identifier>();
  let events = 0;
  for (const { type, value, retracted = [] } of evidence.nodes.values()) {
    const gone = new Set(retracted);
    const hub = { type, value };
    const records = (await graph.events(identifierItemKey(hub))).filter(
      (record) => wanted(record) && !gone.has(retractionKey(record)),
    );
    if (records.length === 0) continue;
    events += records.length;
    for (const { others } of records) for (const other of [hub, ...others]) touched.set(nodeKey(other), other);
    items.push({ kind: "retract", hub, keys: records.map(retractionKey), receivedAt });
  }
  return { items, events, touched: [...touched.values()] };
}
