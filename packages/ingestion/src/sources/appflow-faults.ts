import { type Fault, inputTextFaults, isRecord, nearest, quoted, unknownFaults } from "@tributary/core";
import { connectorFaults } from "../connector";
import type { ConnectorDefinition } from "../connector/definition";
import { nativeConnectors } from "./appflow-args";
import { loadDefinition, offeredAuth } from "./appflow-plan";
import { innerMappingFaults } from "./file-args";

type Args = Readonly<Record<string, unknown>>;

/** Every fault of an AppFlow source's arguments, which may be of any type. */
export function appflowFaults(path: string, args: Args): Fault[] {
  const { faults, definition } = connectorArgumentFaults(`${path}.connector`, args.connector);
  return [
    ...faults,
    ...profileFaults(`${path}.connectorProfile`, args.connectorProfile, args.connector, definition),
    ...entitiesFaults(`${path}.entities`, args.entities, definition),
    ...scheduleFaults(`${path}.schedule`, args.schedule),
    ...oneOf(`${path}.format`, args.format, ["jsonl", "parquet"]),
    ...(args.apiVersion === undefined || typeof args.apiVersion === "string"
      ? []
      : [{ path: `${path}.apiVersion`, reason: `${quoted(args.apiVersion)} must be text such as "v60.0"` }]),
  ];
}

function oneOf(path: string, value: unknown, known: readonly string[]): Fault[] {
  if (value === undefined || known.includes(value as string)) return [];
  return [{ path, reason: `${quoted(value)} must be ${known.map((each) => `"${each}"`).join(" or ")}` }];
}

interface ConnectorVerdict {
  readonly faults: Fault[];
  /** Where there is a right one. */
  readonly definition?: ConnectorDefinition;
}

