import type * as iam from "@pulumi/aws/iam";
import type * as pulumi from "@pulumi/pulumi";
import { TributaryComponent } from "./component";
import type { FoundationRef } from "./foundation";
import { tagsFor } from "./foundation";
import { serviceRole } from "./function-role";

export interface ServiceRoleArgs {
  readonly foundation: FoundationRef;
  /** Who assumes it: `glue.amazonaws.com`. */
  readonly service: pulumi.Input<string>;
}

/** A role that one AWS service assumes for one thing of ours, and to which grants can be made. */
export class ServiceRole extends TributaryComponent {
  readonly role: iam.Role;
  readonly arn: pulumi.Output<string>;
  readonly grantName: string;

  constructor(name: string, args: ServiceRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ServiceRole", name, opts);
    this.grantName = name;
    this.role = serviceRole(
      name,
      { ...args, place: this.place, tags: tagsFor(args.foundation, this.module) },
      this.child(),
    );
    this.arn = this.role.arn;
    this.registerOutputs({ roleArn: this.arn });
  }
}
