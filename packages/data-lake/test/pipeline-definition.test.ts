import * as pulumi from "@pulumi/pulumi";
import type { FoundationRef } from "@tributary/core";
import { runStack } from "@tributary/testing";
import fc from "fast-check";
import { policies, violations } from "../../core/test/well-architected";
import { checkStateMachine } from "../../local/src/schema/state-machine";
import { parseMachine } from "../../local/src/services/sfn/definition";
import { DataLake, type DataLakeArgs, dataLakeFaults, type PipelineStep, stepPlaces } from "../src";
import { pipelineDefinition } from "../src/resources/pipeline-states";
import type { PipelineParts } from "../src/resources/pipeline-tasks";
import { resolveSteps } from "../src/steps";

const arn = (service: string, rest: string) => `arn:aws:${service}:us-east-1:000000000000:${rest}`;
const job = (name: string) => ({ name, arn: arn("glue", `job/${name}`) });
const machine = (name: string) => ({ arn: arn("states", `stateMachine:${name}`) });

interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Catch?: readonly { readonly Next: string }[];
  readonly Retry?: readonly unknown[];
  readonly End?: boolean;
}
interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

async function definitionOf(parts: Omit<PipelineParts, "partition" | "landArn">): Promise<Definition> {
  const text = pipelineDefinition({
    partition: pulumi.output("aws"),
    landArn: arn("lambda", "function:land"),
    ...parts,
  });
  return JSON.parse(await new Promise<string>((resolve) => text.apply(resolve))) as Definition;
}

/** Names in the order of a night on which all goes well and something has landed. */
function way({ States, StartAt }: Definition): string[] {
  const names: string[] = [];
  for (let name: string | undefined = StartAt; name !== undefined; ) {
    names.push(name);
    const state: State | undefined = States[name];
    name = state?.Type === "Choice" ? state.Choices?.[0]?.Next : state?.Next;
  }
  return names;
}

const steps: readonly PipelineStep[] = [
  { name: "Audit", after: "clean", function: { arn: arn("lambda", "function:audit") }, payload: { a: 1 }, retries: 0 },
  { name: "Score", after: "curate", job: job("score"), arguments: { "--model": 'a "b" %}' } },
  { name: "Second score", after: "curate", job: job("second") },
  { name: "Refresh", after: "serve", stateMachine: machine("refresh"), input: { b: 2 } },
  {
    name: "Query",
    after: "land",
    task: { Resource: "arn:aws:states:::athena:startQueryExecution.sync", Parameters: { QueryString: "select 1" } },
    statements: [],
  },
];

