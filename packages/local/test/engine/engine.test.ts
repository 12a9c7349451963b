import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { zipSync } from "fflate";
import { isStoredAsset } from "../../src/kernel";
import { World } from "./support";

/** Programs as functions in this process: the engine's rules one by one. */
describe("the engine", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.close());

  const queue = (name: string, args: aws.sqs.QueueArgs = {}, opts?: pulumi.CustomResourceOptions) =>
    new aws.sqs.Queue(name, args, opts);

  class Group extends pulumi.ComponentResource {
    constructor(name: string, fill: (parent: Group) => void, opts?: pulumi.ComponentResourceOptions, type = "Group") {
      super(`test:index:${type}`, name, {}, opts);
      fill(this);
      this.registerOutputs();
    }
  }

  it("deletes dependents before what they depend on, children before parents", async () => {
    await world.run(() => {
      const base = queue("base");
      new Group("group", (parent) => {
        const middle = queue("middle", { tags: { of: base.arn } }, { parent });
        queue("top", {}, { parent, dependsOn: [middle] });
      });
      queue("part", {}, { deletedWith: base });
    });
    world.provider.said();
    const { summary } = await world.run(() => undefined);
    expect(summary).toMatchObject({ delete: 5, same: 1 });
    const said = world.provider.said();
    expect(said.filter((word) => word !== "delete part")).toEqual(["delete top", "delete middle", "delete base"]);
    expect(said.indexOf("delete part")).toBeLessThan(said.indexOf("delete base"));
  });

  it("refuses to delete or replace what is protected, and then deletes nothing", async () => {
    await world.run(() => {
      new Group("group", (parent) => queue("kept", {}, { parent }), { protect: true });
      queue("other");
    });
    world.provider.said();
    await expect(world.run(() => undefined)).rejects.toThrow(/protected[\s\S]*::kept/);
    await expect(world.run(() => undefined, "preview")).rejects.toThrow(/protected/);
    expect(world.provider.said()).toEqual([]);
    world.provider.replacing = ["fifoQueue"];
    const replaced = world.run(() => {
      new Group("group", (parent) => queue("kept", { fifoQueue: true }, { parent }), { protect: true });
      queue("other");
    });
    await expect(replaced).rejects.toThrow(/kept must be replaced \(fifoQueue\) but is protected/);
  });

  it("forgets what is retained, without deleting it", async () => {
    await world.run(() => {
      new Group("group", (parent) => queue("retained", {}, { parent }), undefined);
      queue("mine", {}, { retainOnDelete: true });
    });
    world.provider.said();
    const { steps } = await world.run(() => undefined);
    expect(steps).toContainEqual({ op: "forget", urn: expect.stringMatching(/::mine$/) });
    expect(world.provider.said()).toEqual(["delete retained"]);
    expect((await world.run(() => undefined)).summary).toMatchObject({ same: 1, delete: 0, forget: 0 });
  });

  it("follows aliases by name, type, parent and project, down to the children", async () => {
    await world.run(() => {
      queue("a");
      new Group("outer", (parent) => queue("outer-q", {}, { parent }));
      queue("loose");
      new Group("typed", (parent) => queue("t", {}, { parent }), undefined, "OldType");
    });
    world.provider.said();
    const { summary, resources } = await world.run(() => {
      queue("b", {}, { aliases: [{ name: "a" }] });
      new Group("renamed", (parent) => queue("renamed-q", {}, { parent }), { aliases: [{ name: "outer" }] });
      new Group("home", (parent) => queue("loose", {}, { parent, aliases: [{ parent: undefined }] }));
      new Group(
        "typed",
        (parent) => queue("t", {}, { parent }),
        { aliases: [{ type: "test:index:OldType" }] },
        "NewType",
      );
    });
    expect(summary).toMatchObject({ same: 7, create: 1, update: 0, delete: 0 });
    expect(resources.find(({ name }) => name === "renamed-q")?.id).toBe("outer-q-id");
    expect(world.provider.said().sort()).toEqual(["renamed b", "renamed loose", "renamed renamed-q", "renamed t"]);
    // Long after the rename, an update still knows the name that physical names derive from.
    await world.run(() => queue("b", { delaySeconds: 3 }));
    expect(world.provider.calls.find(({ op }) => op === "update")?.request.origin).toEqual({
      urn: "urn:pulumi:dev::test::aws:sqs/queue:Queue::a",
      name: "a",
    });
  });

  it("ignores changes by path, replaces by path, and in the order asked for", async () => {
    const program = (delaySeconds: number, owner: string, name?: string, opts: pulumi.CustomResourceOptions = {}) =>
      world.run(() => {
        queue("q", { delaySeconds, tags: { owner, kind: "k" }, ...(name ? { name } : {}) }, opts);
      });
    await program(1, "ann", undefined, { ignoreChanges: ["tags.owner"] });
    const ignored = await program(1, "bob", undefined, { ignoreChanges: ["tags.owner"] });
    expect(ignored.summary).toMatchObject({ same: 2, update: 0 });
    const seen = await program(1, "bob");
    expect(seen.steps).toContainEqual({ op: "update", urn: expect.any(String), changed: ["tags.owner"] });
    world.provider.said();
    await program(2, "bob", undefined, { replaceOnChanges: ["delaySeconds"] });
    expect(world.provider.said()).toEqual(["delete q", "create q"]);
    world.provider.replacing = ["name"];
    world.provider.replaceOrder = "create-first";
    const replaced = await program(2, "bob", "given");
    expect(replaced.summary).toMatchObject({ replace: 1, delete: 0 });
    expect(world.provider.said()).toEqual(["create q", "delete q"]);
    await program(2, "bob", "another", { deleteBeforeReplace: true });
    expect(world.provider.said()).toEqual(["delete q", "create q"]);
    expect((await program(2, "bob", "another")).summary).toMatchObject({ same: 2 });
  });

  it("runs transforms: a resource's own, its parents', the stack's; and over invokes", async () => {
    const order: string[] = [];
    const note =
      (who: string): pulumi.ResourceTransform =>
      ({ name, props, opts }) => {
        if (name !== "inner") return undefined;
        order.push(who);
        return {
          props: { ...props, tags: { ...props.tags, [who]: "yes" } },
          opts: { ...opts, protect: who === "stack" },
        };
      };
    const { resources, outputs } = await world.run(() => {
      pulumi.runtime.registerResourceTransform(note("stack"));
      pulumi.runtime.registerInvokeTransform(({ token, args, opts }) =>
        token.includes("getRegion") ? { args: { ...args, region: "eu-west-3" }, opts } : { args, opts },
      );
      new Group(
        "group",
        (parent) =>
          queue(
            "inner",
            { name: pulumi.secret("hush"), tags: { own: "mine" } },
            { parent, transforms: [note("self")] },
          ),
        { transforms: [note("parent")] },
      );
      return { region: aws.getRegionOutput({}).region };
    });
    expect(order).toEqual(["self", "parent", "stack"]);
    const inner = resources.find(({ name }) => name === "inner");
    expect(inner?.inputs.tags).toEqual({ own: "mine", self: "yes", parent: "yes", stack: "yes" });
    expect(inner?.options.protect).toBe(true);
    expect(inner?.secretInputs).toEqual(["name"]);
    expect(outputs).toEqual({ region: "eu-west-3" });
  });

  it("keeps what was created when another resource fails, and goes on from there", async () => {
    world.provider.failing.add("bad");
    const program = () => {
      const good = queue("good");
      queue("bad", { tags: { after: good.arn } });
    };
    await expect(world.run(program)).rejects.toThrow(/creating .*::bad failed: no room for bad/);
    expect(world.provider.said()).toEqual(["create good"]);
    world.provider.failing.clear();
    const { summary } = await world.run(program);
    expect(summary).toMatchObject({ same: 2, create: 1 });
    await expect(world.run(() => [queue("twice"), queue("twice")])).rejects.toThrow(/Duplicate resource URN.*::twice/);
  });

  it("hashes the content of assets: the same content is the same, an edit is an update", async () => {
    const folder = join(world.folder, "code");
    mkdirSync(join(folder, "lib"), { recursive: true });
    writeFileSync(join(folder, "index.mjs"), "export const one = 1;");
    writeFileSync(join(folder, "lib", "a.txt"), "a");
    writeFileSync(join(world.folder, "code.zip"), zipSync({ "x/y.txt": Buffer.from("zipped") }));
    const program = (archive: () => pulumi.asset.Archive) => () => {
      new aws.lambda.Function("f", { role: "arn:aws:iam::000000000000:role/r", code: archive() });
    };
    const assembled = program(
      () =>
        new pulumi.asset.AssetArchive({
          ".": new pulumi.asset.FileArchive("code"),
          "config.json": new pulumi.asset.StringAsset("{}"),
          deep: new pulumi.asset.AssetArchive({ zip: new pulumi.asset.FileArchive("code.zip") }),
        }),
    );
    const stored = () => {
      const code = world.provider.calls.at(-1)?.request.inputs.code;
      if (!isStoredAsset(code)) throw new Error("no stored asset");
      return code;
    };
    await world.run(assembled);
    const first = stored();
    expect(first.__asset).toBe("archive");
    expect(readFileSync(join(first.path, "lib", "a.txt"), "utf8")).toBe("a");
    expect(readFileSync(join(first.path, "config.json"), "utf8")).toBe("{}");
    expect(readFileSync(join(first.path, "deep", "zip", "x", "y.txt"), "utf8")).toBe("zipped");
    expect((await world.run(assembled)).summary).toMatchObject({ same: 2 });
    writeFileSync(join(folder, "index.mjs"), "export const one = 2;");
    const edited = await world.run(assembled);
    expect(edited.steps).toContainEqual({ op: "update", urn: expect.any(String), changed: ["code"] });
    expect(stored().hash).not.toBe(first.hash);
    // What was laid out is independent of the program's files.
    rmSync(folder, { recursive: true });
    expect(readFileSync(join(first.path, "index.mjs"), "utf8")).toBe("export const one = 1;");

    await expect(world.run(program(() => new pulumi.asset.RemoteArchive("https://x/y.zip")))).rejects.toThrow(
      /RemoteArchive \(https:\/\/x\/y\.zip\) is not fetched/,
    );
    await expect(world.run(program(() => new pulumi.asset.FileArchive("nowhere")))).rejects.toThrow(
      /neither a folder nor/,
    );
    writeFileSync(join(world.folder, "evil.zip"), zipSync({ "../evil.txt": Buffer.from("x") }));
    await expect(world.run(program(() => new pulumi.asset.FileArchive("evil.zip")))).rejects.toThrow(/leads outside/);
  });

  it("marks secrets in state and outputs, wherever they pass", async () => {
    const { outputs, secretOutputs, resources } = await world.run(() => {
      const held = queue("held", { tags: { word: pulumi.secret("hush") } }, { additionalSecretOutputs: ["version"] });
      return {
        tags: held.tags,
        plain: held.arn,
        version: (held as unknown as { version: pulumi.Output<number> }).version,
      };
    });
    expect(outputs).toMatchObject({ tags: { word: "hush" }, plain: expect.stringContaining("held") });
    expect(secretOutputs).toEqual(["tags"]);
    expect(resources.find(({ name }) => name === "held")?.secretInputs).toEqual(["tags.word"]);
  });

  it("runs resource hooks around the steps, deletes included", async () => {
    const heard: string[] = [];
    const hook = (name: string) =>
      new pulumi.ResourceHook(name, ({ urn }) => void heard.push(`${name} ${urn.split("::").at(-1)}`));
    const hooks = () => ({
      beforeCreate: [hook("before")],
      afterCreate: [hook("after")],
      beforeDelete: [hook("farewell")],
    });
    await world.run(() => queue("q", {}, { hooks: hooks() }));
    expect(heard).toEqual(["before q", "after q"]);
    await world.run(() => void hook("farewell"));
    expect(heard.at(-1)).toBe("farewell q");
    const failing = () =>
      queue(
        "p",
        {},
        { hooks: { beforeCreate: [new pulumi.ResourceHook("no", () => Promise.reject(new Error("not today")))] } },
      );
    await expect(world.run(failing)).rejects.toThrow(/resource hook "no" of .*::p failed.*not today/);
  });

  it("looks up resources of this data folder, and refuses what is not there or not done", async () => {
    await world.run(() => queue("q"));
    const found = await world.run(() => ({ arn: aws.sqs.Queue.get("seen", "q-id").arn }), "up", { stack: "other" });
    expect(found.outputs.arn).toBe("arn:aws:x:us-east-1:000000000000:q");
    expect(found.summary.read).toBe(1);
    await expect(world.run(() => aws.sqs.Queue.get("gone", "no-such"))).rejects.toThrow(
      /no aws:sqs\/queue:Queue with id "no-such".*looked up as "gone"/,
    );
    await expect(world.run(() => queue("i", {}, { import: "x" }))).rejects.toThrow(/nothing to import "x" from/);
    const remote = () => new pulumi.ComponentResource("awsx:ecs:FargateService", "svc", {}, {}, true);
    await expect(world.run(remote)).rejects.toThrow(/NotSupportedLocally: the component awsx:ecs:FargateService/);
    const vpcs = world.run(async () => ({ vpc: (await aws.ec2.getVpc({ default: true })).id }));
    await expect(vpcs).rejects.toThrow(/NotSupportedLocally: aws\.ec2\.getVpc\(\)/);
  });

  it("keeps explicit providers to itself, and shows them in the graph", async () => {
    const { resources, summary } = await world.run(() => {
      const provider = new aws.Provider("frankfurt", { region: "eu-central-1" });
      queue("q", {}, { provider });
    });
    expect(world.provider.said()).toEqual(["create q"]);
    expect(resources.find(({ name }) => name === "q")?.options.provider).toMatch(
      /pulumi:providers:aws::frankfurt::[0-9a-f-]{36}$/,
    );
    expect(summary.create).toBe(3);
    expect((await world.run(() => undefined)).summary.delete).toBe(2);
  });
});
