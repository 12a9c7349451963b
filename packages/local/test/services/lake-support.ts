import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kernel, type KernelOptions, type Realiser, type Resource } from "../../src/kernel";

/** A kernel over a folder that is removed afterwards; `reopen` is a restart of the process over the same data. */
export class TestLake {
  private constructor(
    readonly dataDir: string,
    private readonly install: (kernel: Kernel) => Realiser[],
    public kernel: Kernel,
    private realisers: Realiser[],
    private readonly options: Partial<KernelOptions>,
  ) {}

  static open(install: (kernel: Kernel) => Realiser[], options: Partial<KernelOptions> = {}): TestLake {
    const dataDir = mkdtempSync(join(tmpdir(), "tributary-lake-"));
    const kernel = new Kernel({ dataDir, ...options });
    return new TestLake(dataDir, install, kernel, install(kernel), options);
  }

  /** Brings a resource up as the provider does: compute, then attach. */
  async add(type: string, name: string, inputs: Record<string, unknown>): Promise<Resource> {
    const realiser = this.realisers.find((each) => each.type === type);
    if (!realiser) throw new Error(`no realiser of ${type}`);
    const urn = `urn:pulumi:dev::test::${type}::${name}`;
    const computed = await realiser.compute({ urn, type, name, inputs }, this.kernel);
    const resource = { urn, type, name, inputs, id: computed.id, outputs: { ...inputs, ...computed.outputs } };
    this.kernel.resources.set(urn, resource);
    await realiser.attach?.(resource, this.kernel);
    return resource;
  }

  /** A role that a service may assume, as the directory of roles sees it. What it may do is the authorizer's affair. */
  role(name: string, service: string): string {
    const arn = `arn:aws:iam::000000000000:role/${name}`;
    const assumeRolePolicy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
    });
    const [urn, type] = [`urn:pulumi:dev::test::aws:iam/role:Role::${name}`, "aws:iam/role:Role"];
    this.kernel.resources.set(urn, { urn, type, name, inputs: { assumeRolePolicy }, id: name, outputs: { arn, name } });
    return arn;
  }

  /** Closes and opens again, with every resource attached anew. */
  async reopen(): Promise<void> {
    const resources = [...this.kernel.resources.values()];
    await this.kernel.close();
    this.kernel = new Kernel({ dataDir: this.dataDir, ...this.options });
    this.realisers = this.install(this.kernel);
    for (const resource of resources) {
      this.kernel.resources.set(resource.urn, resource);
      await this.realisers.find(({ type }) => type === resource.type)?.attach?.(resource, this.kernel);
    }
  }

  async close(): Promise<void> {
    await this.kernel.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async putText(bucket: string, key: string, body: string): Promise<void> {
    await this.kernel.call("s3", "PutObject", { Bucket: bucket, Key: key, Body: body });
  }

  async getText(bucket: string, key: string): Promise<string> {
    const { Body } = await this.kernel.call<{ Body: Uint8Array }>("s3", "GetObject", { Bucket: bucket, Key: key });
    return Buffer.from(Body).toString("utf8");
  }

  async keys(bucket: string, prefix = ""): Promise<string[]> {
    const { Contents = [] } = await this.kernel.call<{ Contents?: { Key: string }[] }>("s3", "ListObjectsV2", {
      Bucket: bucket,
      Prefix: prefix,
    });
    return Contents.map(({ Key }) => Key);
  }
}

/** Waits until the condition holds; fails by name after the bound. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