describe("the definition", () => {
  it("is valid, reaches each of its states, ends, and retries each task, whatever it is made of", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom<readonly string[]>([], ["Redshift"], ["Redshift", "QuickSight"]),
        fc.subarray([...steps]),
        async (match, traits, serve, chosen) => {
          const definition = await definitionOf({
            jobs: ["Clean", "Curate", ...(traits ? ["Traits"] : [])].map((state) => ({
              state,
              jobName: `lake-${state}`,
              everyNight: state === "Traits",
            })),
            matchArn: match ? machine("match").arn : undefined,
            serve: serve.map((state) => ({ state, machineArn: machine(state).arn })),
            steps: resolveSteps(chosen),
          });
          const text = JSON.stringify(definition);
          expect(checkStateMachine(text, "definition")).toEqual([]);
          parseMachine(text, "STANDARD");
          const { States, StartAt } = definition;
          const reached = new Set([StartAt]);
          for (const name of reached) {
            const { Next, Default, Choices = [], Catch = [] } = States[name] as State;
            for (const next of [Next, Default, ...Choices.map((each) => each.Next), ...Catch.map((each) => each.Next)])
              if (next !== undefined) reached.add(next);
          }
          expect([...reached].sort()).toEqual(Object.keys(States).sort());
          expect(way(definition).at(-1)).toBe("Done");
          const tasks = Object.values(States).filter(({ Type }) => Type === "Task");
          expect(tasks.filter(({ Retry = [] }) => Retry.length === 0)).toEqual([]);
          // Nothing that fails is caught for good: an execution that ended in a Fail state ends there again when redriven.
          expect(Object.entries(States).filter(([, { Type }]) => Type === "Fail")).toHaveLength(1);
          if (traits) expect(States.AnythingNew?.Default).toBe("Traits");
        },
      ),
      { numRuns: 12 },
    );
  });

  it("puts steps after their places, in the order of declaration", async () => {
    const jobs = ["Clean", "Curate", "Traits"].map((state) => ({ state, jobName: state }));
    const all = await definitionOf({
      jobs,
      matchArn: machine("match").arn,
      serve: [{ state: "Load", machineArn: machine("load").arn }],
      steps: resolveSteps(
        stepPlaces.flatMap((after) => [1, 2].map((n) => ({ name: `${after} ${n}`, after, job: job("j") }))),
      ),
    });
    const both = (place: string) => [`${place} 1`, `${place} 2`];
    expect(way(all)).toEqual([
      ...["LookForOthers", "Alone", "Land", "AnythingNew", ...both("land")],
      ...["Clean", ...both("clean"), "Match", ...both("match"), "Curate", ...both("curate")],
      ...["Traits", ...both("traits"), "Serve", ...both("serve"), "Remember", "Done"],
    ]);
    // Places of what is not there are places all the same.
    const few = await definitionOf({ jobs: jobs.slice(0, 2), serve: [], steps: resolveSteps(steps) });
    expect(way(few).slice(3)).toEqual([
      ...["AnythingNew", "Query", "Clean", "Audit", "Curate", "Score", "Second score", "Refresh", "Remember", "Done"],
    ]);
  });
});

describe("steps at fault", () => {
  const faultsOf = (given: unknown) =>
    Object.fromEntries(
      dataLakeFaults({ foundation, nightly: { steps: given } } as unknown as DataLakeArgs).map(({ path, reason }) => [
        path.replace("nightly.steps", ""),
        reason,
      ]),
    );

  it("are told all at once, with path and remedy", () => {
    const faults = faultsOf([
      { name: "Clean", after: "clean", job: job("x") },
      { name: "1st", after: "wash", job: { name: "x" } },
      { name: "Audit", after: "clean", function: { arn: 5 }, retries: 11, payload: [] },
      { name: "audit", after: "clean" },
      { name: "Both", after: "clean", function: { arn: "a" }, stateMachine: machine("m") },
      { name: "Any", after: "serve", task: { Resource: "arn:…", Next: "x", Catch: [] }, retry: 1 },
      "Score",
    ]);
    expect(faults).toMatchObject({
      "[0].name": '"Clean" is also the name of the pipeline\'s own; names differ',
      "[1].name": expect.stringContaining('such as "Audit"'),
      "[1].after": '"wash" must be one of "land", "clean", "match", "curate", "traits", "serve"',
      "[1].job.arn": "is missing; give the ARN of a Glue job",
      "[2].function.arn": "5 must be the ARN of a Lambda function",
      "[2].payload": "[] must be an object",
      "[2].retries": "11 must be a whole number from 0 to 10",
      "[3].name": '"audit" is also the name of nightly.steps[2]; names differ',
      "[3]": "has none of function, job, stateMachine, task; give one",
      "[4]": "has function and stateMachine of function, job, stateMachine, task; give one",
      "[5].retry": expect.stringContaining("is no argument"),
      "[5].task.Next": "is set by the pipeline; leave it out",
      "[5].task.Catch": expect.stringContaining("so that it can be resumed"),
      "[5].statements": expect.stringContaining("must be the list of what the task may do"),
      "[6]": expect.stringContaining('"Score" must be an object'),
    });
    expect(Object.keys(faults)).toHaveLength(15);
    expect(faultsOf(steps)).toEqual({});
    expect(faultsOf({})).toMatchObject({ "": expect.stringContaining("must be a list of steps") });
  });
});

