import type { ExistingResource, Fault, ProviderRequest, ResourceProvider } from "./engine/types";
import type { Kernel, Realiser, Resource } from "./kernel";
import { recordResource } from "./recorded";

export interface ProviderOptions {
  readonly realisers: readonly Realiser[];
  readonly check: (type: string, inputs: Record<string, unknown>) => Fault[];
  readonly invoke: (token: string, args: Record<string, unknown>) => Promise<Record<string, unknown>>;
}

/**
 * The provider behind the engine: a realiser for each resource type that works in this process, a record for every
 * other. Keeps `kernel.resources` in step with what exists.
 */
export class LocalProvider implements ResourceProvider {
  private readonly realisers: ReadonlyMap<string, Realiser>;

  constructor(
    private readonly kernel: Kernel,
    private readonly options: ProviderOptions,
  ) {
    this.realisers = new Map(options.realisers.map((realiser) => [realiser.type, realiser]));
  }

  isRealised(type: string): boolean {
    return this.realisers.has(type);
  }

  check(request: ProviderRequest): Fault[] {
    return this.options.check(request.type, request.inputs);
  }

  replaceOn(type: string): readonly string[] {
    return this.realisers.get(type)?.replaceOn ?? [];
  }

  async create(request: ProviderRequest): Promise<{ id: string; outputs: Record<string, unknown> }> {
    return await this.make(request);
  }

  async update(
    previous: ExistingResource,
    request: ProviderRequest,
  ): Promise<{ id: string; outputs: Record<string, unknown> }> {
    await this.realisers.get(request.type)?.detach?.(previous, this.kernel);
    return await this.make(request, previous);
  }

  async delete(resource: ExistingResource): Promise<void> {
    const realiser = this.realisers.get(resource.type);
    await realiser?.detach?.(resource, this.kernel);
    await realiser?.destroy?.(resource, this.kernel);
    this.kernel.resources.delete(resource.urn);
  }

  async invoke(token: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
    return await this.options.invoke(token, args);
  }

  /** A resource goes on under another URN, at the same place in the order of creation. */
  async renamed(previous: ExistingResource, current: ExistingResource): Promise<void> {
    const realiser = this.realisers.get(current.type);
    await realiser?.detach?.(previous, this.kernel);
    const inOrder = [...this.kernel.resources.values()];
    this.kernel.resources.clear();
    for (const resource of inOrder) {
      const kept = resource.urn === previous.urn ? current : resource;
      this.kernel.resources.set(kept.urn, kept);
    }
    await realiser?.attach?.(current, this.kernel);
  }

  /** Makes a resource of an earlier run work again, from the state alone. */
  async restore(resource: Resource): Promise<void> {
    this.kernel.resources.set(resource.urn, resource);
    await this.realisers.get(resource.type)?.attach?.(resource, this.kernel);
  }

  private async make(
    request: ProviderRequest,
    previous?: Resource,
  ): Promise<{ id: string; outputs: Record<string, unknown> }> {
    const realiser = this.realisers.get(request.type);
    // A renamed resource keeps the physical name that it was created under.
    const named = request.origin ? { ...request, ...request.origin } : request;
    const { id, outputs: computed } = realiser
      ? await realiser.compute(named, this.kernel, previous)
      : recordResource(named, this.kernel);
    const resource: Resource = { ...request, id, outputs: { ...request.inputs, ...computed } };
    this.kernel.resources.set(request.urn, resource);
    try {
      await realiser?.attach?.(resource, this.kernel);
    } catch (error) {
      if (previous) this.kernel.resources.set(previous.urn, previous);
      else this.kernel.resources.delete(request.urn);
      throw error;
    }
    return { id, outputs: resource.outputs };
  }
}
