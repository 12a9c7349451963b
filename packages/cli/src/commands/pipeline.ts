import type { PipelineRun } from "@tributary/local";
import { Command, InvalidArgumentError } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { CommandError, UsageError } from "../errors";
import { count, type Output, seconds, table } from "../output";
import { executionsOf, pipelineNamed, type RunRequest, resumePipeline, runPipeline } from "../pipelines";
import { platformOf } from "../platform";

interface RunOptions extends CommonOptions, RunRequest {}

function day(text: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new InvalidArgumentError("a day such as 2026-11-23");
}

function moment(text: string): string {
  const at = Date.parse(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(at)) return new Date(at).toISOString();
  throw new InvalidArgumentError("a time such as 2026-11-23T03:00:00Z");
}

/** What the run is asked for; what is not said is not in it. */
function requestOf({ from, to, full, asOf }: RunRequest): RunRequest {
  if (full === true && (from !== undefined || to !== undefined))
    throw new UsageError("--full is everything anew: leave --from and --to out, or --full.");
  if (from !== undefined && to !== undefined && from > to) throw new UsageError(`--from ${from} is after --to ${to}.`);
  return {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(full !== undefined && { full }),
    ...(asOf !== undefined && { asOf }),
  };
}

const rowsOf = ({ rows, skipped }: PipelineRun["steps"][number]): string =>
  skipped === true ? "unchanged" : rows === null ? "" : count(rows);

/** Prints a run; fails where it did not succeed. */
function report(output: Output, name: string, run: PipelineRun): void {
  const partitions = run.steps.some((step) => step.partitions !== undefined);
  output.result(run, () =>
    [
      table(
        ["step", "rows", ...(partitions ? ["partitions"] : []), "time"],
        run.steps.map((step) => [
          step.name,
          rowsOf(step),
          ...(partitions ? [step.partitions === undefined ? "" : count(step.partitions)] : []),
          seconds(step.seconds),
        ]),
      ),
      `${name}: ${run.status.toLowerCase()}`,
    ].join("\n"),
  );
  if (run.status === "SUCCEEDED") return;
  throw new CommandError(
    `Pipeline ${name} ended ${run.status}: ${run.error ?? "no cause given"}\nWhen it is mended: tributary pipeline resume ${name}`,
  );
}

export function pipelineCommand(): Command {
  const run = withCommonOptions(new Command("run"))
    .description("run a pipeline now and wait for it")
    .argument("<name>", "the pipeline: nightly, or match where there is matching")
    .option("--from <day>", "make the tables of this day and later anew (nightly)", day)
    .option("--to <day>", "… up to this day (nightly)", day)
    .option("--full", "make everything anew (nightly)")
    .option("--as-of <time>", "what tables are as of (nightly; default: now)", moment)
    .action(async (name: string, options: RunOptions) => {
      const request = requestOf(options);
      await withRuntime(options, async (runtime, output) =>
        report(output, name, await runPipeline(runtime, await platformOf(runtime), name, request)),
      );
    });
  const resume = withCommonOptions(new Command("resume"))
    .description("go on with the last run that failed, from the step that failed")
    .argument("<name>", "the pipeline")
    .action(async (name: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) =>
        report(output, name, await resumePipeline(runtime, await platformOf(runtime), name)),
      );
    });
  const status = withCommonOptions(new Command("status"))
    .description("show the newest runs")
    .argument("<name>", "the pipeline")
    .action(async (name: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const { arn } = pipelineNamed(await platformOf(runtime), name);
        const runs = (await executionsOf(runtime, arn)).slice(0, 10);
        const shown = runs.map(({ name: run, status, startDate, stopDate, redriveCount = 0 }) => ({
          run,
          status,
          started: new Date(startDate).toISOString(),
          seconds:
            stopDate === undefined ? null : (new Date(stopDate).getTime() - new Date(startDate).getTime()) / 1000,
          resumed: redriveCount,
        }));
        output.result({ runs: shown }, () =>
          table(
            ["run", "status", "started", "time", "resumed"],
            shown.map((each) => [
              each.run,
              each.status.toLowerCase(),
              each.started,
              each.seconds === null ? "" : seconds(each.seconds),
              each.resumed === 0 ? "" : each.resumed,
            ]),
          ),
        );
      });
    });
  return new Command("pipeline")
    .description("batch pipelines: the lake's, and matching")
    .addCommand(run)
    .addCommand(resume)
    .addCommand(status);
}
