import type { DeploymentContext } from "./deployment";
import type { Step } from "./run-types";
import { isEngineType, type ResourceState, toExisting } from "./state";

/** Deletes resources, each before whatever it depends on (parents included). */
export class DeletionPlan {
  /** @param renamed the URN that a former URN has now */
  constructor(
    private readonly context: DeploymentContext,
    private readonly renamed: ReadonlyMap<string, string>,
    private readonly report: (step: Step) => void,
  ) {}

  /** Refuses as a whole, before anything is deleted, where a resource is protected. */
  async run(records: readonly ResourceState[]): Promise<void> {
    const guarded = records.filter((record) => record.options.protect && !record.toDelete);
    if (guarded.length > 0) {
      throw new Error(
        `${guarded.length === 1 ? "a resource" : `${guarded.length} resources`} can not be deleted while protected; ` +
          `nothing was deleted. To delete, set protect: false and run once before removing:\n` +
          guarded.map((record) => `  ${record.urn}`).join("\n"),
      );
    }
    for (const record of this.inOrder(records)) await this.remove(record);
  }

  /** Dependents first; among equals, the youngest first. */
  private inOrder(records: readonly ResourceState[]): ResourceState[] {
    const youngestFirst = [...records].sort((a, b) => b.sequence - a.sequence);
    const dependents = new Map<string, ResourceState[]>();
    for (const record of youngestFirst) {
      for (const urn of this.needs(record)) dependents.set(urn, [...(dependents.get(urn) ?? []), record]);
    }
    const ordered: ResourceState[] = [];
    const visited = new Set<ResourceState>();
    const visit = (record: ResourceState): void => {
      if (visited.has(record)) return;
      visited.add(record);
      for (const dependent of dependents.get(record.urn) ?? []) visit(dependent);
      ordered.push(record);
    };
    for (const record of youngestFirst) visit(record);
    return ordered;
  }

  private needs(record: ResourceState): Set<string> {
    const urns = [
      ...record.dependencies,
      ...Object.values(record.propertyDependencies).flat(),
      record.parent,
      record.options.deletedWith ?? "",
      record.options.provider?.replace(/::[^:]*$/, "") ?? "",
    ];
    return new Set(
      urns.filter((urn) => urn !== "" && urn !== record.urn).flatMap((urn) => [urn, this.renamed.get(urn) ?? urn]),
    );
  }

  private async remove(record: ResourceState): Promise<void> {
    const { preview, hooks, provider, state } = this.context;
    const forget = record.options.retainOnDelete && record.custom;
    if (!preview) {
      const subject = { ...record, oldInputs: record.inputs, oldOutputs: record.outputs };
      await hooks.run("BeforeDelete", record.hooks, subject);
      if (record.custom && !forget && !isEngineType(record.type)) await this.delete(record, provider);
      await state.remove(record);
      await hooks.run("AfterDelete", record.hooks, subject);
    }
    // The old half of a replacement is part of that step.
    if (!record.toDelete) this.report({ op: forget ? "forget" : "delete", urn: record.urn });
  }

  private async delete(record: ResourceState, provider: DeploymentContext["provider"]): Promise<void> {
    try {
      await provider.delete(toExisting(record));
    } catch (error) {
      throw new Error(`deleting ${record.urn} failed: ${(error as Error).message}`, { cause: error });
    }
  }
}
