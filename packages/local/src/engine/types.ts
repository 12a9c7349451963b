/** What the engine needs of the world: the provider side of Pulumi, without a plugin. */

export interface Fault {
  /** Path of the property, `eventSourceMappings[0].batchSize`; empty where the resource as a whole is at fault. */
  readonly path: string;
  /** What is wrong, what would be right, how to mend it. */
  readonly reason: string;
}

export interface ProviderRequest {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Secrets unwrapped, assets materialised (`StoredAsset`); in a preview, unknown values are `unknownValue`. */
  readonly inputs: Record<string, unknown>;
  /** URN and name at its creation, where an alias renamed it since: physical names derive from these. */
  readonly origin?: Origin;
}

export interface Origin {
  readonly urn: string;
  readonly name: string;
}

/** Stands for a value that is not known in a preview. */
export const unknownValue: unique symbol = Symbol.for("tributary.unknown");

export interface ExistingResource extends ProviderRequest {
  readonly id: string;
  readonly outputs: Record<string, unknown>;
}

export interface ResourceProvider {
  /** Faults of a resource's arguments; an empty list lets it pass. Inputs may hold unknowns. */
  check(request: ProviderRequest): Fault[];
  /** Properties whose change replaces the resource. */
  replaceOn(type: string): readonly string[];
  create(request: ProviderRequest): Promise<{ id: string; outputs: Record<string, unknown> }>;
  update(
    previous: ExistingResource,
    request: ProviderRequest,
  ): Promise<{ id: string; outputs: Record<string, unknown> }>;
  delete(resource: ExistingResource): Promise<void>;
  /** `aws:index/getCallerIdentity:getCallerIdentity`; throws for a token it does not know. */
  invoke(token: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Reads a resource that the program only looks up (`Bucket.get`); undefined where there is none. */
  read?(type: string, id: string): Promise<Record<string, unknown> | undefined>;
  /** A resource got another URN by an alias; nothing else about it changed. */
  renamed?(previous: ExistingResource, current: ExistingResource): Promise<void>;
  /**
   * How a replacement goes where the program does not say (`deleteBeforeReplace`). Default `delete-first`: physical names
   * derive from URNs here, so that old and new can not stand side by side.
   */
  readonly replaceOrder?: "create-first" | "delete-first";
}
