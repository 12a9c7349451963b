import type { Input } from "@pulumi/pulumi";
import type { KeyRef, OnDelete } from "@tributary/core";
import {
  type Fault,
  inputListFaults,
  inputTextFaults,
  nearest,
  noArguments,
  objectFaults,
  onDeleteFaults,
  optionalObjectFaults,
  quoted,
  transformFaults,
  unknownFaults,
  validate,
} from "@tributary/core";
import type { EndpointService, ExistingNetworkArgs, GovernanceArgs, GovernanceTransforms, NetworkArgs } from "./args";
import { governanceDefaults } from "./defaults";

/** The values that CloudWatch Logs takes for a retention. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const endpointServices: readonly EndpointService[] = ["kinesis", "sqs", "secretsmanager"];
/** Tags that the platform sets, and the argument to set them by where there is one. */
const ownTags: Readonly<Record<string, string | undefined>> = {
  Environment: "environment",
  Tenant: "tenant",
  CostCenter: "costCenter",
  Module: undefined,
  DataClass: undefined,
};

export type ResolvedNetwork =
  | { readonly kind: "none" }
  | {
      readonly kind: "existing";
      readonly existing: ExistingNetworkArgs;
      readonly interfaceEndpoints: readonly EndpointService[];
    }
  | { readonly kind: "create"; readonly cidrBlock: string; readonly interfaceEndpoints: readonly EndpointService[] };

/** Governance's arguments with everything decided. */
export interface ResolvedGovernance {
  readonly environment: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly network: ResolvedNetwork;
  readonly key: { readonly existing: KeyRef } | { readonly deletionWindowDays: number };
  readonly alarmEmail: string | undefined;
  readonly budget: { readonly monthlyUsd: number; readonly email: string } | undefined;
  readonly logRetentionDays: number;
  readonly permissionsBoundaryArn: Input<string> | undefined;
  readonly onDelete: OnDelete;
  readonly transform: GovernanceTransforms;
}

/**
 * Checks the arguments and fills in the defaults.
 * @param project the Pulumi project's name, for the tags
 * @throws `InputPropertiesError` with every fault
 */
export function normalize(name: string, args: GovernanceArgs, project: string): ResolvedGovernance {
  validate(`Governance "${name}"`, governanceFaults(args));
  const { encryption } = args;
  return {
    environment: args.environment,
    tags: {
      Project: project,
      ...args.tags,
      Environment: args.environment,
      Tenant: args.tenant ?? governanceDefaults.tenant,
      CostCenter: args.costCenter ?? args.tags?.Project ?? project,
    },
    network: resolveNetwork(args.network),
    key:
      encryption !== undefined && "existing" in encryption
        ? { existing: encryption.existing }
        : { deletionWindowDays: encryption?.create.deletionWindowDays ?? governanceDefaults.keyDeletionWindowDays },
    alarmEmail: args.alarms?.email,
    budget: args.budget,
    logRetentionDays: args.logRetentionDays ?? governanceDefaults.logRetentionDays,
    permissionsBoundaryArn: args.permissionsBoundaryArn,
    onDelete: args.onDelete ?? "retain",
    transform: args.transform ?? {},
  };
}

function resolveNetwork(network: NetworkArgs | undefined): ResolvedNetwork {
  if (network === undefined) return { kind: "none" };
  if ("existing" in network) {
    const { existing } = network;
    return { kind: "existing", existing, interfaceEndpoints: existing.interfaceEndpoints ?? [] };
  }
  const { cidrBlock, interfaceEndpoints } = network.create;
  return {
    kind: "create",
    cidrBlock: cidrBlock ?? governanceDefaults.cidrBlock,
    interfaceEndpoints: interfaceEndpoints ?? [],
  };
}

const known: readonly (keyof GovernanceArgs)[] = [
  "environment",
  "network",
  "encryption",
  "alarms",
  "tags",
  "tenant",
  "costCenter",
  "budget",
  "logRetentionDays",
  "permissionsBoundaryArn",
  "onDelete",
  "transform",
];

