import { type EventRecord, type EvidenceEdge, type Identifier, identifierOfKey } from "@tributary/model";

/** A piece of evidence that is to be applied to the graph. */
export type EvidenceItem =
  | { readonly kind: "event"; readonly record: EventRecord; readonly receivedAt: string }
  /** A match, or a steward's word. */
  | { readonly kind: "edge"; readonly edge: EvidenceEdge; readonly receivedAt: string }
  /** A match that its job found no more. */
  | { readonly kind: "remove"; readonly edge: EvidenceEdge; readonly receivedAt: string }
  | {
      readonly kind: "retract";
      /** The strongest identifier of the events. */
      readonly hub: Identifier;
      /** `retractionKey`s of the events. */
      readonly keys: readonly string[];
      readonly receivedAt: string;
    }
  /** Two identifiers whose link was stored while one of them was taken for shared. */
  | { readonly kind: "relink"; readonly a: Identifier; readonly b: Identifier; readonly receivedAt: string };

/** The identifiers whose components an item stands on. */
export function identifiersOfItem(item: EvidenceItem): readonly Identifier[] {
  switch (item.kind) {
    case "event":
      return [item.record.hub, ...item.record.others, ...item.record.previous];
    case "retract":
      return [item.hub];
    case "relink":
      return [item.a, item.b];
    default:
      return [identifierOfKey(item.edge.a), identifierOfKey(item.edge.b)];
  }
}
