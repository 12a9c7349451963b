import type { Store } from "../kernel/store";
import { formerUrns } from "./aliases";
import type { AssetStore } from "./assets";
import type { CallbackClients } from "./callbacks";
import { DeletionPlan } from "./deletion";
import type { ResourceHooks } from "./hooks";
import { Lookup } from "./lookup";
import { ignoreChanges } from "./paths";
import type { CallbackRef, Registered, Registration } from "./registration";
import { remoteComponent } from "./remote";
import type { EngineEvent, ReceivedOptions, ReceivedResource, ResourceFault, Step } from "./run-types";
import { isEngineType, type ResourceState, type StackState } from "./state";
import { ResourceSteps } from "./steps";
import { transformInvoke, transformRegistration } from "./transforms";
import type { ResourceProvider } from "./types";
import { isRootStack, makeUrn } from "./urn";
import { fromPlain, plainObject } from "./values";
import { hasUnknown, secretPaths, type Wire, type WireObject, withoutOutputValues } from "./wire";

export interface DeploymentContext {
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly preview: boolean;
  readonly provider: ResourceProvider;
  readonly store: Store;
  readonly state: StackState;
  readonly assets: AssetStore;
  readonly callbacks: CallbackClients;
  readonly hooks: ResourceHooks;
  readonly emit: (event: EngineEvent) => void;
}

/** A resource registered in this run. */
export interface Live {
  readonly urn: string;
  readonly formerUrns: readonly string[];
  readonly transforms: readonly CallbackRef[];
  readonly parent: string;
  /** Set once the resource's step is done. */
  record?: ResourceState;
  received?: ReceivedResource;
}

/** One run of a program against the state of its stack: takes registrations, decides and does the steps. */
export class Deployment {
  readonly steps: Step[] = [];
  readonly faults: ResourceFault[] = [];
  /** What went wrong on the engine's side, in the engine's words. */
  readonly failures: string[] = [];
  readonly stackTransforms: CallbackRef[] = [];
  readonly invokeTransforms: CallbackRef[] = [];
  rootUrn = "";
  outputs: WireObject = {};

  private readonly live = new Map<string, Live>();
  /** State records that no registration has claimed yet, by URN. */
  private readonly unclaimed: Map<string, ResourceState>;
  private readonly resourceSteps: ResourceSteps;
  private readonly lookup: Lookup;
  private finished: Promise<void> | undefined;

  constructor(readonly context: DeploymentContext) {
    const records = context.state.list().filter((record) => !record.toDelete);
    this.unclaimed = new Map(records.map((record) => [record.urn, record]));
    this.resourceSteps = new ResourceSteps(context, (step) => this.step(step));
    this.lookup = new Lookup(context, this.live);
  }

  /** In order of registration, with what is known of each. */
  get received(): ReceivedResource[] {
    return [...this.live.values()].flatMap(({ received }) => (received ? [received] : []));
  }

  /** Registers a resource: transforms, checks, compares with the state, does the step, answers with the outputs. */
  async register(raw: Registration): Promise<Registered> {
    try {
      return await this.registerOrThrow(raw);
    } catch (error) {
      this.failures.push((error as Error).message);
      throw error;
    }
  }

  private async registerOrThrow(raw: Registration): Promise<Registered> {
    const transforms = isRootStack(raw.type) ? [] : this.transformsFor(raw);
    const registration = await transformRegistration(raw, transforms, this.context.callbacks);
    const { project, stack } = this.context;
    const urn = makeUrn(stack, project, registration.parent, registration.type, registration.name);
    const live = this.claimUrn(urn, registration, raw);
    const remote = registration.remote ? remoteComponent(registration.type) : undefined;
    const inputs = withoutOutputValues(registration.inputs) as WireObject;
    const stored = (await this.context.assets.materialise(inputs)) as WireObject;
    const done = await this.perform(live, registration, stored);
    if (!remote) return done;
    const { provider, providers } = registration.options;
    const given = providers.aws ?? provider;
    const subject = { urn, name: registration.name, inputs: stored, ...(given ? { provider: given } : {}) };
    const outputs = await remote(subject, this);
    await this.registerOutputs(urn, outputs);
    return { urn, id: "", outputs };
  }

  private async perform(live: Live, registration: Registration, given: WireObject): Promise<Registered> {
    const options = this.inherit(registration);
    const old = this.claimState(live);
    const inputs = old ? ignoreChanges(given, old.inputs, options.ignoreChanges) : given;
    this.check(live.urn, registration, inputs);
    const record = await this.resourceSteps.perform({ live, registration, options, inputs, old });
    live.record = record;
    live.received = {
      urn: live.urn,
      type: registration.type,
      name: registration.name,
      ...(registration.parent ? { parent: registration.parent } : {}),
      custom: registration.custom,
      inputs: plainObject(inputs),
      secretInputs: secretPaths(inputs),
      outputs: plainObject(record.outputs),
      ...(record.id ? { id: record.id } : {}),
      dependencies: registration.options.dependsOn,
      propertyDependencies: registration.propertyDependencies,
      options,
      ...(registration.source ? { source: registration.source } : {}),
    };
    return { urn: live.urn, id: record.id, outputs: record.outputs };
  }

  /** Outputs of a component, or of the stack itself. */
  async registerOutputs(urn: string, raw: WireObject): Promise<void> {
    const outputs = (await this.context.assets.materialise(withoutOutputValues(raw))) as WireObject;
    if (urn === this.rootUrn) this.outputs = outputs;
    const live = this.live.get(urn);
    if (!live?.record || !live.received) throw new Error(`outputs came for ${urn}, which is not registered`);
    live.received = { ...live.received, outputs: plainObject(outputs) };
    live.record = { ...live.record, outputs };
    if (!this.context.preview) await this.context.state.put(live.record);
  }

