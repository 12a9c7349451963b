import { AwsError, arn, type Kernel } from "../../kernel";
import { perKernel } from "../support";
import type { SchemaMapping, Workflow } from "./definitions";

/** The schema mappings and matching workflows that the stack has. */
export class Registry {
  readonly schemas = new Map<string, SchemaMapping>();
  readonly workflows = new Map<string, Workflow>();

  constructor(private readonly kernel: Kernel) {}

  schemaArn(name: string): string {
    return arn(this.kernel.place, "entityresolution", `schemamapping/${name}`);
  }

  workflowArn(name: string): string {
    return arn(this.kernel.place, "entityresolution", `matchingworkflow/${name}`);
  }

  requireSchema(nameOrArn: string): SchemaMapping {
    const name = nameOrArn.split("/").at(-1) ?? nameOrArn;
    const schema = this.schemas.get(name);
    if (schema) return schema;
    throw new AwsError("ResourceNotFoundException", `There is no schema mapping ${name}.`, { status: 404 });
  }

  requireWorkflow(name: string): Workflow {
    const workflow = this.workflows.get(name);
    if (workflow) return workflow;
    throw new AwsError("ResourceNotFoundException", `There is no matching workflow ${name}.`, { status: 404 });
  }
}

export const registryOf = perKernel((kernel) => new Registry(kernel));
