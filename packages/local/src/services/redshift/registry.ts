import { AwsError, type Kernel } from "../../kernel";
import { perKernel } from "../support";

export interface Namespace {
  readonly name: string;
  readonly arn: string;
  readonly database: string;
  /** Roles that its external schemas may take up. */
  readonly roles: readonly string[];
  /** Where the admin's password is, where AWS keeps it. */
  readonly secretArn: string | undefined;
}

export interface RedshiftWorkgroup {
  readonly name: string;
  readonly arn: string;
  readonly namespace: string;
}

/** Namespaces and workgroups of the stack. */
export class Registry {
  readonly namespaces = new Map<string, Namespace>();
  readonly workgroups = new Map<string, RedshiftWorkgroup>();

  constructor(readonly kernel: Kernel) {}

  workgroup(name: string): RedshiftWorkgroup {
    const found = this.workgroups.get(name);
    if (found) return found;
    const names = [...this.workgroups.keys()].join(", ");
    throw new AwsError(
      "ValidationException",
      `Redshift endpoint doesn't exist in this region: there is no workgroup ${name}; ${names === "" ? "the stack has none" : `the stack has ${names}`}`,
    );
  }

  namespaceOf(workgroup: RedshiftWorkgroup): Namespace {
    const found = this.namespaces.get(workgroup.namespace);
    if (found) return found;
    throw new AwsError("ResourceNotFoundException", `The namespace ${workgroup.namespace} can't be found.`);
  }
}

export const registryOf = perKernel((kernel) => new Registry(kernel));
