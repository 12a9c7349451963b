import type { DeploymentContext, Live } from "./deployment";
import { changedPaths, firstMatch } from "./diff";
import { autoId } from "./engine-types";
import type { HookOccasion } from "./hooks";
import type { Registration } from "./registration";
import type { ReceivedOptions, Step } from "./run-types";
import { isEngineType, type ResourceState, toExisting } from "./state";
import type { Origin, ProviderRequest } from "./types";
import { mergeOutputs, plainObject } from "./values";
import type { WireObject } from "./wire";

export interface StepRequest {
  readonly live: Live;
  readonly registration: Registration;
  readonly options: ReceivedOptions;
  readonly inputs: WireObject;
  readonly old: ResourceState | undefined;
}

/** Decides between same, create, update and replace, and does it through the provider (not in a preview). */
export class ResourceSteps {
  private readonly replaced = new Set<string>();

  constructor(
    private readonly context: DeploymentContext,
    private readonly report: (step: Step) => void,
  ) {}

  async perform(request: StepRequest): Promise<ResourceState> {
    const { live, registration, old } = request;
    if (!old) return await this.create(request);
    const changed = changedPaths(old.inputs, request.inputs);
    const reason = registration.custom ? this.replacementReason(request, old, changed) : undefined;
    if (reason) return await this.replace(request, old, changed);
    if (old.urn !== live.urn) await this.rename(request, old);
    if (changed.length > 0) return await this.update(request, old, changed);
    const record = this.record(request, old.sequence, old.id, old.outputs, old);
    this.report({ op: "same", urn: live.urn });
    // A component's outputs come later, by themselves.
    if (!this.context.preview && JSON.stringify(record) !== JSON.stringify(old)) await this.context.state.put(record);
    return record;
  }

  private replacementReason(request: StepRequest, old: ResourceState, changed: readonly string[]): string | undefined {
    const { registration, options } = request;
    if (isEngineType(registration.type)) return undefined;
    const byProvider = firstMatch(changed, this.context.provider.replaceOn(registration.type));
    if (byProvider) return byProvider;
    const byOption = firstMatch(changed, options.replaceOnChanges);
    if (byOption) return byOption;
    if ((old.replacementTrigger ?? undefined) !== registration.options.replacementTrigger) return "replacementTrigger";
    return options.replaceWith.find((urn) => this.replaced.has(urn));
  }

  private async create(
    request: StepRequest,
    op: "create" | "replace" = "create",
    changed?: string[],
  ): Promise<ResourceState> {
    const { live, registration, inputs, options } = request;
    if (this.context.preview) {
      await this.hook("BeforeCreate", request);
      this.report({ op, urn: live.urn, ...(changed ? { changed } : {}) });
      const id = registration.type.startsWith("pulumi:providers:") ? autoId(live.urn) : "";
      return this.record(
        request,
        this.context.state.nextSequence(),
        id,
        mergeOutputs(inputs, {}, options.additionalSecretOutputs),
      );
    }
    await this.hook("BeforeCreate", request);
    const made = await this.make(request);
    const outputs = mergeOutputs(inputs, made.outputs, options.additionalSecretOutputs);
    const record = this.record(request, this.context.state.nextSequence(), made.id, outputs);
    await this.context.state.put(record);
    this.report({ op, urn: live.urn, ...(changed ? { changed } : {}) });
    await this.hook("AfterCreate", request, undefined, record);
    return record;
  }

  private async make(request: StepRequest): Promise<{ id: string; outputs: Record<string, unknown> }> {
    const { live, registration } = request;
    if (!registration.custom) return { id: "", outputs: {} };
    if (isEngineType(registration.type)) return { id: autoId(live.urn), outputs: {} };
    return await this.explain(live.urn, "creating", () => this.context.provider.create(this.providerRequest(request)));
  }

  private async update(request: StepRequest, old: ResourceState, changed: string[]): Promise<ResourceState> {
    const { live, registration, inputs, options } = request;
    const step: Step = { op: "update", urn: live.urn, changed };
    const computed = Object.fromEntries(Object.entries(old.outputs).filter(([key]) => !(key in old.inputs)));
    if (this.context.preview || !registration.custom || isEngineType(registration.type)) {
      await this.hook("BeforeUpdate", request, old);
      // What the provider computed is likely to stay; unknown would make every dependent look changed.
      const record = this.record(request, old.sequence, old.id, { ...inputs, ...computed }, old);
      if (!this.context.preview) await this.context.state.put(record);
      this.report(step);
      if (!this.context.preview) await this.hook("AfterUpdate", request, old, record);
      return record;
    }
    await this.hook("BeforeUpdate", request, old);
    const previous = toExisting(this.underItsNewName(request, old));
    const made = await this.explain(live.urn, "updating", () =>
      this.context.provider.update(previous, this.providerRequest(request, previous.origin)),
    );
    const outputs = mergeOutputs(inputs, made.outputs, options.additionalSecretOutputs);
    const record = this.record(request, old.sequence, made.id, outputs, old);
    await this.context.state.put(record);
    this.report(step);
    await this.hook("AfterUpdate", request, old, record);
    return record;
  }

