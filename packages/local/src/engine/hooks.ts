import * as proto from "@pulumi/pulumi/proto/resource_pb";
import { type CallbackClients, structOf } from "./callbacks";
import type { CallbackRef } from "./registration";
import type { WireObject } from "./wire";

export type HookOccasion =
  | "BeforeCreate"
  | "AfterCreate"
  | "BeforeUpdate"
  | "AfterUpdate"
  | "BeforeDelete"
  | "AfterDelete";

interface RegisteredHook {
  readonly callback: CallbackRef;
  readonly onDryRun: boolean;
  readonly ignoreErrors: boolean;
}

export interface HookSubject {
  readonly urn: string;
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly newInputs?: WireObject;
  readonly oldInputs?: WireObject;
  readonly newOutputs?: WireObject;
  readonly oldOutputs?: WireObject;
}

/** Resource hooks of the program: functions that run before and after a resource is created, updated or deleted. */
export class ResourceHooks {
  private readonly hooks = new Map<string, RegisteredHook>();

  constructor(
    private readonly callbacks: CallbackClients,
    private readonly preview: boolean,
    private readonly warn: (message: string) => void,
  ) {}

  register(name: string, hook: RegisteredHook): void {
    if (this.hooks.has(name)) throw new Error(`a resource hook named "${name}" is already registered`);
    this.hooks.set(name, hook);
  }

  /** Runs the hooks bound to an occasion, in order; throws what one of them throws, unless it asked to go on. */
  async run(
    occasion: HookOccasion,
    bound: Readonly<Record<string, readonly string[]>>,
    subject: HookSubject,
  ): Promise<void> {
    for (const name of bound[occasion] ?? []) {
      const hook = this.hooks.get(name);
      if (!hook) {
        this.warn(`the resource hook "${name}" of ${subject.urn} is not registered by this program and does not run`);
        continue;
      }
      if (this.preview && !hook.onDryRun) continue;
      const failure = await this.call(hook, subject);
      if (!failure) continue;
      const message = `resource hook "${name}" of ${subject.urn} failed: ${failure}`;
      if (!hook.ignoreErrors) throw new Error(message);
      this.warn(message);
    }
  }

  private async call(hook: RegisteredHook, subject: HookSubject): Promise<string> {
    const request = new proto.ResourceHookRequest();
    request.setUrn(subject.urn);
    request.setId(subject.id);
    request.setName(subject.name);
    request.setType(subject.type);
    if (subject.newInputs) request.setNewInputs(structOf(subject.newInputs));
    if (subject.oldInputs) request.setOldInputs(structOf(subject.oldInputs));
    if (subject.newOutputs) request.setNewOutputs(structOf(subject.newOutputs));
    if (subject.oldOutputs) request.setOldOutputs(structOf(subject.oldOutputs));
    return proto.ResourceHookResponse.deserializeBinary(await this.callbacks.call(hook.callback, request)).getError();
  }
}
