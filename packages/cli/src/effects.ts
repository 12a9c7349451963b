import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { RuntimeHandle } from "@tributary/local";
import {
  type CustomerEvent,
  componentItemKey,
  decodeComponent,
  defaultIdentityRules,
  evidenceOf,
  type Fact,
  graphKeyAttribute,
  graphPartAttribute,
  identifierItemKey,
  isLaterFact,
  type Json,
  mainPart,
  nodeKey,
  type PlatformContract,
  type StoredComponent,
  traitOfFact,
} from "@tributary/model";

/** A trait that an event would set, and on which identifier it hangs. */
export interface TraitChange {
  readonly identifier: string;
  readonly trait: string;
  /** undefined: there is none yet. */
  readonly from: Json | undefined;
  readonly to: Json;
}

/** What an event would do to people, by the identity rules that hold where a program states none. */
export interface Effects {
  /** `type:value`, the strongest first. */
  readonly identifiers: readonly string[];
  /** Profiles that these identifiers belong to now; none: a new one. Several: the event would tie them together. */
  readonly profiles: readonly string[];
  readonly changes: readonly TraitChange[];
}

type Item = Readonly<Record<string, AttributeValue>>;

/** Merges of merges that are followed. */
const maxRedirects = 64;

/** Looks up what is there, each item once. */
export class Effector {
  private readonly components = new Map<string, Promise<StoredComponent | undefined>>();

  constructor(
    private readonly runtime: RuntimeHandle,
    private readonly platform: PlatformContract,
  ) {}

  /** The fingerprint under an event's key; undefined where there is no such event. */
  async stored(id: string): Promise<string | undefined> {
    const item = await this.item(this.platform.ingestion.eventsTableName, { id: { S: id } });
    return item?.fingerprint?.S;
  }

  async effects(event: CustomerEvent): Promise<Effects> {
    const said = evidenceOf(event, defaultIdentityRules);
    const profiles = new Set<string>();
    const changes: TraitChange[] = [];
    const identifiers: string[] = [];
    for (const node of said?.evidence.nodes.values() ?? []) {
      const name = `${node.type}:${node.value}`;
      identifiers.push(name);
      const component = await this.componentOf(identifierItemKey(node));
      const profile = component?.profile?.id;
      if (profile !== undefined) profiles.add(profile);
      const known = component?.evidence.nodes.get(nodeKey(node));
      for (const [key, fact] of node.traits) {
        const trait = traitOfFact(key);
        const present = newestFact(known?.traits, trait);
        if (present && (!isLaterFact(fact, present) || JSON.stringify(fact.value) === JSON.stringify(present.value))) {
          continue;
        }
        changes.push({ identifier: name, trait, from: present?.value, to: fact.value });
      }
    }
    return { identifiers, profiles: [...profiles], changes };
  }

  private async componentOf(identifierKey: string): Promise<StoredComponent | undefined> {
    const found = await this.graph(identifierKey);
    const id = found?.component?.S;
    if (id === undefined) return undefined;
    let component = this.components.get(id);
    if (!component) {
      component = this.live(id);
      this.components.set(id, component);
    }
    return await component;
  }

  /** The component behind an id: itself, or what it was merged into. */
  private async live(componentId: string): Promise<StoredComponent | undefined> {
    let id = componentId;
    for (let hops = 0; hops < maxRedirects; hops++) {
      const item = await this.graph(componentItemKey(id));
      const redirect = item?.redirect?.S;
      if (redirect === undefined) return item?.data?.B ? decodeComponent(item.data.B) : undefined;
      id = redirect;
    }
    throw new Error(`component ${componentId} is at the end of more than ${maxRedirects} redirects`);
  }

  private async graph(key: string): Promise<Item | undefined> {
    return await this.item(this.platform.identities.graphTableName, {
      [graphKeyAttribute]: { S: key },
      [graphPartAttribute]: { S: mainPart },
    });
  }

  private async item(TableName: string, Key: Item): Promise<Item | undefined> {
    const { Item } = await this.runtime.call<{ Item?: Item }>("dynamodb", "GetItem", {
      TableName,
      Key,
      ConsistentRead: true,
    });
    return Item;
  }
}

/** The newest value of a trait, whichever source stated it. */
function newestFact(facts: ReadonlyMap<string, Fact> | undefined, trait: string): Fact | undefined {
  let newest: Fact | undefined;
  for (const [key, fact] of facts ?? []) {
    if (traitOfFact(key) === trait && (!newest || isLaterFact(fact, newest))) newest = fact;
  }
  return newest;
}
