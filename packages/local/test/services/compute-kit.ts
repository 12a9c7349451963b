import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AwsError,
  Kernel,
  type KernelOptions,
  type Principal,
  type Realiser,
  type RequiredPermission,
  type Resource,
  type StoredAsset,
} from "../../src/kernel";

/** A runtime of some services over a temporary folder, with resources given by hand instead of by a program. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), "tributary-compute-"));
  readonly warnings: string[] = [];
  kernel!: Kernel;
  /** Actions that nobody may do: everything else is allowed. */
  readonly denied = new Set<string>();
  private realisers = new Map<string, Realiser>();
  private readonly made: Resource[] = [];
  private assets = 0;

  constructor(
    private readonly installs: readonly ((kernel: Kernel) => Realiser[])[],
    private readonly options: Partial<KernelOptions> = {},
  ) {
    this.boot();
  }

  /** Opens the data folder (again) and makes every resource work. */
  private boot(): void {
    const log = { debug() {}, info() {}, warn: (message: string) => void this.warnings.push(message) };
    this.kernel = new Kernel({ dataDir: join(this.folder, "data"), log, ...this.options });
    this.realisers = new Map(this.installs.flatMap((install) => install(this.kernel)).map((each) => [each.type, each]));
    this.kernel.authorizer = {
      check: (_principal: Principal, required: RequiredPermission) => {
        if (!this.denied.has(required.action)) return;
        const message = `not authorized to perform: ${required.action} on resource: ${required.resource}`;
        throw new AwsError("AccessDeniedException", message, { status: 403 });
      },
    };
  }

  async restart(options: Partial<KernelOptions> = {}): Promise<void> {
    await this.kernel.close();
    Object.assign(this.options, options);
    this.boot();
    for (const resource of this.made) {
      this.kernel.resources.set(resource.urn, resource);
      await this.realisers.get(resource.type)?.attach?.(resource, this.kernel);
    }
  }

  async create(type: string, name: string, inputs: Record<string, unknown>): Promise<Resource> {
    const realiser = this.realisers.get(type);
    if (!realiser) throw new Error(`no realiser for ${type}`);
    const urn = `urn:pulumi:dev::bench::${type}::${name}`;
    const registered = { urn, type, name, inputs };
    const { id, outputs } = await realiser.compute(registered, this.kernel);
    const resource = { ...registered, id, outputs: { ...inputs, ...outputs } };
    this.kernel.resources.set(urn, resource);
    await realiser.attach?.(resource, this.kernel);
    this.made.push(resource);
    return resource;
  }

  /** The code of a function as the engine would store it. */
  archive(files: Record<string, string>): StoredAsset {
    this.assets += 1;
    const path = join(this.folder, `asset-${this.assets}`);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(path, name, ".."), { recursive: true });
      writeFileSync(join(path, name), text);
    }
    return { __asset: "archive", path, hash: createHash("sha256").update(JSON.stringify(files)).digest("hex") };
  }

  /** A function whose module is `code`. */
  async fn(name: string, code: string, inputs: Record<string, unknown> = {}): Promise<Resource> {
    return await this.create("aws:lambda/function:Function", name, {
      name,
      runtime: "nodejs24.x",
      handler: "index.handler",
      role: `arn:aws:iam::000000000000:role/${name}`,
      code: this.archive({ "index.mjs": code }),
      ...inputs,
    });
  }

  async invoke(name: string, payload: unknown = {}): Promise<{ payload: unknown; functionError?: "Unhandled" }> {
    return await this.kernel.lambda.invoke(name, payload, { kind: "root" });
  }

  async close(): Promise<void> {
    await this.kernel.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until a condition holds; fails with what was last seen. */
export async function until<T>(look: () => T | Promise<T>, holds: (value: T) => boolean, ms = 15_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`did not come about: last seen ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
