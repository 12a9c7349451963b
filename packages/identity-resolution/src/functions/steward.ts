import { randomUUID } from "node:crypto";
import {
  type Evidence,
  type EvidenceEdge,
  edgeKey,
  explain,
  factKey,
  type Identifier,
  type IdentityRules,
  nodeKey,
  parseIdentifier,
  type StewardAction,
  type StewardRequest,
  type StewardResponse,
  stepsOf,
  stewardRequestSchema,
  stewardSource,
} from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";
import { logger } from "@tributary/runtime";
import { evidenceAsOf, profileAsOf, TooMuchEvidence } from "../domain/as-of";
import type { Graph } from "../domain/graph";
import { applyEvidence, type ResolveOptions } from "../domain/resolve-batch";
import { retractionsOf } from "../domain/retraction";

/** What a steward's function reads beside what the resolver does. */
export interface StewardGraph extends Graph {
  componentsOf(identifiers: readonly Identifier[]): Promise<Map<string, LiveComponent>>;
  evidenceBetween(a: Identifier, b: Identifier): Promise<Evidence>;
  noteAction(action: StewardAction): Promise<void>;
  /** What stewards did to identifiers, each action once, by time. */
  actions(identifiers: readonly Identifier[]): Promise<StewardAction[]>;
}

export interface StewardOptions extends ResolveOptions {
  readonly now?: () => number;
  readonly newId?: () => string;
}

type Refusal = Extract<StewardResponse, { ok: false }>["error"];

/** A request that cannot be answered. */
class Refused extends Error {
  constructor(
    readonly code: Refusal["code"],
    message: string,
  ) {
    super(message);
  }
}

type Pair = Extract<StewardRequest, { action: "link" | "unlink" | "withdraw" }>;
const kinds = { link: "must-link", unlink: "cannot-link", withdraw: "withdrawn" } as const;