  private async replace(request: StepRequest, old: ResourceState, changed: string[]): Promise<ResourceState> {
    const { live, options } = request;
    if (old.options.protect) {
      throw new Error(
        `${live.urn} must be replaced (${changed.join(", ") || "by its options"}) but is protected; ` +
          `set protect: false, run once, and then make the change`,
      );
    }
    this.replaced.add(live.urn);
    if (this.context.preview) return await this.create(request, "replace", changed);
    const createFirst = this.context.provider.replaceOrder === "create-first" && options.deleteBeforeReplace !== true;
    if (createFirst) {
      const record = await this.create(request, "replace", changed);
      await this.context.state.put({ ...old, toDelete: true });
      return record;
    }
    await this.hook("BeforeDelete", request, old);
    if (!old.options.retainOnDelete) {
      await this.explain(live.urn, "deleting, to replace it,", () => this.context.provider.delete(toExisting(old)));
    }
    await this.context.state.remove(old);
    await this.hook("AfterDelete", request, old);
    return await this.create(request, "replace", changed);
  }

  private async rename(request: StepRequest, old: ResourceState): Promise<void> {
    if (this.context.preview || !request.registration.custom || isEngineType(old.type)) return;
    await this.context.provider.renamed?.(toExisting(old), toExisting(this.underItsNewName(request, old)));
  }

  private underItsNewName(request: StepRequest, old: ResourceState): ResourceState {
    const { live, registration } = request;
    const origin = originOf(request, old);
    return { ...old, urn: live.urn, name: registration.name, type: registration.type, ...(origin ? { origin } : {}) };
  }

  /** @param old what it goes on from; absent for a new resource (the new half of a replacement too) */
  private record(
    request: StepRequest,
    sequence: number,
    id: string,
    outputs: WireObject,
    old?: ResourceState,
  ): ResourceState {
    const { live, registration, options, inputs } = request;
    const { replacementTrigger, hooks, dependsOn } = registration.options;
    const origin = old ? originOf(request, old) : undefined;
    return {
      sequence,
      urn: live.urn,
      type: registration.type,
      name: registration.name,
      parent: registration.parent,
      custom: registration.custom,
      id,
      inputs,
      outputs,
      dependencies: dependsOn,
      propertyDependencies: registration.propertyDependencies,
      options,
      ...(replacementTrigger === undefined ? {} : { replacementTrigger }),
      hooks,
      ...(origin ? { origin } : {}),
      toDelete: false,
    };
  }

  private providerRequest({ live, registration, inputs }: StepRequest, origin?: Origin): ProviderRequest {
    const request = { urn: live.urn, type: registration.type, name: registration.name, inputs: plainObject(inputs) };
    return origin ? { ...request, origin } : request;
  }

  private async hook(
    occasion: HookOccasion,
    request: StepRequest,
    old?: ResourceState,
    made?: ResourceState,
  ): Promise<void> {
    const { live, registration } = request;
    const deleting = occasion.endsWith("Delete");
    await this.context.hooks.run(occasion, deleting && old ? old.hooks : registration.options.hooks, {
      urn: live.urn,
      id: made?.id ?? old?.id ?? "",
      name: registration.name,
      type: registration.type,
      ...(deleting ? {} : { newInputs: request.inputs }),
      ...(old ? { oldInputs: old.inputs, oldOutputs: old.outputs } : {}),
      ...(made ? { newOutputs: made.outputs } : {}),
    });
  }

  private async explain<T>(urn: string, doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const { name, message } = error as Error;
      const words = name && name !== "Error" && !message.startsWith(name) ? `${name}: ${message}` : message;
      throw new Error(`${doing} ${urn} failed: ${words}`, { cause: error });
    }
  }
}

function originOf({ live }: StepRequest, old: ResourceState): Origin | undefined {
  return old.origin ?? (old.urn === live.urn ? undefined : { urn: old.urn, name: old.name });
}
