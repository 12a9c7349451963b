import { join } from "node:path";
import { Graph, runStack } from "@tributary/testing";
import { lookedAt, rules, violations } from "../../../packages/core/test/well-architected";

const awsxVpc = "awsx:ec2:Vpc$";

/** The whole platform's graph against the Well-Architected rules that core's tests hold each child to. */
describe("the reference platform", () => {
  let ours: Graph;
  beforeAll(async () => {
    const run = await runStack(join(__dirname, "../../.."), {
      mode: "up",
      config: { "tributary:crmUrl": "https://crm.example.com" },
    });
    // The program's own network is awsx's to answer for: it has public subnets, and none of our cost tags.
    ours = new Graph(run.graph.all.filter(({ urn }) => !urn.includes(awsxVpc)));
  });

  it("keeps every Well-Architected rule", () => {
    expect(violations(ours)).toEqual([]);
  });

  it("gives every rule something to look at, but those on what the program did not ask for", () => {
    const seen = lookedAt(ours);
    // Opt-in: S22 is on Kafka, S23 and C5-redshift on Redshift, C2 on budgets; N8 and R6 on a network that Governance makes.
    expect(
      rules
        .map(({ id }) => id)
        .filter((id) => !seen.includes(id))
        .sort(),
    ).toEqual(["C2", "C5-redshift", "N8", "R6", "S22", "S23"]);
  });
});
