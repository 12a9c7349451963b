import type { PipelineRun, RuntimeHandle } from "@tributary/local";
import type { PlatformContract } from "@tributary/model";
import { Command } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { CommandError, UsageError } from "../errors";
import { count, seconds, table } from "../output";
import { platformOf } from "../platform";
import { progress } from "../progress";

/**
 * Runs a pipeline and waits for its end. First everything under way is let through to the raw zone, so
 * that the run sees all that was accepted before it.
 */
export async function runPipeline(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  name: string,
): Promise<PipelineRun> {
  const pipelines = { ...platform.lake.pipelines, ...platform.identities.pipelines };
  const stateMachineArn = pipelines[name];
  if (!stateMachineArn) {
    throw new UsageError(`There is no pipeline "${name}"; there is: ${Object.keys(pipelines).join(", ")}.`);
  }
  const bar = progress(`pipeline ${name}`);
  try {
    await runtime.quiesce((pending) => bar.update(0, 1, `waiting for ${Object.keys(pending).join(", ") || "nothing"}`));
    const { executionArn } = await runtime.call<{ executionArn: string }>("sfn", "StartExecution", { stateMachineArn });
    for (;;) {
      const run = await runtime.pipelineRun(executionArn);
      if (run.status !== "RUNNING") return run;
      bar.update(run.steps.length, run.steps.length + 1, run.steps.at(-1)?.name);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    bar.stop();
  }
}

export function pipelineCommand(): Command {
  const run = withCommonOptions(new Command("run"))
    .description("run a pipeline now and wait for it")
    .argument("<name>", "the pipeline: nightly, or match where there is matching")
    .action(async (name: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const result = await runPipeline(runtime, await platformOf(runtime), name);
        output.result(result, () =>
          [
            table(
              ["step", "rows", "time"],
              result.steps.map((step) => [
                step.name,
                step.rows === null ? "" : count(step.rows),
                seconds(step.seconds),
              ]),
            ),
            `${name}: ${result.status.toLowerCase()}`,
          ].join("\n"),
        );
        if (result.status !== "SUCCEEDED")
          throw new CommandError(`Pipeline ${name} ended ${result.status}: ${result.error ?? "no cause given"}`);
      });
    });
  return new Command("pipeline").description("batch pipelines: the lake's, and matching").addCommand(run);
}