/** Answers `StewardRequest`s with `StewardResponse`s; throws only what is no fault of the request. */
export function makeSteward(
  graph: StewardGraph,
  rules: IdentityRules,
  options: StewardOptions = {},
): (event: unknown) => Promise<StewardResponse> {
  const { now = Date.now, newId = randomUUID } = options;
  const log = logger("steward");

  const identifierOf = (text: string): Identifier => {
    const identifier = parseIdentifier(text, rules);
    if (identifier) return identifier;
    const types = rules.identifiers.map(({ type }) => type).join(", ");
    throw new Refused(
      "unknown-identifier",
      `${text} is no identifier under the rules: give <type>:<value> with a type of ${types}, and a value that is not blocked.`,
    );
  };

  const componentsOf = async (identifiers: readonly Identifier[]): Promise<Map<string, LiveComponent>> => {
    const found = await graph.componentsOf(identifiers);
    for (const identifier of identifiers) {
      const key = nodeKey(identifier);
      if (!found.has(key)) throw new Refused("not-found", `Nobody has been seen with ${key}.`);
    }
    return found;
  };

  const explained = async (a: Identifier, b: Identifier) =>
    explain(await graph.evidenceBetween(a, b), rules, nodeKey(a), nodeKey(b));

  const apply = async (items: Parameters<typeof applyEvidence>[0]): Promise<void> => {
    const { dispositions } = await applyEvidence(items, graph, rules, options);
    for (const disposition of dispositions) {
      if (disposition.kind === "retry") throw new Refused("conflict", "Others keep changing these people. Try again.");
      if (disposition.kind === "poison") {
        throw new Refused("too-large", `It touches more than one transaction can: ${disposition.detail}`);
      }
    }
  };

  const tie = async ({ action, a: one, b: other, by, reason }: Pair): Promise<StewardResponse> => {
    const [a, b] = [identifierOf(one), identifierOf(other)];
    if (nodeKey(a) === nodeKey(b)) throw new Refused("invalid-request", "a and b are the same identifier.");
    const found = await componentsOf([a, b]);
    const [first = "", second = ""] = [nodeKey(a), nodeKey(b)].sort();
    const id = newId();
    const draft = { a: first, b: second, kind: kinds[action], sourceId: by, messageId: id, rule: undefined };
    const known = found.get(nodeKey(a))?.component.evidence.edges.get(edgeKey({ ...draft, rule: "" }));
    if (known?.kind === draft.kind || (known === undefined && action === "withdraw")) {
      return { ok: true, action, changed: false, explanation: await explained(a, b) };
    }
    // The last word counts, however the clocks of two machines stand.
    const at = Math.max(now(), (known?.at ?? 0) + 1);
    const edge: EvidenceEdge = { a: first, b: second, kind: kinds[action], at, last: at, sourceId: by, messageId: id };
    await graph.noteAction({
      id,
      action,
      at: new Date(at).toISOString(),
      by,
      ...(reason === undefined ? {} : { reason }),
      identifiers: [first, second],
    });
    await apply([{ kind: "edge", edge, receivedAt: new Date(at).toISOString() }]);
    return { ok: true, action, changed: true, explanation: await explained(a, b) };
  };

  const retract = async (request: Extract<StewardRequest, { action: "retract" }>): Promise<StewardResponse> => {
    const { messageId, from, to, sourceId, by, reason } = request;
    if (messageId === undefined && (from === undefined || to === undefined)) {
      throw new Refused("invalid-request", "Give a messageId, or both from and to.");
    }
    const identifier = identifierOf(request.identifier);
    const live = (await componentsOf([identifier])).get(nodeKey(identifier)) as LiveComponent;
    const [begin, end] = [Date.parse(from ?? "") || 0, Date.parse(to ?? "") || 0];
    const at = new Date(now()).toISOString();
    const { items, events, touched } = await retractionsOf(live.component.evidence, graph, at, (record) =>
      record.sourceId === sourceId && messageId !== undefined
        ? record.messageId === messageId
        : record.sourceId === sourceId && record.at >= begin && record.at <= end,
    );
    if (events === 0) {
      throw new Refused(
        "not-found",
        `No event of ${sourceId} ${messageId === undefined ? "in that time" : `with the message id ${messageId}`} hangs on an identifier of ${nodeKey(identifier)}'s profile, or it was retracted before.`,
      );
    }
    await graph.noteAction({
      id: newId(),
      action: "retract",
      at,
      by,
      ...(reason === undefined ? {} : { reason }),
      identifiers: items.map(({ hub }) => nodeKey(hub)),
      events,
    });
    await apply(items);
    const after = await graph.componentsOf(touched);
    const ids = new Set([...after.values()].flatMap(({ component }) => component.profile?.id ?? []));
    return { ok: true, action: "retract", events, profileIds: [...ids].sort() };
  };

  const pin = async (request: Extract<StewardRequest, { action: "pin" }>): Promise<StewardResponse> => {
    const { trait, value, by, reason } = request;
    const hub = identifierOf(request.identifier);
    const key = nodeKey(hub);
    const live = (await componentsOf([hub])).get(key) as LiveComponent;
    const known = live.component.evidence.nodes.get(key)?.traits.get(factKey(stewardSource, trait));
    // The last word counts, however the clocks of two machines stand.
    const at = Math.max(now(), (known?.at ?? 0) + 1);
    const receivedAt = new Date(at).toISOString();
    const messageId = newId();
    await graph.noteAction({
      id: messageId,
      action: "pin",
      at: receivedAt,
      by,
      ...(reason === undefined ? {} : { reason }),
      identifiers: [key],
      trait,
    });
    const said = { hub, others: [], previous: [], traits: { [trait]: value }, consent: {} };
    await apply([{ kind: "event", record: { sourceId: stewardSource, messageId, at, ...said }, receivedAt }]);
    const after = (await componentsOf([hub])).get(key)?.component.profile;
    return { ok: true, action: "pin", profileId: after?.id ?? null };
  };

  const answer = async (request: StewardRequest): Promise<StewardResponse> => {
    switch (request.action) {
      case "link":
      case "unlink":
      case "withdraw":
        return await tie(request);
      case "pin":
        return await pin(request);
      case "retract":
        return await retract(request);
      case "explain": {
        const [a, b] = [identifierOf(request.a), identifierOf(request.b)];
        await componentsOf([a, b]);
        return { ok: true, action: "explain", explanation: await explained(a, b) };
      }
      case "as-of": {
        const identifier = identifierOf(request.identifier);
        await componentsOf([identifier]);
        const evidence = await evidenceAsOf(identifier, Date.parse(request.at), graph, rules);
        const profile = profileAsOf(evidence, identifier, rules);
        return { ok: true, action: "as-of", at: new Date(request.at).toISOString(), profile };
      }
      case "history": {
        const identifier = identifierOf(request.identifier);
        const live = (await componentsOf([identifier])).get(nodeKey(identifier)) as LiveComponent;
        const { evidence } = live.component;
        const links = stepsOf(evidence, rules);
        return { ok: true, action: "history", actions: await graph.actions([...evidence.nodes.values()]), links };
      }
    }
  };

  return async (event) => {
    const parsed = stewardRequestSchema.safeParse(event);
    if (!parsed.success) {
      const faults = parsed.error.issues.map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.message}`);
      return { ok: false, error: { code: "invalid-request", message: faults.join("; ") } };
    }
    try {
      return await answer(parsed.data);
    } catch (error) {
      if (error instanceof Refused) return { ok: false, error: { code: error.code, message: error.message } };
      if (error instanceof TooMuchEvidence) return { ok: false, error: { code: "too-large", message: error.message } };
      log.error("request failed", error as Error);
      throw error;
    }
  };
}
