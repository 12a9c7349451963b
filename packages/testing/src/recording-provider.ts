import { createHash } from "node:crypto";
import {
  awsInvokes,
  type ExistingResource,
  type Fault,
  type ProviderRequest,
  type ResourceProvider,
} from "@tributary/local/engine";
import { checkResource } from "@tributary/local/schema";
import { computedOutputs } from "./computed-outputs";

export interface RecordedCall {
  readonly op: "create" | "update" | "delete";
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

export interface RecordingProviderOptions {
  /** Further outputs by type, over the usual ones (`arn`, `name`, `id`…). */
  readonly outputs?: Readonly<Record<string, (request: ProviderRequest) => Record<string, unknown>>>;
  /** Answers of functions by token, before the provider's own. */
  readonly invokes?: Readonly<Record<string, (args: Record<string, unknown>) => Record<string, unknown>>>;
  /** Properties whose change replaces a resource, by type. Default: none. */
  readonly replaceOn?: Readonly<Record<string, readonly string[]>>;
  /** Whether inputs are held against the aws provider's schema. Default true. */
  readonly check?: boolean;
}

/** A provider that makes nothing: ids and ARNs derive from the resource's URN, so that a test sees the same ones always. */
export class RecordingProvider implements ResourceProvider {
  readonly calls: RecordedCall[] = [];
  readonly region = "us-east-1";
  readonly accountId = "000000000000";
  private readonly functions = awsInvokes({ accountId: this.accountId, region: this.region });

  constructor(private readonly options: RecordingProviderOptions = {}) {}

  check(request: ProviderRequest): Fault[] {
    return this.options.check === false ? [] : checkResource(request.type, request.inputs);
  }

  replaceOn(type: string): readonly string[] {
    return this.options.replaceOn?.[type] ?? [];
  }

  async create(request: ProviderRequest): Promise<{ id: string; outputs: Record<string, unknown> }> {
    this.record("create", request);
    return this.answer(request);
  }

  async update(
    _previous: ExistingResource,
    request: ProviderRequest,
  ): Promise<{ id: string; outputs: Record<string, unknown> }> {
    this.record("update", request);
    return this.answer(request);
  }

  async delete(resource: ExistingResource): Promise<void> {
    this.record("delete", resource);
  }

  async invoke(token: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
    const own = this.options.invokes?.[token];
    return own ? own(args) : await this.functions(token, args);
  }

  private record(op: RecordedCall["op"], { urn, type, name, inputs }: ProviderRequest): void {
    this.calls.push({ op, urn, type, name, inputs });
  }

  private answer(request: ProviderRequest): { id: string; outputs: Record<string, unknown> } {
    const suffix = createHash("sha256").update(request.urn).digest("hex").slice(0, 7);
    const { id, outputs } = computedOutputs(request, suffix, { region: this.region, accountId: this.accountId });
    return { id, outputs: { ...outputs, ...this.options.outputs?.[request.type]?.(request) } };
  }
}