function connectorArgumentFaults(path: string, given: unknown): ConnectorVerdict {
  if (typeof given === "string") {
    const known = Object.keys(nativeConnectors);
    if (known.includes(given)) return { faults: [] };
    const near = nearest(given, known);
    const hint = near ? `did you mean "${near}"?` : `there is ${known.join(", ")}`;
    return {
      faults: [
        {
          path,
          reason: `${quoted(given)} is none of AppFlow's own connectors; ${hint} Others are { existing: "<label>" }`,
        },
      ],
    };
  }
  if (!isRecord(given)) {
    return {
      faults: [
        {
          path,
          reason: `${quoted(given)} must be defineConnector({ … }), { module }, { existing: "<label>" } or a name such as "Salesforce"`,
        },
      ],
    };
  }
  if ("existing" in given) {
    const faults = unknownFaults(`${path}.`, given, ["existing"]);
    if (typeof given.existing === "string" && /^[\w!@#.-]{1,256}$/.test(given.existing)) return { faults };
    return {
      faults: [
        ...faults,
        {
          path: `${path}.existing`,
          reason: `${quoted(given.existing)} must be the label of a registered connector, plain`,
        },
      ],
    };
  }
  try {
    const definition = loadDefinition(given);
    const faults = connectorFaults(definition, `${path}.`);
    return faults.length > 0 || !definition ? { faults } : { faults, definition };
  } catch (error) {
    return {
      faults: [
        {
          path: `${path}.module`,
          reason: `${quoted(given.module)} cannot be used: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
        },
      ],
    };
  }
}

function profileFaults(
  path: string,
  given: unknown,
  connector: unknown,
  definition: ConnectorDefinition | undefined,
): Fault[] {
  if (!isRecord(given) || "existing" in given === "create" in given) {
    return [
      { path, reason: `${quoted(given)} must be { existing: "<name>" } or { create: { credentials: { secretArn } } }` },
    ];
  }
  if ("existing" in given) {
    return [
      ...unknownFaults(`${path}.`, given, ["existing"]),
      ...inputTextFaults(`${path}.existing`, given.existing, "the name of a connector profile"),
    ];
  }
  const { create } = given;
  const inside = `${path}.create`;
  const native = typeof connector === "string";
  const example = native
    ? "{ config: { connectorProfileCredentials, connectorProfileProperties } }"
    : "{ credentials: { secretArn } }";
  if (!isRecord(create)) return [{ path: inside, reason: `${quoted(create)} must be an object such as ${example}` }];
  if (native) {
    return [
      ...unknownFaults(`${inside}.`, create, ["config"]),
      ...(create.config === undefined
        ? [
            {
              path: `${inside}.config`,
              reason: `is missing; give what aws.appflow.ConnectorProfile takes as connectorProfileConfig, or { existing } for a connection made in the console`,
            },
          ]
        : []),
    ];
  }
  return [
    ...unknownFaults(`${inside}.`, create, ["credentials", "settings"]),
    ...credentialsFaults(
      `${inside}.credentials`,
      create.credentials,
      definition,
      isRecord(connector) && "existing" in connector,
    ),
    ...settingsFaults(`${inside}.settings`, create.settings, definition),
  ];
}

function credentialsFaults(
  path: string,
  given: unknown,
  definition: ConnectorDefinition | undefined,
  registered: boolean,
): Fault[] {
  if (!isRecord(given)) return [{ path, reason: `${quoted(given)} must be such as { secretArn: secret.arn }` }];
  const types = definition ? offeredAuth(definition) : ["ApiKey", "BasicAuth", "OAuth2", "CustomAuth"];
  return [
    ...unknownFaults(`${path}.`, given, ["type", "secretArn", "customType", "tokenUrl"]),
    ...inputTextFaults(
      `${path}.secretArn`,
      given.secretArn,
      "the ARN of a secret that holds the credentials as a JSON object",
    ),
    ...(registered && given.type === undefined
      ? [{ path: `${path}.type`, reason: `is missing; give one of ${types.join(", ")}` }]
      : oneOf(`${path}.type`, given.type, types)),
    ...(registered && given.type === "CustomAuth" && typeof given.customType !== "string"
      ? [{ path: `${path}.customType`, reason: "is missing; give the connector's name for its way to sign in" }]
      : []),
    ...(registered && given.type === "OAuth2" && typeof given.tokenUrl !== "string"
      ? [{ path: `${path}.tokenUrl`, reason: "is missing; give the URL that tokens come from" }]
      : []),
  ];
}

function settingsFaults(path: string, given: unknown, definition: ConnectorDefinition | undefined): Fault[] {
  if (given !== undefined && !isRecord(given))
    return [{ path, reason: `${quoted(given)} must be an object by setting` }];
  const settings = given ?? {};
  const values = Object.entries(settings).flatMap(([name, value]) => inputTextFaults(`${path}.${name}`, value, "text"));
  if (!definition) return values;
  const asked = Object.entries(definition.settings ?? {}).filter(
    ([, { scope = "CONNECTOR_PROFILE" }]) => scope === "CONNECTOR_PROFILE",
  );
  return [
    ...values,
    ...unknownFaults(
      `${path}.`,
      settings,
      asked.map(([name]) => name),
    ),
    ...asked
      .filter(([name, { required = true }]) => required && settings[name] === undefined)
      .map(([name, { label }]) => ({ path: `${path}.${name}`, reason: `is missing; give: ${label}` })),
  ];
}

function entitiesFaults(path: string, given: unknown, definition: ConnectorDefinition | undefined): Fault[] {
  const names: unknown[] = Array.isArray(given) ? given : isRecord(given) ? Object.keys(given) : [];
  if (names.length === 0) return [{ path, reason: `${quoted(given)} must name what to pull, such as ["contacts"]` }];
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  const unfit = names.filter((name) => typeof name !== "string" || !/^[\w!@#.-]{1,128}$/.test(name));
  const known = definition ? Object.keys(definition.entities) : undefined;
  const unknown = names.filter((name) => known && !known.includes(String(name)));
  return [
    ...repeated.map((name) => ({ path, reason: `names ${quoted(name)} twice` })),
    ...unfit.map((name) => ({ path, reason: `${quoted(name)} is no name of an entity` })),
    ...unknown.map((name) => ({
      path: `${path}.${String(name)}`,
      reason: `is no entity of the connector; it has ${known?.join(", ")}`,
    })),
    ...(isRecord(given)
      ? Object.entries(given).flatMap(([name, entity]) =>
          entityFaults(`${path}.${name}`, entity, definition?.entities[name]),
        )
      : []),
  ];
}

function entityFaults(
  path: string,
  given: unknown,
  entity: ConnectorDefinition["entities"][string] | undefined,
): Fault[] {
  if (!isRecord(given))
    return [{ path, reason: `${quoted(given)} must be an object such as { incremental: "updatedAt" }` }];
  const { incremental, fields } = given;
  const known = entity ? Object.keys(entity.fields) : undefined;
  const bad = (name: unknown) =>
    typeof name !== "string" || name === "" || (known !== undefined && !known.includes(name));
  const which = known ? `one of ${known.join(", ")}` : "the name of a field";
  return [
    ...unknownFaults(`${path}.`, given, ["incremental", "fields", "mapping"]),
    ...(incremental === undefined || incremental === false || !bad(incremental)
      ? []
      : [{ path: `${path}.incremental`, reason: `${quoted(incremental)} must be ${which}, or false` }]),
    ...innerMappingFaults(`${path}.mapping`, given.mapping),
    ...(fields === undefined || (Array.isArray(fields) && fields.length > 0 && !fields.some(bad))
      ? []
      : [{ path: `${path}.fields`, reason: `${quoted(fields)} must be a list of ${which}` }]),
  ];
}

function scheduleFaults(path: string, schedule: unknown): Fault[] {
  if (schedule === undefined || schedule === "on-demand") return [];
  if (
    typeof schedule === "string" &&
    /^(rate\([1-9]\d*(minutes|hours|days|weeks|months)\)|cron\(\S+( \S+){5}\))$/.test(schedule)
  )
    return [];
  return [
    {
      path,
      reason: `${quoted(schedule)} must be "on-demand", or AppFlow's rate(1hours) (no blank, always plural) or cron(…) with six fields`,
    },
  ];
}
