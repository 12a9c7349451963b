import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  awsInvokes,
  type ExistingResource,
  type Fault,
  type ProviderRequest,
  type ResourceProvider,
  type RunOptions,
  type RunResult,
  runInline,
  Store,
} from "../../src/engine";
import { checkResource } from "../../src/schema";

export interface Call {
  readonly op: "create" | "update" | "delete" | "renamed";
  readonly name: string;
  readonly request: ProviderRequest;
}

/** Makes nothing, tells what it was asked, and fails on demand. */
export class FakeProvider implements ResourceProvider {
  calls: Call[] = [];
  replaceOrder: ResourceProvider["replaceOrder"] = undefined;
  /** Names of resources whose creation fails. */
  failing = new Set<string>();
  replacing: readonly string[] = [];
  private version = 0;

  check(request: ProviderRequest): Fault[] {
    return checkResource(request.type, request.inputs);
  }

  replaceOn(): readonly string[] {
    return this.replacing;
  }

  async create(request: ProviderRequest): Promise<{ id: string; outputs: Record<string, unknown> }> {
    if (this.failing.has(request.name)) throw new Error(`no room for ${request.name}`);
    this.calls.push({ op: "create", name: request.name, request });
    return this.answer(request);
  }

  async update(
    _: ExistingResource,
    request: ProviderRequest,
  ): Promise<{ id: string; outputs: Record<string, unknown> }> {
    this.calls.push({ op: "update", name: request.name, request });
    return this.answer(request);
  }

  async delete(resource: ExistingResource): Promise<void> {
    this.calls.push({ op: "delete", name: resource.name, request: resource });
  }

  async renamed(_: ExistingResource, current: ExistingResource): Promise<void> {
    this.calls.push({ op: "renamed", name: current.name, request: current });
  }

  readonly invoke = awsInvokes({ accountId: "000000000000", region: "us-east-1" });

  private answer({ name }: ProviderRequest): { id: string; outputs: Record<string, unknown> } {
    this.version += 1;
    return { id: `${name}-id`, outputs: { arn: `arn:aws:x:us-east-1:000000000000:${name}`, version: this.version } };
  }

  /** `create a`, `delete b`… since the last time. */
  said(): string[] {
    const said = this.calls.map(({ op, name }) => `${op} ${name}`);
    this.calls = [];
    return said;
  }
}

/** A store, a folder for assets and a provider, shared by the runs of one test. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "tributary-engine-"));
  readonly store = Store.open(join(this.folder, "store"));
  readonly provider = new FakeProvider();

  options(programDir: string, mode: RunOptions["mode"], more: Partial<RunOptions> = {}): RunOptions {
    return {
      programDir,
      mode,
      stack: "dev",
      provider: this.provider,
      store: this.store,
      assetDir: join(this.folder, "assets"),
      ...more,
    };
  }

  /** Runs a function as a program, in this process. */
  async run(
    program: () => unknown,
    mode: RunOptions["mode"] = "up",
    more: Partial<RunOptions> = {},
  ): Promise<RunResult> {
    const options = { ...this.options(this.folder, mode, more), project: "test", workingDir: this.folder };
    return await runInline(program, options);
  }

  async close(): Promise<void> {
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
