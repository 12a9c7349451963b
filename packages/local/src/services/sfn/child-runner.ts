import type { Json } from "@tributary/model";
import type { StateGroup } from "./definition";
import { type ExecutionRow, running } from "./execution-row";
import type { Launch, Running } from "./execution-run";
import type { Executions } from "./executions";
import { type ChildExecutions, childPrefix, type MapRunSettings, type OpenMapRun } from "./map-run";
import { Aborted } from "./state-error";

/** Runs the child executions of an execution's distributed Maps. */
export class ChildRunner implements ChildExecutions {
  constructor(
    private readonly executions: Executions,
    private readonly parent: Launch,
  ) {}

  async open(mapRunArn: string | undefined, settings: MapRunSettings): Promise<OpenMapRun> {
    const { mapRuns } = this.executions;
    const { row, mode } = this.parent;
    const { arn } =
      mapRunArn === undefined
        ? await mapRuns.create(row.machineArn, row.arn, settings)
        : await mapRuns.reopen(mapRunArn, mode === "redrive");
    return {
      arn,
      child: (index, processor, inputOf, itemCount, signal) =>
        this.child(`${childPrefix(arn)}${index}`, arn, processor, inputOf, itemCount, signal),
      finish: (status) => mapRuns.finish(arn, status),
    };
  }

  private async child(
    arn: string,
    mapRunArn: string,
    group: StateGroup,
    inputOf: () => Promise<Json>,
    itemCount: number,
    signal: AbortSignal,
  ): Promise<ExecutionRow> {
    const { executions } = this;
    const known = executions.find(arn);
    if (known && (known.status === "SUCCEEDED" || (known.status !== "RUNNING" && this.parent.mode !== "redrive")))
      return known;
    const row = known ? await this.again(known) : await this.fresh(arn, mapRunArn, await inputOf(), itemCount);
    if (signal.aborted) throw new Aborted();
    const { machine, queryLanguage } = this.parent;
    const mode = !known ? "start" : known.status === "RUNNING" ? "resume" : "redrive";
    const run: Running = executions.launch({ row, machine, group, queryLanguage, mode });
    // What the end of the process cuts short goes on with its parent.
    const stop = () => run.stop({ status: executions.closing ? "CLOSED" : "ABORTED" });
    signal.addEventListener("abort", stop, { once: true });
    try {
      await run.done;
    } finally {
      signal.removeEventListener("abort", stop);
    }
    return executions.get(arn);
  }

  private async fresh(arn: string, mapRunArn: string, input: Json, itemCount: number): Promise<ExecutionRow> {
    const row: ExecutionRow = {
      arn,
      name: arn.split(":").at(-1) ?? arn,
      machineArn: this.parent.machine.arn,
      status: "RUNNING",
      input: JSON.stringify(input),
      startedAt: this.executions.now(),
      mapRunArn,
      itemCount,
    };
    await this.executions.save(row);
    return row;
  }

  private async again(known: ExecutionRow): Promise<ExecutionRow> {
    if (known.status === "RUNNING") return known;
    const row = { ...running(known), redriveCount: (known.redriveCount ?? 0) + 1, redrivenAt: this.executions.now() };
    await this.executions.save(row);
    return row;
  }
}
