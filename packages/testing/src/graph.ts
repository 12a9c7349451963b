import { parseUrn, type ReceivedResource } from "@tributary/local/engine";

const stackType = "pulumi:pulumi:Stack";

/** The resources that a program registered, with questions that tests ask. Types are full tokens. */
export class Graph {
  /** @param all in order of registration, the stack itself left out */
  constructor(readonly all: readonly ReceivedResource[]) {}

  static of(received: readonly ReceivedResource[]): Graph {
    return new Graph(received.filter(({ type }) => type !== stackType));
  }

  /** The one resource of a type with a logical name. Throws, with the candidates, where there is none or several. */
  find(type: string, name: string): ReceivedResource {
    const found = this.byType(type).filter((resource) => resource.name === name);
    const [only] = found;
    if (only && found.length === 1) return only;
    const candidates = this.byType(type).map((resource) => resource.name);
    throw new Error(
      `${found.length === 0 ? "no" : found.length} ${type} named "${name}"; ` +
        (candidates.length > 0 ? `of this type: ${candidates.join(", ")}` : `types here: ${this.types().join(", ")}`),
    );
  }

  byType(type: string): ReceivedResource[] {
    return this.all.filter((resource) => resource.type === type);
  }

  byUrn(urn: string): ReceivedResource {
    const found = this.all.find((resource) => resource.urn === urn);
    if (!found) throw new Error(`no resource ${urn}`);
    return found;
  }

  /** The distinct types, sorted. */
  types(): string[] {
    return [...new Set(this.all.map(({ type }) => type))].sort();
  }

  /** How many resources there are of each type. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.types().map((type) => [type, this.byType(type).length]));
  }

  children(parent: ReceivedResource | string): ReceivedResource[] {
    const urn = typeof parent === "string" ? parent : parent.urn;
    return this.all.filter((resource) => resource.parent === urn);
  }

  /** Everything below a component, at any depth; the component by its logical name or as a resource. */
  resourcesUnder(component: ReceivedResource | string): ReceivedResource[] {
    const root = typeof component === "string" ? this.component(component) : component;
    return this.children(root).flatMap((child) => [child, ...this.resourcesUnder(child)]);
  }

  /** Cloud resources that hang directly on the stack: a component forgot `{ parent: this }`, or the program made them itself. */
  orphans(): ReceivedResource[] {
    return this.all.filter(
      ({ custom, parent, type }) =>
        custom && !type.startsWith("pulumi:") && (!parent || parseUrn(parent).type === stackType),
    );
  }

  /** URNs that a resource refers to, by `dependsOn` or through its inputs, as resources of this graph. */
  dependenciesOf(resource: ReceivedResource): ReceivedResource[] {
    const urns = new Set([...resource.dependencies, ...Object.values(resource.propertyDependencies).flat()]);
    return this.all.filter(({ urn }) => urns.has(urn));
  }

  private component(name: string): ReceivedResource {
    const found = this.all.filter((resource) => !resource.custom && resource.name === name);
    const [outermost] = found;
    if (outermost) return outermost;
    const known = this.all.filter(({ custom }) => !custom).map((resource) => resource.name);
    throw new Error(`no component named "${name}"; components here: ${known.join(", ") || "none"}`);
  }
}
