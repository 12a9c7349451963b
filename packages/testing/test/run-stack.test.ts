import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { runStack } from "../src";

class Pair extends pulumi.ComponentResource {
  constructor(name: string, size: number) {
    super("test:index:Pair", name, {});
    for (let index = 0; index < size; index++) {
      new aws.sqs.Queue(`${name}-${index}`, { messageRetentionSeconds: 60 + index }, { parent: this });
    }
    this.registerOutputs();
  }
}

describe("runStack", () => {
  it("runs a function, and again on its state", async () => {
    const program = (size: number) => () => {
      new Pair("pair", size);
      new aws.sns.Topic("lonely");
      return { word: new pulumi.Config().require("word"), hidden: pulumi.secret(1) };
    };
    const first = await runStack(program(2), { config: { word: "hello" } });
    expect(first.summary.create).toBe(5);
    expect(first.outputs).toEqual({ word: "hello", hidden: 1 });
    expect(first.secretOutputs).toEqual(["hidden"]);
    expect(first.graph.resourcesUnder("pair").map(({ name }) => name)).toEqual(["pair-0", "pair-1"]);
    expect(first.graph.orphans().map(({ name }) => name)).toEqual(["lonely"]);
    expect(first.graph.find("aws:sqs/queue:Queue", "pair-1").outputs.url).toMatch(/^https:\/\/sqs\.us-east-1/);

    const same = await first.again();
    expect(same.summary).toMatchObject({ same: 5, create: 0, update: 0, delete: 0 });
    const smaller = await same.again(program(1));
    expect(smaller.summary).toMatchObject({ same: 4, delete: 1 });
    expect(smaller.provider.calls.at(-1)).toMatchObject({ op: "delete", name: "pair-1" });
  });

  it("shows what a program throws, and survives it", async () => {
    const broken = runStack(() => {
      throw new Error("no luck");
    });
    await expect(broken).rejects.toThrow(/no luck[\s\S]*run-stack\.test\.ts:\d+/);
    const after = await runStack(() => ({ fine: true }));
    expect(after.outputs).toEqual({ fine: true });
  });

  it("reads outputs of other stacks", async () => {
    const run = await runStack(
      () => ({ vpc: new pulumi.StackReference("organization/net/prod").requireOutput("vpcId") }),
      { references: { "net/prod": { vpcId: "vpc-1" } } },
    );
    expect(run.outputs).toEqual({ vpc: "vpc-1" });
  });

  it("previews with unknowns", async () => {
    const run = await runStack(() => ({ url: new aws.sqs.Queue("q").url }), { mode: "preview" });
    expect(run.summary.create).toBe(2);
    expect(run.provider.calls).toEqual([]);
  });
});
