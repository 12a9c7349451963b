import { randomUUID } from "node:crypto";
import type { Json } from "@tributary/model";
import { AwsError, type Kernel } from "../../kernel";
import type { StateGroup } from "./definition";
import type { ExecutionRow } from "./execution-row";

export interface MapRunSettings {
  readonly label: string;
  readonly maxConcurrency: number;
  readonly toleratedFailureCount: number;
  readonly toleratedFailurePercentage: number;
  /** Items in all. */
  readonly total: number;
}

export interface MapRunRow extends MapRunSettings {
  readonly arn: string;
  readonly executionArn: string;
  readonly machineArn: string;
  readonly status: "RUNNING" | "SUCCEEDED" | "FAILED" | "ABORTED";
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly stoppedAt?: number;
  readonly redriveCount: number;
  readonly redrivenAt?: number;
}

/** A Map Run while its Map state runs. */
export interface OpenMapRun {
  readonly arn: string;
  /** Runs the child execution of an item or batch to its end; one that has succeeded before is not run again. */
  child(
    index: number,
    processor: StateGroup,
    inputOf: () => Promise<Json>,
    itemCount: number,
    signal: AbortSignal,
  ): Promise<ExecutionRow>;
  finish(status: "SUCCEEDED" | "FAILED" | "ABORTED"): Promise<void>;
}

/** How an execution runs the child executions of its distributed Maps. */
export interface ChildExecutions {
  /** @param mapRunArn of a Map Run to go on with */
  open(mapRunArn: string | undefined, settings: MapRunSettings): Promise<OpenMapRun>;
}

/** Rows of Map Runs. */
export class MapRuns {
  private readonly rows;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<MapRunRow>("sfn.mapRuns");
  }

  async create(machineArn: string, executionArn: string, settings: MapRunSettings): Promise<MapRunRow> {
    const arn = `${machineArn.replace(":stateMachine:", ":mapRun:")}/${settings.label}:${randomUUID()}`;
    const times = { startedAt: this.kernel.now(), redriveCount: 0 };
    return await this.save({ arn, machineArn, executionArn, status: "RUNNING", ...settings, ...times });
  }

  async reopen(arn: string, redriven: boolean): Promise<MapRunRow> {
    const { stoppedAt: _, ...row } = this.get(arn);
    const redrive = redriven ? { redriveCount: row.redriveCount + 1, redrivenAt: this.kernel.now() } : {};
    return await this.save({ ...row, status: "RUNNING", ...redrive });
  }

  async finish(arn: string, status: "SUCCEEDED" | "FAILED" | "ABORTED"): Promise<void> {
    await this.save({ ...this.get(arn), status, stoppedAt: this.kernel.now() });
  }

  get(arn: string): MapRunRow {
    const row = this.rows.get(arn);
    if (row) return row;
    throw new AwsError("ResourceNotFound", `Map Run Does Not Exist: '${arn}'`);
  }

  list(executionArn: string): MapRunRow[] {
    const machine = executionArn.replace(":execution:", ":mapRun:").replace(/:[^:]+$/, "/");
    const all = [...this.rows.entries({ start: machine, end: `${machine}\u{10ffff}` })].map(({ value }) => value);
    return all.filter((row) => row.executionArn === executionArn);
  }

  private async save(row: MapRunRow): Promise<MapRunRow> {
    await this.kernel.store.write(() => this.rows.put(row.arn, row));
    return row;
  }
}

/** What the ARNs of a Map Run's child executions begin with. */
export const childPrefix = (mapRunArn: string): string => `${mapRunArn.replace(":mapRun:", ":execution:")}-`;

/** A Map Run as `DescribeMapRun` tells it. */
export function mapRunToSdk(row: MapRunRow, children: readonly ExecutionRow[]): Record<string, unknown> {
  const count = (weigh: (child: ExecutionRow) => number) => {
    const of = (status: string) =>
      children.filter((child) => child.status === status).reduce((sum, child) => sum + weigh(child), 0);
    const [succeeded, failed, running] = [of("SUCCEEDED"), of("FAILED"), of("RUNNING")];
    const [aborted, timedOut] = [of("ABORTED"), of("TIMED_OUT")];
    return {
      succeeded,
      failed,
      running,
      aborted,
      timedOut,
      resultsWritten: 0,
      pendingRedrive: 0,
      failuresNotRedrivable: 0,
    };
  };
  const items = count((child) => child.itemCount ?? 1);
  const started = items.succeeded + items.failed + items.running + items.aborted + items.timedOut;
  return {
    mapRunArn: row.arn,
    executionArn: row.executionArn,
    status: row.status,
    startDate: new Date(row.startedAt),
    ...(row.stoppedAt !== undefined && { stopDate: new Date(row.stoppedAt) }),
    maxConcurrency: row.maxConcurrency,
    toleratedFailureCount: row.toleratedFailureCount,
    toleratedFailurePercentage: row.toleratedFailurePercentage,
    itemCounts: { ...items, total: row.total, pending: Math.max(0, row.total - started) },
    executionCounts: { ...count(() => 1), total: children.length, pending: 0 },
    redriveCount: row.redriveCount,
    ...(row.redrivenAt !== undefined && { redriveDate: new Date(row.redrivenAt) }),
  };
}