/** Every fault of the arguments. Outputs are not looked into. */
export function governanceFaults(args: GovernanceArgs): Fault[] {
  const none = noArguments(args);
  if (none.length > 0) return none;
  const { permissionsBoundaryArn } = args;
  return [
    ...unknownFaults("", args, known),
    ...environmentFaults(args.environment),
    ...networkFaults(args.network),
    ...encryptionFaults(args.encryption),
    ...optionalObjectFaults("alarms", args.alarms, '{ email: "data@example.com" }', ({ email, ...more }) => [
      ...unknownFaults("alarms.", more, ["email"]),
      ...emailFaults("alarms.email", email),
    ]),
    ...tagFaults(args),
    ...optionalObjectFaults("budget", args.budget, '{ monthlyUsd: 100, email: "data@example.com" }', budgetFaults),
    ...retentionFaults(args.logRetentionDays),
    ...(permissionsBoundaryArn === undefined
      ? []
      : inputTextFaults("permissionsBoundaryArn", permissionsBoundaryArn, "the ARN of a policy")),
    ...onDeleteFaults(args.onDelete),
    ...transformFaults(args.transform, ["key", "alarmTopic"]),
  ];
}

function environmentFaults(environment: unknown): Fault[] {
  if (typeof environment === "string" && /^[a-z][a-z0-9-]{0,31}$/.test(environment)) return [];
  return [
    {
      path: "environment",
      reason: `${quoted(environment)} must be a plain string of lower case letters, digits and dashes, at most 32, such as "dev"`,
    },
  ];
}

function encryptionFaults(encryption: unknown): Fault[] {
  return optionalObjectFaults("encryption", encryption, "{ create: {} } or { existing: { arn } }", (given) => {
    if ("existing" in given) {
      const path = "encryption.existing";
      return objectFaults(path, given.existing, "{ arn }", ({ arn }) =>
        inputTextFaults(`${path}.arn`, arn, "the ARN of the KMS key"),
      );
    }
    return objectFaults("encryption.create", given.create, "{ deletionWindowDays: 30 }", ({ deletionWindowDays }) =>
      deletionWindowFaults(deletionWindowDays),
    );
  });
}

function deletionWindowFaults(days: unknown): Fault[] {
  return days === undefined || (Number.isInteger(days) && Number(days) >= 7 && Number(days) <= 30)
    ? []
    : [{ path: "encryption.create.deletionWindowDays", reason: `${quoted(days)} must be a whole number from 7 to 30` }];
}

function networkFaults(network: unknown): Fault[] {
  return optionalObjectFaults(
    "network",
    network,
    "{ existing: { vpcId, subnetIds, … } } or { create: {} }",
    (given) => {
      if ("existing" in given) {
        return objectFaults("network.existing", given.existing, "vpcRef(vpc)", existingFaults);
      }
      if (!("create" in given)) {
        return [{ path: "network", reason: "must be { existing: { vpcId, subnetIds, … } } or { create: {} }" }];
      }
      return objectFaults("network.create", given.create, "{}", ({ cidrBlock, interfaceEndpoints }) => [
        ...cidrFaults(cidrBlock),
        ...endpointFaults("network.create.interfaceEndpoints", interfaceEndpoints),
      ]);
    },
  );
}

function existingFaults(existing: Record<string, unknown>): Fault[] {
  const path = "network.existing";
  const faults: Fault[] = inputTextFaults(`${path}.vpcId`, existing.vpcId, "the id of the VPC");
  if (existing.subnetIds === undefined) {
    faults.push({ path: `${path}.subnetIds`, reason: "is missing; give the ids of private subnets" });
  }
  if (Array.isArray(existing.subnetIds) && existing.subnetIds.length < 2) {
    faults.push({
      path: `${path}.subnetIds`,
      reason: `has ${existing.subnetIds.length}; give private subnets in two availability zones at least, so that one may fail`,
    });
  }
  if (existing.routeTableIds === undefined && existing.dynamodbEndpointId === undefined) {
    faults.push({
      path: `${path}.routeTableIds`,
      reason:
        "is missing: give the subnets' route tables, which get the S3 and DynamoDB gateway endpoints, or dynamodbEndpointId where they have them",
    });
  }
  return [
    ...faults,
    ...inputListFaults(`${path}.subnetIds`, existing.subnetIds, "subnet ids"),
    ...inputListFaults(`${path}.routeTableIds`, existing.routeTableIds, "route table ids"),
    ...inputListFaults(`${path}.securityGroupIds`, existing.securityGroupIds, "security group ids"),
    ...endpointFaults(`${path}.interfaceEndpoints`, existing.interfaceEndpoints),
  ];
}