const foundation: FoundationRef = {
  keyArn: arn("kms", "key/k"),
  alarmTopicArn: arn("sns", "alarms"),
  environment: "test",
  logRetentionDays: 30,
  tags: { Project: "p", Tenant: "t", CostCenter: "c" },
  accessLogs: { bucketName: "logs" },
};

describe("a pipeline that is made later", () => {
  it("is made by runNightly, with what it may start and watch, and nothing more", async () => {
    const { graph, outputs } = await runStack(() => {
      const lake = new DataLake("cdp", { foundation, nightly: "later" });
      const before = pipelinesOf(lake);
      lake.runNightly({ schedule: { expression: "rate(1 day)" }, match: machine("match"), steps });
      return { before, contract: lake.contract, arn: lake.nightlyPipelineArn, node: lake.nodes.nightlyPipeline?.urn };
    });
    expect(violations(graph)).toEqual([]);
    expect(outputs.before).toEqual({});
    expect(outputs.contract).toMatchObject({ pipelines: { nightly: outputs.arn } });
    expect(graph.byType("aws:scheduler/schedule:Schedule")).toHaveLength(1);
    const own = policies(graph).filter(({ owner }) => /^cdp-nightly-(run|itself)$/.test(owner.name));
    const allowed = Object.fromEntries(
      own.flatMap(({ statements }) => statements).map(({ Sid, Action, Resource }) => [Sid ?? String(Action), Resource]),
    );
    expect(allowed).toMatchObject({
      StartMachines: [machine("match").arn, machine("refresh").arn],
      AwaitMachines: [arn("states", "execution:match:*"), arn("states", "execution:refresh:*")],
      HearOfMachines: [arn("events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")],
      "states:ListExecutions": [outputs.arn],
      Functions: [expect.stringContaining(":function:cdp-nightly-land"), arn("lambda", "function:audit")],
    });
    // The function that looks for what landed lists, and reads nothing but its own record.
    const land = policies(graph).filter(({ owner }) => owner.name.startsWith("cdp-nightly-land-"));
    const actions = land
      .flatMap(({ statements }) => statements)
      .flatMap(({ Action, Resource }) => [Action].flat().map((each) => [each, Resource]));
    expect(actions.filter(([action]) => action === "s3:GetObject").flatMap(([, resource]) => resource)).toEqual([
      expect.stringMatching(/cdp-workspace-\w+\/land\/\*$/),
    ]);
  });

  it("is made once, of arguments without a fault; a lake that waits for the call has none, and its contract says so", async () => {
    const { graph, outputs } = await runStack(() => {
      const [later, made] = [
        new DataLake("later", { foundation, nightly: "later" }),
        new DataLake("made", { foundation, databasePrefix: "m_" }),
      ];
      return {
        never: { pipelines: pipelinesOf(later), arn: later.nightlyPipelineArn ?? "none" },
        faults: messageOf(() => later.runNightly({ match: "arn", step: [] } as never)),
        once: messageOf(() => later.runNightly({})),
        twice: messageOf(() => later.runNightly({})),
        already: messageOf(() => made.runNightly({})),
      };
    });
    expect(
      graph
        .byType("aws:sfn/stateMachine:StateMachine")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["later-nightly", "made-nightly"]);
    expect(outputs).toMatchObject({
      faults: expect.stringMatching(/did you mean "steps"[\s\S]*match: "arn" must be an object such as identities/),
      once: "",
      twice: expect.stringContaining("runNightly was called before: call it once, with everything."),
      already: expect.stringContaining('it was made by the constructor: give the constructor nightly: "later"'),
      never: { pipelines: {}, arn: "none" },
    });
  });
});

const pipelinesOf = (lake: DataLake): unknown => (lake.contract as { readonly pipelines: unknown }).pipelines;

function messageOf(work: () => void): string {
  try {
    work();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
