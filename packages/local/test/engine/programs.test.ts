import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadStacks, loadState, RunFailed, runProgram, unknownValue } from "../../src/engine";
import { World } from "./support";

const fixture = (name: string): string => join(__dirname, "fixtures", name);
const lineOf = (file: string, text: string): number =>
  readFileSync(fixture(file), "utf8")
    .split("\n")
    .findIndex((line) => line.includes(text)) + 1;
const passphrase = { PULUMI_CONFIG_PASSPHRASE: "correct horse" };

/** Programs in processes of their own, exactly as Pulumi's CLI starts them. */
describe("real programs", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.close());

  const failure = async (work: Promise<unknown>): Promise<RunFailed> => {
    const outcome = await work.catch((error: unknown) => error);
    if (!(outcome instanceof RunFailed)) throw new Error(`expected RunFailed, got ${String(outcome)}`);
    return outcome;
  };

  it("lives through preview, up, up again, update, delete and destroy", async () => {
    const run = (mode: "preview" | "up" | "destroy", config: Record<string, string> = {}) =>
      runProgram(world.options(fixture("shop"), mode, { config, env: passphrase }));

    const preview = await run("preview");
    expect(preview.summary).toMatchObject({ create: 5 });
    expect(preview.outputs.arn).toBe(unknownValue);
    const queue = preview.resources.find(({ name }) => name === "corner-0");
    expect(queue?.inputs).toEqual({ redrivePolicy: unknownValue, tags: { motto: "none" } });
    expect(queue?.urn).toBe("urn:pulumi:dev::shop::test:index:Shop$aws:sqs/queue:Queue::corner-0");
    expect(queue?.propertyDependencies.redrivePolicy).toEqual([expect.stringMatching(/::corner-dead$/)]);
    expect(queue?.source).toContain(`program/index.ts:${lineOf("shop/program/index.ts", "Array.from(")}:`);
    expect(world.provider.said()).toEqual([]);
    expect(loadStacks(world.store)).toEqual([]);

    const first = await run("up");
    expect(first.stdout).toContain("hello from eu-central-1");
    expect(first.outputs).toEqual({
      arn: "arn:aws:x:us-east-1:000000000000:corner-0",
      token: "s3cr3t",
      nested: { plain: 1, hidden: "deep" },
      place: "organization/shop/dev",
    });
    expect([...first.secretOutputs].sort()).toEqual(["nested", "token"]);
    expect(world.provider.said()[0]).toBe("create corner-dead");

    const again = await run("up");
    expect(again.summary).toMatchObject({ same: 5, create: 0, update: 0, delete: 0 });
    expect(world.provider.said()).toEqual([]);

    const edited = await run("up", { motto: "open late", size: "1", protect: "true" });
    expect(edited.summary).toMatchObject({ update: 1, same: 3, delete: 1 });
    expect(edited.steps.find(({ op }) => op === "update")?.changed).toEqual(["tags.motto"]);
    expect(world.provider.said()).toEqual(["update corner-0", "delete corner-1"]);

    const [restored] = loadStacks(world.store);
    expect(restored).toMatchObject({ project: "shop", stack: "dev", outputs: { token: "s3cr3t" } });
    expect(loadState(world.store, "shop", "dev").map(({ name }) => name)).toEqual(["corner-dead", "corner-0"]);

    const refused = await failure(run("destroy"));
    expect(refused.message).toMatch(/can not be deleted while protected[\s\S]*::corner-dead/);
    expect(world.provider.said()).toEqual([]);

    await run("up", { size: "1" });
    world.provider.said();
    const gone = await run("destroy");
    expect(gone.summary.delete).toBe(4);
    expect(world.provider.said()).toEqual(["delete corner-0", "delete corner-dead"]);
    expect(loadStacks(world.store)).toEqual([]);
  });

  it("reads the outputs of another local stack, secrets as secrets", async () => {
    const missing = await failure(runProgram(world.options(fixture("reader"), "up")));
    expect(missing.message).toMatch(/the stack "organization\/shop\/dev" has not run in this data folder/);
    await runProgram(world.options(fixture("shop"), "up", { env: passphrase }));
    const read = await runProgram(world.options(fixture("reader"), "up", { config: { of: "shop/dev" } }));
    expect(read.outputs).toEqual({ arn: "arn:aws:x:us-east-1:000000000000:corner-0", token: "s3cr3t" });
    expect(read.secretOutputs).toEqual(["token"]);
  });

  it("names the secret that it can not decrypt", async () => {
    const run = (env: Record<string, string>, config = {}) =>
      runProgram(world.options(fixture("shop"), "preview", { env, config }));
    await expect(run({ PULUMI_CONFIG_PASSPHRASE: "wrong" })).rejects.toThrow(/"shop:token".*wrong passphrase/);
    await expect(run({})).rejects.toThrow(/"shop:token".*needs the stack's passphrase[\s\S]*PULUMI_CONFIG_PASSPHRASE/);
    const plain = await run({}, { token: { secret: "local" }, nested: "{}" });
    expect(plain.outputs.token).toBe("local");
    expect(plain.secretOutputs).toContain("token");
  });

  it("shows a program's own error and line, and faults by path", async () => {
    const thrown = await failure(runProgram(world.options(fixture("throws"), "up")));
    expect(thrown.message).toContain("there is no basket");
    expect(thrown.message).toContain(`throws/index.ts:${lineOf("throws/index.ts", "throw new Error(")}:`);
    expect(thrown.message).not.toContain("node_modules");
    const faults = await failure(runProgram(world.options(fixture("throws"), "up", { config: { how: "faults" } })));
    expect(faults.message).toMatch(
      /Orchard is not valid[\s\S]*sources\.web\.plan[\s\S]*must be a plan[\s\S]*rules\[0\]/,
    );
  });

  it("refuses wrong arguments by URN and path, quickly", async () => {
    const started = Date.now();
    const refused = await failure(runProgram(world.options(fixture("faulty"), "up")));
    const work = expect.stringMatching(/Function::work$/);
    expect([...refused.faults].sort((a, b) => a.path.localeCompare(b.path))).toEqual([
      {
        urn: expect.stringMatching(/Role::role$/),
        path: "assumeRolePolicy Statement[0].Effect",
        reason: expect.stringContaining('"Allow"'),
      },
      {
        urn: expect.stringMatching(/Role::role$/),
        path: "assumeRolePolicy Statement[0].Principal.Service",
        reason: expect.stringContaining("lambda.amazonaws.com"),
      },
      { urn: work, path: "environment.variabels", reason: expect.stringContaining('did you mean "variables"?') },
      { urn: work, path: "memorySize", reason: 'expected a number, got the string "much"' },
    ]);
    expect(refused.message).toMatch(
      new RegExp(
        `Function::work is not valid \\(.*faulty/index\\.js:${lineOf("faulty/index.js", "new lambda.Function(")}:1\\)`,
      ),
    );
    // What was right is there, and stays in the state for the next run.
    expect(world.provider.said()).toEqual(["create fine"]);
    // Node 20 needs some 15 s where the error's colours are not kept out.
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  it("makes an awsx network with its children and all of its outputs", async () => {
    const up = await runProgram(world.options(fixture("network"), "up"));
    expect(up.outputs).toEqual({
      vpcId: "net-id",
      publicSubnetIds: ["net-public-1-id", "net-public-2-id"],
      privateSubnetIds: ["net-private-1-id", "net-private-2-id"],
      isolatedSubnetIds: [],
      cidrBlock: "10.20.0.0/16",
      routeTableIds: expect.arrayContaining(["net-private-2-id"]),
      zones: expect.arrayContaining(["us-east-1a", "us-east-1b"]),
      natGateways: 1,
      layout: [
        { type: "Private", cidrMask: 18, size: 16384, cidrBlocks: ["10.20.0.0/18", "10.20.128.0/18"] },
        { type: "Public", cidrMask: 19, size: 8192, cidrBlocks: ["10.20.64.0/19", "10.20.192.0/19"] },
      ],
    });
    const subnet = up.resources.find(({ type, name }) => type.endsWith(":Subnet") && name === "net-private-1");
    expect(subnet?.urn).toBe(
      "urn:pulumi:dev::network::awsx:ec2:Vpc$aws:ec2/vpc:Vpc$aws:ec2/subnet:Subnet::net-private-1",
    );
    expect(subnet?.inputs).toMatchObject({
      vpcId: "net-id",
      cidrBlock: "10.20.0.0/18",
      tags: { team: "cdp", SubnetType: "Private" },
    });
    const count = (kind: string) => up.resources.filter(({ type }) => type.endsWith(`:${kind}`)).length;
    expect([count("NatGateway"), count("Eip"), count("Route"), count("RouteTableAssociation")]).toEqual([1, 1, 4, 4]);
    const again = await runProgram(world.options(fixture("network"), "up"));
    expect(again.summary).toMatchObject({ same: up.resources.length, create: 0, update: 0 });
  });
});
