import type { WireObject } from "./wire";

/** A function of the program that the engine calls back: where, and its token there. */
export interface CallbackRef {
  readonly target: string;
  readonly token: string;
}

export interface AliasSpec {
  readonly urn?: string;
  readonly name?: string;
  readonly type?: string;
  readonly stack?: string;
  readonly project?: string;
  readonly parentUrn?: string;
  readonly noParent?: boolean;
}

/** Options of a registration; undefined means "not said", so that the parent's may be inherited. */
export interface RegistrationOptions {
  readonly dependsOn: readonly string[];
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deleteBeforeReplace?: boolean;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly aliases: readonly AliasSpec[];
  readonly deletedWith?: string;
  readonly replaceWith: readonly string[];
  readonly import?: string;
  readonly provider?: string;
  readonly providers: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly pluginDownloadUrl?: string;
  /** JSON of the `replacementTrigger` value. */
  readonly replacementTrigger?: string;
  readonly hooks: Readonly<Record<string, readonly string[]>>;
}

/** A resource as it comes over the wire, before transforms. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  readonly custom: boolean;
  readonly remote: boolean;
  readonly inputs: WireObject;
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly options: RegistrationOptions;
  readonly transforms: readonly CallbackRef[];
  readonly source?: string;
}

/** What the program gets back. */
export interface Registered {
  readonly urn: string;
  /** Empty for components, and in a preview for what does not exist yet. */
  readonly id: string;
  readonly outputs: WireObject;
}

export const noOptions: RegistrationOptions = {
  dependsOn: [],
  ignoreChanges: [],
  replaceOnChanges: [],
  additionalSecretOutputs: [],
  aliases: [],
  replaceWith: [],
  providers: {},
  hooks: {},
};