  async read(request: {
    type: string;
    id: Wire;
    name: string;
    parent: string;
    properties: WireObject;
    dependencies: readonly string[];
  }): Promise<Registered> {
    const urn = makeUrn(this.context.stack, this.context.project, request.parent, request.type, request.name);
    try {
      const answer = await this.lookup.read(request, urn);
      this.step({ op: "read", urn });
      return answer;
    } catch (error) {
      this.failures.push((error as Error).message);
      throw error;
    }
  }

  /** Whether a resource of that type and id is known in this store. */
  async exists(type: string, id: string): Promise<boolean> {
    return (await this.lookup.find(type, id)) !== undefined;
  }

  /** A function call; undefined where its arguments are not known yet. */
  async invoke(token: string, rawArgs: WireObject): Promise<WireObject | undefined> {
    const wireArgs = withoutOutputValues(rawArgs) as WireObject;
    if (token === "pulumi:pulumi:getResource") return this.lookup.getResource(String(wireArgs.urn));
    const args = await transformInvoke(token, wireArgs, this.invokeTransforms, this.context.callbacks);
    if (hasUnknown(args)) return undefined;
    return fromPlain(await this.context.provider.invoke(token, plainObject(args))) as WireObject;
  }

  /** Deletes what the program no longer registers. Runs once, after a program that succeeded. */
  async finish(): Promise<void> {
    this.finished ??= this.deleteRest();
    await this.finished;
  }

  private async deleteRest(): Promise<void> {
    if (this.failures.length > 0) return;
    const renamed = new Map(
      [...this.live.values()].flatMap(({ urn, formerUrns: all }) => all.map((old) => [old, urn])),
    );
    const replaced = this.context.state.list().filter((record) => record.toDelete);
    const plan = new DeletionPlan(this.context, renamed, (step) => this.step(step));
    try {
      await plan.run([...this.unclaimed.values(), ...replaced]);
      if (!this.context.preview) await this.context.state.setOutputs(this.outputs);
    } catch (error) {
      this.failures.push((error as Error).message);
      throw error;
    }
  }

  private step(step: Step): void {
    this.steps.push(step);
    this.context.emit({ kind: "step", step });
  }

  /** A resource's own transforms, then those of its parents from the inside out, then the stack's. */
  private transformsFor(registration: Registration): CallbackRef[] {
    const transforms = [...registration.transforms];
    for (let parent = this.live.get(registration.parent); parent; parent = this.live.get(parent.parent)) {
      transforms.push(...parent.transforms);
    }
    return [...transforms, ...this.stackTransforms];
  }

  private claimUrn(urn: string, registration: Registration, raw: Registration): Live {
    if (this.live.has(urn)) {
      throw new Error(`Duplicate resource URN '${urn}'; try giving it a unique name`);
    }
    const { project, stack } = this.context;
    const former = formerUrns(
      {
        stack,
        project,
        urn,
        type: registration.type,
        name: registration.name,
        parent: registration.parent,
        aliases: registration.options.aliases,
      },
      this.live.get(registration.parent)?.formerUrns ?? [],
    );
    const live: Live = { urn, formerUrns: former, transforms: raw.transforms, parent: registration.parent };
    this.live.set(urn, live);
    if (isRootStack(registration.type)) this.rootUrn = urn;
    return live;
  }

  private claimState(live: Live): ResourceState | undefined {
    for (const urn of [live.urn, ...live.formerUrns]) {
      const old = this.unclaimed.get(urn);
      if (!old) continue;
      this.unclaimed.delete(urn);
      return old;
    }
    return undefined;
  }

  private inherit({ options, parent }: Registration): ReceivedOptions {
    const from = this.live.get(parent)?.record?.options;
    return {
      protect: options.protect ?? from?.protect ?? false,
      retainOnDelete: options.retainOnDelete ?? from?.retainOnDelete ?? false,
      ...(options.deleteBeforeReplace === undefined ? {} : { deleteBeforeReplace: options.deleteBeforeReplace }),
      ignoreChanges: options.ignoreChanges,
      replaceOnChanges: options.replaceOnChanges,
      additionalSecretOutputs: options.additionalSecretOutputs,
      ...(options.deletedWith
        ? { deletedWith: options.deletedWith }
        : from?.deletedWith
          ? { deletedWith: from.deletedWith }
          : {}),
      replaceWith: options.replaceWith,
      ...(options.provider ? { provider: options.provider } : {}),
      ...(options.version ? { version: options.version } : {}),
    };
  }

  private check(urn: string, registration: Registration, inputs: WireObject): void {
    const { type, name, custom, options, source } = registration;
    if (!custom || isEngineType(type)) return;
    if (type.startsWith("pulumi-nodejs:dynamic:")) {
      throw new Error(
        `${urn}: dynamic providers are not run by the embedded runtime; use a resource of a provider package`,
      );
    }
    if (options.import) {
      throw new Error(
        `${urn}: there is nothing to import "${options.import}" from in the embedded runtime; drop the import option for the local stack`,
      );
    }
    const faults = this.context.provider.check({ urn, type, name, inputs: plainObject(inputs) });
    if (faults.length === 0) return;
    this.faults.push(...faults.map((fault) => ({ urn, ...fault })));
    const lines = faults.map((fault) => `  ${fault.path ? `${fault.path}: ` : ""}${fault.reason}`);
    throw new Error(`${urn} is not valid${source ? ` (${source})` : ""}:\n${lines.join("\n")}`);
  }
}
