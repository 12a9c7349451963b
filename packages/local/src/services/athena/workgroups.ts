import { AwsError, type Kernel } from "../../kernel";
import { perKernel } from "../support";

export interface Workgroup {
  readonly name: string;
  readonly arn: string;
  readonly enabled: boolean;
  /** Whether the workgroup's output location wins over the caller's. */
  readonly enforced: boolean;
  /** `s3://bucket/prefix/`; undefined where only callers name one. */
  readonly outputLocation: string | undefined;
  /** Most bytes that a query may scan; undefined for no limit. */
  readonly scanCutoff: number | undefined;
  readonly description: string | undefined;
}

export interface NamedQuery {
  readonly id: string;
  readonly name: string;
  readonly database: string;
  readonly query: string;
  readonly workgroup: string;
  readonly description: string | undefined;
}

/** Workgroups and named queries of the stack. Every account has the workgroup `primary`. */
export class Workgroups {
  readonly workgroups = new Map<string, Workgroup>();
  readonly namedQueries = new Map<string, NamedQuery>();

  constructor(readonly kernel: Kernel) {}

  require(name: string): Workgroup {
    const workgroup = this.workgroups.get(name);
    if (workgroup) return workgroup;
    throw new AwsError("InvalidRequestException", `WorkGroup ${name} is not found.`);
  }
}

export const workgroupsOf = perKernel((kernel) => new Workgroups(kernel));
