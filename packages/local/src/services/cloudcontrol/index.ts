import { AwsError, type Kernel, type Realiser, type Resource } from "../../kernel";
import { recordResource } from "../../recorded";
import { connectorType } from "../appflow/connectors";
import { isRecord } from "../support";

/** A CloudFormation type that works here when Cloud Control makes it. */
export interface CloudControlType {
  readonly typeName: string;
  /** @returns identifier and read-only properties, in CloudFormation's names */
  compute(
    state: Readonly<Record<string, unknown>>,
    kernel: Kernel,
  ): Promise<{ identifier: string; properties: Record<string, unknown> }>;
  attach?(state: Readonly<Record<string, unknown>>, kernel: Kernel): Promise<void> | void;
  detach?(state: Readonly<Record<string, unknown>>, kernel: Kernel): Promise<void> | void;
}

const types = new Map([connectorType].map((type) => [type.typeName, type]));

function stateOf({ inputs }: { readonly inputs: Record<string, unknown> }): Record<string, unknown> {
  let state: unknown;
  try {
    state = JSON.parse(String(inputs.desiredState));
  } catch {
    state = undefined;
  }
  if (isRecord(state)) return state;
  throw new AwsError("InvalidRequestException", "desiredState must be the text of a JSON object");
}

const typeOf = ({ inputs }: Pick<Resource, "inputs">) => types.get(String(inputs.typeName));

const resource: Realiser = {
  type: "aws:cloudcontrol/resource:Resource",
  replaceOn: ["typeName"],
  async compute(given, kernel) {
    const desired = stateOf(given);
    const type = typeOf(given);
    if (!type) {
      kernel.log.info(
        `${given.name}: ${String(given.inputs.typeName)} by Cloud Control is recorded, it has no behaviour here`,
      );
      const { id } = recordResource(given, kernel);
      return { id, outputs: { properties: JSON.stringify(desired) } };
    }
    const { identifier, properties } = await type.compute(desired, kernel);
    return { id: identifier, outputs: { properties: JSON.stringify({ ...desired, ...properties }) } };
  },
  attach: (given, kernel) => typeOf(given)?.attach?.(stateOf(given), kernel),
  detach: (given, kernel) => typeOf(given)?.detach?.(stateOf(given), kernel),
};

/** Cloud Control: resources by CloudFormation's types, for the few of those that work here; all others are recorded. */
export function install(_kernel: Kernel): Realiser[] {
  return [resource];
}
