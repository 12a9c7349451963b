import type { Store } from "../kernel/store";
import type { Fault, ResourceProvider } from "./types";

export type Mode = "preview" | "up" | "destroy";
export type Operation = "create" | "update" | "replace" | "delete" | "same" | "read" | "forget";

export interface Step {
  readonly op: Operation;
  readonly urn: string;
  /** Paths of the inputs that differ (update, replace). */
  readonly changed?: readonly string[];
}

/** Resource options as the program gave them, after transforms and inheritance from the parent. */
export interface ReceivedOptions {
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace?: boolean;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly deletedWith?: string;
  readonly replaceWith: readonly string[];
  /** `<urn>::<id>` of an explicit provider resource. */
  readonly provider?: string;
  readonly version?: string;
}

/** A resource as the engine received it from the program. */
export interface ReceivedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** URN of the parent; absent for the root stack only. */
  readonly parent?: string;
  /** False for components. */
  readonly custom: boolean;
  /** Secrets unwrapped (see `secretInputs`), assets as `StoredAsset`, unknowns of a preview as `unknownValue`. */
  readonly inputs: Record<string, unknown>;
  /** Paths of the secrets in `inputs`. */
  readonly secretInputs: readonly string[];
  /** Outputs as the program sees them; incomplete in a preview. */
  readonly outputs: Record<string, unknown>;
  readonly id?: string;
  /** URNs of what it depends on, explicitly or by its inputs. */
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly options: ReceivedOptions;
  /** Where the program registers it: `index.ts:12:7`, where the SDK says so. */
  readonly source?: string;
}

export type EngineEvent =
  | {
      readonly kind: "log";
      readonly severity: "info" | "warning" | "error";
      readonly message: string;
      readonly urn?: string;
    }
  | { readonly kind: "step"; readonly step: Step }
  /** Text that the program wrote. */
  | { readonly kind: "text"; readonly stream: "stdout" | "stderr"; readonly text: string };

/** A config value; `{ secret }` is handed to the program as a secret. */
export type ConfigValue = string | { readonly secret: string };

export interface RunOptions {
  /** The folder with `Pulumi.yaml` (its `main` is honoured). */
  readonly programDir: string;
  readonly stack: string;
  readonly mode: Mode;
  readonly provider: ResourceProvider;
  readonly store: Store;
  /** Where the contents of assets are laid out, one folder per hash. */
  readonly assetDir: string;
  readonly onEvent?: (event: EngineEvent) => void;
  /** Overrides of the stack's configuration; a key without `namespace:` belongs to the project. */
  readonly config?: Readonly<Record<string, ConfigValue>>;
  /** Further environment variables of the program. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default `organization`, as a self-managed Pulumi backend has it. */
  readonly organization?: string;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly project: string;
  readonly stack: string;
  /** In order of registration. Empty for `destroy`, which does not run the program. */
  readonly resources: readonly ReceivedResource[];
  readonly steps: readonly Step[];
  readonly summary: Readonly<Record<Operation, number>>;
  /** The stack's outputs, secrets unwrapped. */
  readonly outputs: Record<string, unknown>;
  /** Names of the outputs that hold a secret. */
  readonly secretOutputs: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
}

export interface ResourceFault extends Fault {
  readonly urn: string;
}

/** A run that failed: the message holds what the program and the engine said, line of the program included. */
export class RunFailed extends Error {
  override readonly name = "RunFailed";
  constructor(
    message: string,
    /** Faults of resources' arguments, by URN and path. */
    readonly faults: readonly ResourceFault[],
    /** What had happened until then; everything in it is in the state. */
    readonly result: RunResult,
  ) {
    super(message);
  }
}
