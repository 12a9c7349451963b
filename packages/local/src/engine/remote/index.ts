import type { Deployment } from "../deployment";
import type { WireObject } from "../wire";
import { awsxVpc } from "./awsx-vpc";

export interface RemoteRequest {
  /** URN of the component itself, already registered. */
  readonly urn: string;
  readonly name: string;
  readonly inputs: WireObject;
  /** `<urn>::<id>` of the aws provider that the component was given, for its children. */
  readonly provider?: string;
}

/** Makes the children of a component whose code lives in a provider plugin, and gives the component's outputs. */
export type RemoteComponent = (request: RemoteRequest, deployment: Deployment) => Promise<WireObject>;

const known: Readonly<Record<string, RemoteComponent>> = { "awsx:ec2:Vpc": awsxVpc };

/** The local implementation of a remote component; refuses by name where there is none. */
export function remoteComponent(type: string): RemoteComponent {
  const component = known[type];
  if (component) return component;
  throw new Error(
    `NotSupportedLocally: the component ${type} lives in a Pulumi plugin, which the embedded runtime does not run ` +
      `(it knows ${Object.keys(known).join(", ")}); use the plain resources behind it`,
  );
}
