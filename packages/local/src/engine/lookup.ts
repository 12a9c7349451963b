import type { DeploymentContext, Live } from "./deployment";
import type { Registered } from "./registration";
import { allRecords, listStacks, stackOutputs } from "./state";
import { fromPlain, mergeOutputs, plainObject } from "./values";
import { hasSecret, isObject, unknownWire, unwrapSecret, type Wire, type WireObject } from "./wire";

const stackReference = "pulumi:pulumi:StackReference";

interface ReadRequest {
  readonly type: string;
  readonly id: Wire;
  readonly name: string;
  readonly parent: string;
  readonly properties: WireObject;
  readonly dependencies: readonly string[];
}

/** What a program looks up instead of making: other stacks' outputs, existing resources, resources by URN. */
export class Lookup {
  constructor(
    private readonly context: DeploymentContext,
    private readonly live: Map<string, Live>,
  ) {}

  async read(request: ReadRequest, urn: string): Promise<Registered> {
    if (this.live.has(urn)) throw new Error(`Duplicate resource URN '${urn}'; try giving it a unique name`);
    const id = unwrapSecret(request.id);
    const outputs =
      request.type === stackReference
        ? this.stackReference(String(unwrapSecret(request.properties.name ?? id)))
        : await this.existing(request, String(id));
    const known = typeof id === "string" && id !== unknownWire ? id : "";
    this.live.set(urn, {
      urn,
      formerUrns: [],
      transforms: [],
      parent: request.parent,
      received: {
        urn,
        type: request.type,
        name: request.name,
        ...(request.parent ? { parent: request.parent } : {}),
        custom: true,
        inputs: plainObject(request.properties),
        secretInputs: [],
        outputs: plainObject(outputs),
        id: known,
        dependencies: request.dependencies,
        propertyDependencies: {},
        options: {
          protect: false,
          retainOnDelete: false,
          ignoreChanges: [],
          replaceOnChanges: [],
          additionalSecretOutputs: [],
          replaceWith: [],
        },
      },
    });
    return { urn, id: known, outputs };
  }

  /** Outputs of a resource that exists in the provider or in any stack of this store. */
  async find(type: string, id: string): Promise<WireObject | undefined> {
    const known = await this.context.provider.read?.(type, id);
    if (known) return fromPlain(known) as WireObject;
    return allRecords(this.context.store).find((record) => record.type === type && record.id === id)?.outputs;
  }

  /** A resource of this run by URN, for references that came back from a remote component. */
  getResource(urn: string): WireObject {
    const record = this.live.get(urn)?.record;
    if (!record) throw new Error(`there is no resource ${urn} in this run`);
    return { urn, id: record.id, state: record.outputs };
  }

  private async existing(request: ReadRequest, id: string): Promise<WireObject> {
    if (id === unknownWire) return request.properties;
    const found = await this.find(request.type, id);
    if (found) return mergeOutputs(request.properties, isObject(found) ? plainObject(found) : {});
    throw new Error(
      `there is no ${request.type} with id "${id}" in the embedded runtime (looked up as "${request.name}"); ` +
        `create it in a local stack first, or give its values by configuration`,
    );
  }

  private stackReference(name: string): WireObject {
    const { organization, project, stack, store } = this.context;
    const parts = name.split("/");
    const stackName = parts.at(-1) ?? "";
    const projectName = parts.at(-2) ?? project;
    const known = parts.length < 3 || parts[0] === organization || parts[0] === "organization";
    const outputs = known ? stackOutputs(store, projectName, stackName) : undefined;
    if (!outputs) {
      const others = listStacks(store).map((other) => `${organization}/${other.project}/${other.stack}`);
      throw new Error(
        `the stack "${name}" has not run in this data folder (asked by ${project}/${stack}); ` +
          `run it first. Stacks here: ${others.join(", ") || "none"}`,
      );
    }
    const secretOutputNames = Object.keys(outputs).filter((key) => hasSecret(outputs[key] ?? null));
    return { name, outputs, secretOutputNames };
  }
}
