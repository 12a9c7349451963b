import * as appflowAws from "@pulumi/aws/appflow";
import * as cloudcontrol from "@pulumi/aws/cloudcontrol";
import * as lambda from "@pulumi/aws/lambda";
import { getSecretVersionOutput } from "@pulumi/aws/secretsmanager";
import type { Input, Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import { grantStatements, handlerBundle, LambdaFunction } from "@tributary/core";
import type { ConnectorAuth, OAuth2Auth } from "../connector/auth";
import { authsOf, connectorFile } from "../connector/definition";
import { type AppflowCredentials, type AppflowSource, appflowDefaults } from "./appflow-args";
import type { AppflowPlan } from "./appflow-plan";
import type { SourceContext } from "./source";

interface Connection {
  readonly connector: cloudcontrol.Resource;
  readonly fn: LambdaFunction;
  /** Unique in the account and Region. */
  readonly label: string;
}

/** The label of a source's own connector: two stacks of one account have one each. */
function labelOf(name: string): string {
  return `${pulumi.getProject()}-${pulumi.getStack()}-${name}`.replace(/[^\w-]/g, "-").slice(0, 100);
}

/**
 * A connector of the program's own: its function, which AppFlow alone may invoke and which reads the secrets of its
 * connections alone, and its registration. `@pulumi/aws` has no class for that: Cloud Control makes it, with no second
 * provider to configure.
 */
export function makeConnector(
  name: string,
  { connector }: AppflowPlan,
  context: SourceContext,
): Connection | undefined {
  if (connector.kind !== "own") return undefined;
  const { foundation, place, opts } = context;
  const { partition, region, accountId } = place;
  const label = labelOf(name);
  const fn = new LambdaFunction(
    `${name}-connector`,
    {
      foundation,
      bundle: handlerBundle(__dirname, "connector"),
      calls: ["secretsmanager", "internet"],
      description: `AppFlow's connector ${connector.definition.name} ${connector.definition.version}.`,
      callbacks: { [connectorFile]: connector.code },
      ...appflowDefaults.connector,
    },
    opts,
  );
  grantStatements(fn, "read-connections", [
    {
      actions: ["secretsmanager:GetSecretValue"],
      // AppFlow's own naming of a connection's secret.
      resources: [
        pulumi.interpolate`arn:${partition}:secretsmanager:${region}:${accountId}:secret:appflow!${accountId}-${label}-*`,
      ],
    },
    { actions: ["kms:Decrypt"], resources: [foundation.keyArn] },
  ]);
  const permission = new lambda.Permission(
    `${name}-connector`,
    {
      action: "lambda:InvokeFunction",
      function: fn.name,
      principal: "appflow.amazonaws.com",
      sourceAccount: accountId,
      sourceArn: pulumi.interpolate`arn:${partition}:appflow:${region}:${accountId}:*`,
    },
    opts,
  );
  const registered = new cloudcontrol.Resource(
    `${name}-connector`,
    {
      typeName: "AWS::AppFlow::Connector",
      desiredState: pulumi.jsonStringify({
        ConnectorLabel: label,
        ConnectorProvisioningType: "LAMBDA",
        ConnectorProvisioningConfig: { Lambda: { LambdaArn: fn.arn } },
        Description: `${connector.definition.name} ${connector.definition.version}`,
      }),
    },
    // AppFlow asks the function what it can do when it is registered.
    pulumi.mergeOptions(opts, { dependsOn: [permission, fn] }),
  );
  return { connector: registered, fn, label };
}

/** The connection: the one that is there, or a new one with the credentials of a secret. */
export function makeProfile(
  name: string,
  { connectorProfile }: AppflowSource,
  { connector }: AppflowPlan,
  registered: Resource | undefined,
  { foundation, opts }: SourceContext,
): { readonly name: Input<string>; readonly resource?: appflowAws.ConnectorProfile } {
  if ("existing" in connectorProfile) return { name: connectorProfile.existing };
  const { credentials, settings = {}, config } = connectorProfile.create;
  const auths = connector.kind === "own" ? authsOf(connector.definition) : [];
  const made = connector.kind === "native" ? config : credentials && customConfig(credentials, settings, auths, opts);
  if (made === undefined) throw new TypeError(`${name}: the connection has no credentials`);
  const label =
    connector.kind === "own" ? labelOf(name) : connector.kind === "registered" ? connector.label : undefined;
  const resource = new appflowAws.ConnectorProfile(
    name,
    {
      connectionMode: "Public",
      connectorType: connector.kind === "native" ? connector.type : "CustomConnector",
      ...(label === undefined ? {} : { connectorLabel: label }),
      kmsArn: foundation.keyArn,
      connectorProfileConfig: made,
    },
    pulumi.mergeOptions(opts, registered ? { dependsOn: [registered] } : {}),
  );
  return { name: resource.name, resource };
}

type Secret = Readonly<Record<string, unknown>>;

function customConfig(
  given: AppflowCredentials,
  settings: Readonly<Record<string, Input<string>>>,
  auths: readonly ConnectorAuth[],
  opts: pulumi.InvokeOptions,
): appflowAws.ConnectorProfileArgs["connectorProfileConfig"] {
  const type = given.type ?? auths[0]?.type ?? "ApiKey";
  const auth = auths.find((each) => each.type === type);
  const text = getSecretVersionOutput(
    { secretId: given.secretArn },
    { ...(opts.parent ? { parent: opts.parent } : {}) },
  ).secretString;
  const secret = pulumi.secret(text.apply(parseSecret));
  const member = (key: string): pulumi.Output<string> =>
    secret.apply((value) => {
      if (typeof value[key] === "string" && value[key] !== "") return value[key];
      throw new Error(`The secret of an AppFlow connection has no "${key}", which ${type} needs.`);
    });
  const optional = (key: string): pulumi.Output<string | undefined> =>
    secret.apply((value) => (typeof value[key] === "string" ? value[key] : undefined));
  const profileProperties = { ...settings };
  switch (type) {
    case "ApiKey":
      return {
        connectorProfileCredentials: {
          customConnector: {
            authenticationType: "APIKEY",
            apiKey: { apiKey: member("apiKey"), apiSecretKey: optional("apiSecretKey") },
          },
        },
        connectorProfileProperties: { customConnector: { profileProperties } },
      };
    case "BasicAuth":
      return {
        connectorProfileCredentials: {
          customConnector: {
            authenticationType: "BASIC",
            basic: { username: member("username"), password: member("password") },
          },
        },
        connectorProfileProperties: { customConnector: { profileProperties } },
      };
    case "OAuth2": {
      const { tokenUrls = [], grantTypes = [] } = (auth ?? {}) as Partial<OAuth2Auth>;
      return {
        connectorProfileCredentials: {
          customConnector: {
            authenticationType: "OAUTH2",
            oauth2: {
              clientId: member("clientId"),
              clientSecret: member("clientSecret"),
              accessToken: optional("accessToken"),
              refreshToken: optional("refreshToken"),
            },
          },
        },
        connectorProfileProperties: {
          customConnector: {
            profileProperties,
            oauth2Properties: {
              oauth2GrantType: grantTypes[0] ?? "CLIENT_CREDENTIALS",
              tokenUrl: given.tokenUrl ?? tokenUrls[0] ?? "",
            },
          },
        },
      };
    }
    default: {
      const customAuthenticationType = auth?.type === "CustomAuth" ? auth.name : (given.customType ?? "");
      const credentialsMap = secret.apply((value) =>
        Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each)])),
      );
      return {
        connectorProfileCredentials: {
          customConnector: { authenticationType: "CUSTOM", custom: { customAuthenticationType, credentialsMap } },
        },
        connectorProfileProperties: { customConnector: { profileProperties } },
      };
    }
  }
}

function parseSecret(text: string): Secret {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Secret;
  } catch {
    // Its text is a secret: no part of it may stand in the message.
  }
  throw new Error('The secret of an AppFlow connection must be a JSON object such as {"apiKey": "…"}.');
}
