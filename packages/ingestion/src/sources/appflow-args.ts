import type * as inputs from "@pulumi/aws/types/input";
import type { Input } from "@pulumi/pulumi";
import type { Mapping } from "@tributary/model";
import type { ConnectorDefinition } from "../connector";
import type { SourceBase } from "./source";

/** AppFlow's own connectors for sources, and where their properties stand in a flow. */
export const nativeConnectors = Object.freeze({
  Amplitude: "amplitude",
  Datadog: "datadog",
  Dynatrace: "dynatrace",
  Googleanalytics: "googleAnalytics",
  Infornexus: "inforNexus",
  Marketo: "marketo",
  SAPOData: "sapoData",
  Salesforce: "salesforce",
  Servicenow: "serviceNow",
  Singular: "singular",
  Slack: "slack",
  Trendmicro: "trendmicro",
  Veeva: "veeva",
  Zendesk: "zendesk",
} as const);
export type NativeConnector = keyof typeof nativeConnectors;

/** Credentials of a connection through a custom connector: a secret of yours that holds a JSON object. */
export interface AppflowCredentials {
  /**
   * `ApiKey`: `{ apiKey, apiSecretKey? }`; `BasicAuth`: `{ username, password }`; `OAuth2`: `{ clientId, clientSecret,
   * accessToken?, refreshToken? }`; `CustomAuth`: the parameters of its definition. @default what the definition offers first
   */
  readonly type?: "ApiKey" | "BasicAuth" | "OAuth2" | "CustomAuth";
  /** ARN of the secret. It is read at deployment: AppFlow keeps a copy of its own. Deploy again after a rotation. */
  readonly secretArn: Input<string>;
  /** For `CustomAuth` through a connector that is registered already: the name of its way to sign in. */
  readonly customType?: string;
  /** For `OAuth2`. @default the definition's first token URL and grant type */
  readonly tokenUrl?: string;
}

/** A connection to make. */
export interface AppflowConnection {
  /** For custom connectors. */
  readonly credentials?: AppflowCredentials;
  /** The connector's settings, by name. */
  readonly settings?: Readonly<Record<string, Input<string>>>;
  /** For AppFlow's own connectors: as `aws.appflow.ConnectorProfile` takes it. Give secrets as Pulumi secrets. */
  readonly config?: Input<inputs.appflow.ConnectorProfileConnectorProfileConfig>;
}

/** How one entity is pulled. */
export interface AppflowEntity {
  /**
   * The field with the time of a record's last change: only what changed since the last run is pulled. `false`: everything
   * at every run. @default the definition's incremental field; everything where there is none
   */
  readonly incremental?: string | false;
  /** @default all fields */
  readonly fields?: readonly string[];
  /** How its rows become events. @default the source's; without any, its files are kept and catalogued, and no events */
  readonly mapping?: Mapping;
}

export interface AppflowArgs extends Pick<SourceBase, "writeKey" | "mapping" | "plan"> {
  /**
   * What speaks to the SaaS: your own connector (`defineConnector(…)`, or a module whose export is a function that gives
   * one), one that is registered in the account (its label), or one of AppFlow's own.
   */
  readonly connector:
    | ConnectorDefinition
    | { readonly module: string; readonly export?: string }
    | { readonly existing: string }
    | NativeConnector;
  /** The connection. One that needs somebody's consent (OAuth in a browser) is made in AppFlow's console, then named here. */
  readonly connectorProfile: { readonly existing: Input<string> } | { readonly create: AppflowConnection };
  /** What to pull: names, or how each is pulled. A flow each. */
  readonly entities: readonly string[] | Readonly<Record<string, AppflowEntity>>;
  /** AppFlow's schedule: `rate(1hours)`, `cron(…)`; or `on-demand`, by `StartFlow`. @default "rate(1hours)" */
  readonly schedule?: string;
  /** @default "jsonl" */
  readonly format?: "jsonl" | "parquet";
  /** Of the connector. @default the definition's first */
  readonly apiVersion?: string;
}

export interface AppflowSource extends AppflowArgs, SourceBase {
  readonly kind: "appflow";
}

/** What an AppFlow source does where nothing is said. */
export const appflowDefaults = Object.freeze({
  schedule: "rate(1hours)",
  format: "jsonl",
  connector: Object.freeze({ memoryMb: 512, timeoutSeconds: 120 }),
});

/** A SaaS application, by AppFlow: its records are pulled on a schedule into files, and their rows become events. */
export function appflow(args: AppflowArgs): AppflowSource {
  return { kind: "appflow", ...args };
}
