import { z } from "zod";
import { AwsError, arn, type Kernel, type Realiser } from "../../kernel";
import { perKernel } from "../support";

export interface RegisteredConnector {
  readonly label: string;
  readonly arn: string;
  readonly lambdaArn: string;
}

const answer = z.looseObject({
  isSuccess: z.boolean(),
  errorDetails: z
    .looseObject({ errorCode: z.string(), errorMessage: z.string(), retryAfterSeconds: z.number().nullish() })
    .nullish(),
});
export type ConnectorAnswer = z.output<typeof answer>;

/** Custom connectors of the account, by label. They live as long as the resource that registers them. */
export class Connectors {
  readonly byLabel = new Map<string, RegisteredConnector>();

  constructor(private readonly kernel: Kernel) {}

  arnOf(label: string): string {
    return arn(this.kernel.place, "appflow", `connector/${label}`);
  }

  require(label: string | undefined): RegisteredConnector {
    const found = this.byLabel.get(label ?? "");
    if (found) return found;
    const message = `Connector ${label} is not registered. Connectors of the stack: ${[...this.byLabel.keys()].join(", ") || "none"}`;
    throw new AwsError("ResourceNotFoundException", message, { status: 404 });
  }

  /** Invokes a connector's function as AppFlow does. @throws AwsError where it is no answer of the contract */
  async ask(connector: RegisteredConnector, type: string, request: object): Promise<ConnectorAnswer> {
    const principal = { kind: "service", service: "appflow.amazonaws.com", sourceArn: connector.arn } as const;
    const { payload, functionError } = await this.kernel.lambda.invoke(
      connector.lambdaArn,
      { type: `${type}Request`, ...request },
      principal,
    );
    const parsed = answer.safeParse(payload);
    if (functionError === undefined && parsed.success) return parsed.data;
    throw new AwsError(
      "ConnectorServerException",
      `${connector.label}: ${type} failed: ${functionError === undefined ? "the answer has no isSuccess" : JSON.stringify(payload)}`,
    );
  }

  /** What AppFlow does when a connector is registered: asks what it can do. */
  async describe(connector: RegisteredConnector): Promise<ConnectorAnswer> {
    const described = await this.ask(connector, "DescribeConnectorConfiguration", { locale: "en-US" });
    if (described.isSuccess) return described;
    throw new AwsError("ConnectorServerException", `${connector.label}: ${described.errorDetails?.errorMessage}`);
  }
}

export const connectorsOf = perKernel((kernel) => new Connectors(kernel));

const cloudFormation = z.looseObject({
  ConnectorLabel: z.string().min(1),
  ConnectorProvisioningType: z.literal("LAMBDA"),
  ConnectorProvisioningConfig: z.object({ Lambda: z.object({ LambdaArn: z.string().startsWith("arn:") }) }),
});

function registered(state: unknown, kernel: Kernel): RegisteredConnector {
  const parsed = cloudFormation.safeParse(state);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new AwsError("ValidationException", `AWS::AppFlow::Connector: ${faults.join("; ")}`);
  }
  const { ConnectorLabel: label, ConnectorProvisioningConfig: config } = parsed.data;
  return { label, arn: connectorsOf(kernel).arnOf(label), lambdaArn: config.Lambda.LambdaArn };
}

/** AWS::AppFlow::Connector, as Cloud Control makes it. */
export const connectorType = {
  typeName: "AWS::AppFlow::Connector",
  async compute(state: unknown, kernel: Kernel) {
    const connector = registered(state, kernel);
    await connectorsOf(kernel).describe(connector);
    return { identifier: connector.label, properties: { ConnectorArn: connector.arn } };
  },
  attach(state: unknown, kernel: Kernel) {
    const connector = registered(state, kernel);
    connectorsOf(kernel).byLabel.set(connector.label, connector);
  },
  detach(state: unknown, kernel: Kernel) {
    connectorsOf(kernel).byLabel.delete(registered(state, kernel).label);
  },
};

const fromNative = ({ inputs, name }: { inputs: Record<string, unknown>; name: string }) => {
  const config = inputs.connectorProvisioningConfig as { lambda?: { lambdaArn?: unknown } } | undefined;
  return {
    ConnectorLabel: inputs.connectorLabel ?? name,
    ConnectorProvisioningType: inputs.connectorProvisioningType,
    ConnectorProvisioningConfig: { Lambda: { LambdaArn: config?.lambda?.lambdaArn } },
  };
};

/** The same of the aws-native provider. */
export const nativeConnector: Realiser = {
  type: "aws-native:appflow:Connector",
  replaceOn: ["connectorLabel"],
  async compute(resource, kernel) {
    const { identifier, properties } = await connectorType.compute(fromNative(resource), kernel);
    return { id: identifier, outputs: { connectorLabel: identifier, connectorArn: properties.ConnectorArn } };
  },
  attach: (resource, kernel) => connectorType.attach(fromNative(resource), kernel),
  detach: (resource, kernel) => connectorType.detach(fromNative(resource), kernel),
};