function endpointFaults(path: string, given: unknown): Fault[] {
  if (given === undefined) return [];
  const example = `a plain list such as [${quoted(endpointServices[0])}]`;
  if (!Array.isArray(given)) return [{ path, reason: `${quoted(given)} must be ${example}` }];
  return given.flatMap((service: unknown, index) => {
    if ((endpointServices as readonly unknown[]).includes(service)) return [];
    const near = typeof service === "string" ? nearest(service, endpointServices) : undefined;
    const hint = near === undefined ? `one of ${endpointServices.join(", ")}` : `did you mean "${near}"?`;
    return [
      { path: `${path}[${index}]`, reason: `${quoted(service)} is not a service that the platform calls: ${hint}` },
    ];
  });
}

function cidrFaults(cidr: unknown): Fault[] {
  if (cidr === undefined) return [];
  const match = typeof cidr === "string" ? /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr) : null;
  const [octets, prefix] = [match?.slice(1, 5).map(Number) ?? [], Number(match?.[5])];
  const fits = match !== null && octets.every((octet) => octet <= 255) && prefix >= 16 && prefix <= 24;
  return fits
    ? []
    : [
        {
          path: "network.create.cidrBlock",
          reason: `${quoted(cidr)} must be an IPv4 block from /16 to /24, such as "10.42.0.0/16"`,
        },
      ];
}

function emailFaults(path: string, email: unknown): Fault[] {
  if (email === undefined) return [{ path, reason: "is missing: somebody has to be told" }];
  if (typeof email === "string" && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) return [];
  return [{ path, reason: `${quoted(email)} is not an e-mail address such as "data@example.com"` }];
}

function tagFaults(args: GovernanceArgs): Fault[] {
  const faults = optionalObjectFaults("tags", args.tags, '{ Owner: "data" }', eachTagFaults);
  return [...faults, ...tagValueFaults("tenant", args.tenant), ...tagValueFaults("costCenter", args.costCenter)];
}

function eachTagFaults(tags: Record<string, unknown>): Fault[] {
  return Object.entries(tags).flatMap(([key, value]) => {
    const path = `tags.${key}`;
    if (key in ownTags) {
      const by = ownTags[key];
      return [
        { path, reason: `is set by the platform: ${by === undefined ? "leave it out" : `use the argument ${by}`}` },
      ];
    }
    if (!key.startsWith("aws:") && key.length <= 128) return tagValueFaults(path, value);
    return [{ path, reason: 'must not begin with "aws:" nor be longer than 128 characters' }];
  });
}

function tagValueFaults(path: string, value: unknown): Fault[] {
  if (value === undefined || (typeof value === "string" && /^[\p{L}\p{N} _.:/=+@-]{1,256}$/u.test(value))) return [];
  return [
    { path, reason: `${quoted(value)} must be a string of 1 to 256 letters, digits, spaces and _ . : / = + - @` },
  ];
}

function budgetFaults({ monthlyUsd, email, ...more }: Record<string, unknown>): Fault[] {
  return [
    ...unknownFaults("budget.", more, ["monthlyUsd", "email"]),
    ...(typeof monthlyUsd === "number" && Number.isFinite(monthlyUsd) && monthlyUsd > 0
      ? []
      : [{ path: "budget.monthlyUsd", reason: `${quoted(monthlyUsd)} must be a number of US dollars above 0` }]),
    ...emailFaults("budget.email", email),
  ];
}

function retentionFaults(days: unknown): Fault[] {
  if (days === undefined || retentionDays.includes(days as number)) return [];
  const least = retentionDays.find((allowed) => typeof days === "number" && allowed >= days);
  return [
    {
      path: "logRetentionDays",
      reason: `${quoted(days)} is not a retention that CloudWatch offers${least === undefined ? `: one of ${retentionDays.join(", ")}` : `; the next longer one is ${least}`}`,
    },
  ];
}
