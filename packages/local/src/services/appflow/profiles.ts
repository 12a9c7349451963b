import { createHash } from "node:crypto";
import { z } from "zod";
import { AwsError, arn, type Kernel, type Realiser, type Resource } from "../../kernel";
import { secretsOf } from "../secrets-manager/secrets";
import { perKernel, physicalName, text } from "../support";
import { connectorsOf } from "./connectors";

/** A connection: what AppFlow sends to a connector with each request. */
export interface Profile {
  readonly name: string;
  readonly connectorType: string;
  readonly label: string | undefined;
  readonly secretArn: string;
  readonly authenticationType: string;
  readonly settings: Readonly<Record<string, string>>;
}

const texts = z.record(z.string(), z.string()).nullish();
const custom = z.object({
  connectorLabel: z.string(),
  connectorProfileConfig: z.object({
    connectorProfileCredentials: z.object({
      customConnector: z.object({
        authenticationType: z.enum(["APIKEY", "BASIC", "OAUTH2", "CUSTOM"]),
        apiKey: z.object({ apiKey: z.string(), apiSecretKey: z.string().nullish() }).nullish(),
        basic: z.object({ username: z.string(), password: z.string() }).nullish(),
        oauth2: z
          .object({
            accessToken: z.string().nullish(),
            refreshToken: z.string().nullish(),
            clientId: z.string().nullish(),
            clientSecret: z.string().nullish(),
          })
          .nullish(),
        custom: z.object({ customAuthenticationType: z.string(), credentialsMap: texts }).nullish(),
      }),
    }),
    connectorProfileProperties: z.object({ customConnector: z.object({ profileProperties: texts }).nullish() }),
  }),
});

const types = { APIKEY: "ApiKey", BASIC: "BasicAuth", OAUTH2: "OAuth2", CUSTOM: "CustomAuth" } as const;

/** Connections by name. Those of AppFlow's own connectors are recorded: their SaaS cannot be reached from here. */
export const profilesOf = perKernel(() => new Map<string, Profile>());

function isCustom({ inputs }: { inputs: Record<string, unknown> }): boolean {
  return inputs.connectorType === "CustomConnector";
}

function parsed({ inputs, urn }: { inputs: Record<string, unknown>; urn: string }): z.output<typeof custom> {
  const result = custom.safeParse(inputs);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new AwsError("ValidationException", `${urn}: ${faults.join("; ")}`);
}

/** The secret that AppFlow keeps of a connection, under its own name. */
async function keepSecret(
  kernel: Kernel,
  name: string,
  label: string,
  given: z.output<typeof custom>,
  kmsKeyId?: string,
): Promise<string> {
  const {
    apiKey,
    basic,
    oauth2,
    custom: own,
  } = given.connectorProfileConfig.connectorProfileCredentials.customConnector;
  const content = own
    ? { authenticationType: own.customAuthenticationType, customCredentials: own.credentialsMap ?? {} }
    : { ...basic, ...oauth2, ...(apiKey ? { apiKey: apiKey.apiKey, secretKey: apiKey.apiSecretKey } : {}) };
  const secretName = `appflow!${kernel.place.accountId}-${label}-${name}`;
  const secrets = secretsOf(kernel);
  const now = kernel.now();
  const row = await secrets.save(secretName, (before) => ({
    description: `Credentials of AppFlow connection ${name}`,
    createdAt: now,
    versions: [],
    ...before,
    name: secretName,
    arn: secrets.arnOf(secretName),
    changedAt: now,
    ...(kmsKeyId && { kmsKeyId }),
  }));
  const value = JSON.stringify(content);
  await secrets.putValue(secretName, {
    id: createHash("sha256").update(value).digest("hex").slice(0, 32),
    text: value,
  });
  return row.arn;
}

function profileOf(resource: Resource): Profile {
  const { outputs, inputs } = resource;
  const base = {
    name: String(outputs.name),
    connectorType: String(inputs.connectorType),
    secretArn: String(outputs.credentialsArn),
  };
  if (!isCustom(resource)) return { ...base, label: undefined, authenticationType: "", settings: {} };
  const { connectorLabel, connectorProfileConfig } = parsed(resource);
  return {
    ...base,
    label: connectorLabel,
    authenticationType: types[connectorProfileConfig.connectorProfileCredentials.customConnector.authenticationType],
    settings: connectorProfileConfig.connectorProfileProperties.customConnector?.profileProperties ?? {},
  };
}

/** What AppFlow does when a connection is made: the settings, then the credentials, are tried. */
async function validate(kernel: Kernel, profile: Profile): Promise<void> {
  const connectors = connectorsOf(kernel);
  const connector = connectors.require(profile.label);
  const checks = [
    ["ValidateConnectorRuntimeSettings", { scope: "CONNECTOR_PROFILE", connectorRuntimeSettings: profile.settings }],
    [
      "ValidateCredentials",
      {
        credentials: { secretArn: profile.secretArn, authenticationType: profile.authenticationType },
        connectorRuntimeSettings: profile.settings,
      },
    ],
  ] as const;
  for (const [type, request] of checks) {
    const { isSuccess, errorDetails } = await connectors.ask(connector, type, request);
    if (isSuccess) continue;
    const code = type === "ValidateCredentials" ? "ConnectorAuthenticationException" : "ValidationException";
    throw new AwsError(code, `${profile.name}: ${errorDetails?.errorCode}: ${errorDetails?.errorMessage}`);
  }
}

export const profileRealiser: Realiser = {
  type: "aws:appflow/connectorProfile:ConnectorProfile",
  replaceOn: ["name", "connectorType", "connectorLabel"],
  async compute(resource, kernel, previous) {
    const name = physicalName(resource, previous, 256);
    const outputs = {
      name,
      arn: arn(kernel.place, "appflow", `connectorprofile/${name}`),
      region: kernel.place.region,
    };
    if (!isCustom(resource)) {
      kernel.log.info(
        `${resource.name}: a connection to ${String(resource.inputs.connectorType)} is recorded; flows through it cannot run here`,
      );
      const credentialsArn = secretsOf(kernel).arnOf(`appflow!${kernel.place.accountId}-${name}`);
      return { id: name, outputs: { ...outputs, credentialsArn } };
    }
    const given = parsed(resource);
    const credentialsArn = await keepSecret(kernel, name, given.connectorLabel, given, text(resource.inputs.kmsArn));
    await validate(kernel, profileOf({ ...resource, id: name, outputs: { ...outputs, credentialsArn } }));
    return { id: name, outputs: { ...outputs, credentialsArn } };
  },
  attach(resource, kernel) {
    profilesOf(kernel).set(String(resource.outputs.name), profileOf(resource));
  },
  detach(resource, kernel) {
    profilesOf(kernel).delete(String(resource.outputs.name));
  },
  async destroy({ outputs }, kernel) {
    const row = secretsOf(kernel).find(String(outputs.credentialsArn));
    if (row) await kernel.store.write(() => secretsOf(kernel).rows.remove(row.name));
  },
};
