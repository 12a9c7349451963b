import {
  addRecord,
  type Evidence,
  type EvidenceEdge,
  edgeKey,
  emptyEvidence,
  type Identifier,
  type IdentityRules,
  identifierItemKey,
  identifierOfKey,
  nodeKey,
  type Profile,
  resolve,
  retractionKey,
  type StewardAction,
} from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";
import type { Graph } from "./graph";

/** Identifiers that are looked at, at most. */
const mostIdentifiers = 2_000;
/** A shared identifier with more links than this is taken to have been shared then too. */
const mostNeighbours = 200;

/** More was connected at the time than one answer can look at. */
export class TooMuchEvidence extends Error {}

interface Source extends Pick<Graph, "events" | "neighbours"> {
  componentsOf(identifiers: readonly Identifier[]): Promise<Map<string, LiveComponent>>;
  actions(identifiers: readonly Identifier[]): Promise<StewardAction[]>;
}

/**
 * The evidence around an identifier as it was at a time: everything that was connected with it then, by whatever link,
 * from the log of events, the matches and the stewards' actions up to that time. Events are placed by when they happened,
 * not by when they came in; those that were retracted are not among them.
 */
export async function evidenceAsOf(
  identifier: Identifier,
  at: number,
  graph: Source,
  rules: IdentityRules,
): Promise<Evidence> {
  const evidence = emptyEvidence();
  const met = new Map([[nodeKey(identifier), identifier]]);
  const matches: EvidenceEdge[] = [];
  const actions = new Map<string, StewardAction>();
  let wanted = [identifier];
  while (wanted.length > 0) {
    const next = new Map<string, Identifier>();
    const reach = (key: string): void => {
      if (met.has(key)) return;
      next.set(key, identifierOfKey(key));
    };
    const found = await graph.componentsOf(wanted);
    for (const action of await graph.actions(wanted)) {
      if (action.action === "retract" || Date.parse(action.at) > at) continue;
      actions.set(action.id, action);
      for (const key of action.identifiers) reach(key);
    }
    for (const one of wanted) {
      const key = nodeKey(one);
      const node = found.get(key)?.component.evidence.nodes.get(key);
      const gone = new Set(node?.retracted);
      for (const record of await graph.events(identifierItemKey(one))) {
        if (record.at <= at && !gone.has(retractionKey(record))) addRecord(evidence, record, rules);
      }
      for (const edge of found.get(key)?.component.evidence.edges.values() ?? []) {
        if ((edge.a !== key && edge.b !== key) || edge.at > at) continue;
        if (edge.kind === "match") matches.push(edge);
        for (const end of [edge.a, edge.b]) reach(end);
      }
      if (!node?.shared) continue;
      const neighbours = await graph.neighbours(identifierItemKey(one));
      if (neighbours.length > mostNeighbours) evidence.nodes.set(key, { ...node, shared: true });
      else for (const other of neighbours) reach(nodeKey(other));
    }
    for (const [key, other] of next) met.set(key, other);
    if (met.size > mostIdentifiers) {
      throw new TooMuchEvidence(
        `More than ${mostIdentifiers} identifiers were connected with ${nodeKey(identifier)} then.`,
      );
    }
    wanted = [...next.values()];
  }
  for (const edge of [...matches, ...stewardEdges([...actions.values()])]) {
    evidence.edges.set(edgeKey(edge), edge);
  }
  return evidence;
}

/** The last word on each pair. */
function stewardEdges(actions: readonly StewardAction[]): EvidenceEdge[] {
  const edges = new Map<string, EvidenceEdge>();
  const inOrder = [...actions].sort((x, y) => Date.parse(x.at) - Date.parse(y.at) || (x.id < y.id ? -1 : 1));
  for (const { action, at, by, id, identifiers } of inOrder) {
    const [a, b] = identifiers;
    if (a === undefined || b === undefined) continue;
    const kind = action === "link" ? "must-link" : action === "unlink" ? "cannot-link" : "withdrawn";
    const time = Date.parse(at);
    const edge: EvidenceEdge = { a, b, kind, at: time, last: time, sourceId: by, messageId: id };
    edges.set(edgeKey(edge), edge);
  }
  return [...edges.values()];
}

/** The profile of an identifier by a set of evidence; null where it belonged to nobody. */
export function profileAsOf(evidence: Evidence, identifier: Identifier, rules: IdentityRules): Profile | null {
  const { assignment, profiles } = resolve(evidence, rules);
  const id = assignment.get(nodeKey(identifier));
  return profiles.find(({ profileId }) => profileId === id) ?? null;
}
