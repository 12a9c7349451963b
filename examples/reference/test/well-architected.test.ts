import { join } from "node:path";
import { runStack, type StackRun } from "@tributary/testing";
import { lookedAt, rules, violations } from "../../../packages/core/test/well-architected";

/** The whole platform's graph against the Well-Architected rules that core's tests hold each child to. */
describe("the reference platform", () => {
  let run: StackRun;
  beforeAll(async () => {
    run = await runStack(join(__dirname, ".."), { mode: "up", config: { "tributary:crmUrl": "https://crm.example.com" } });
  });

  it("keeps every Well-Architected rule", () => {
    expect(violations(run.graph)).toEqual([]);
  });

  it("gives every rule something to look at", () => {
    // Subnets are awsx's here, and our own only when Governance creates the network.
    expect(rules.map(({ id }) => id).filter((id) => !lookedAt(run.graph).includes(id))).toEqual([]);
  });
});
