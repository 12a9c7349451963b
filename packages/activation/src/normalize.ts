import type { Input } from "@pulumi/pulumi";
import { type Callback, type Fault, nearest, type OnDelete, slug, validate, zodFaults } from "@tributary/core";
import {
  type AudienceDefinition,
  audienceDefinitionSchema,
  defaultIdentityRules,
  type IdentityRules,
  identityRulesSchema,
} from "@tributary/model";
import type { ActivationArgs, ActivationTransforms, DestinationArgs, MapProfile } from "./args";
import { activationDefaults as defaults } from "./defaults";
import { urlFault } from "./domain/webhook";

export interface ResolvedDestination {
  readonly name: string;
  readonly url: Input<string>;
  readonly purpose: string;
  readonly audiences: readonly string[];
  readonly map: Callback<MapProfile> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly secret: DestinationArgs["secret"];
  readonly timeoutSeconds: number;
  readonly maximumConcurrency: number;
  readonly maxAttempts: number;
}

/** Activation's arguments with everything decided. */
export interface ResolvedActivation {
  readonly audiences: Readonly<Record<string, AudienceDefinition>>;
  readonly destinations: readonly ResolvedDestination[];
  readonly rules: IdentityRules;
  readonly profileApiToken: Input<string> | undefined;
  readonly onDelete: OnDelete;
  readonly transform: ActivationTransforms;
}

/** Checks the arguments and fills in the defaults. @throws `InputPropertiesError` with every fault */
export function normalize(name: string, args: ActivationArgs): ResolvedActivation {
  validate(`Activation "${name}"`, activationFaults(args));
  return {
    audiences: args.audiences,
    destinations: Object.entries(args.destinations ?? {}).map(([destination, given]) => ({
      name: destination,
      url: given.url,
      purpose: given.purpose,
      audiences: given.audiences,
      map: given.map,
      headers: given.headers ?? {},
      secret: given.secret,
      timeoutSeconds: given.timeoutSeconds ?? defaults.timeoutSeconds,
      maximumConcurrency: given.maximumConcurrency ?? defaults.maximumConcurrency,
      maxAttempts: given.maxAttempts ?? defaults.maxAttempts,
    })),
    rules: args.profiles.rules === undefined ? defaultIdentityRules : identityRulesSchema.parse(args.profiles.rules),
    profileApiToken: args.profileApiToken,
    onDelete: args.onDelete ?? "retain",
    transform: args.transform ?? {},
  };
}

const knownArguments: readonly (keyof ActivationArgs)[] = [
  "foundation",
  "profiles",
  "audiences",
  "destinations",
  "profileApiToken",
  "onDelete",
  "transform",
];
const knownOfWebhook: readonly (keyof DestinationArgs)[] = [
  "kind",
  "url",
  "purpose",
  "audiences",
  "map",
  "headers",
  "secret",
  "timeoutSeconds",
  "maximumConcurrency",
  "maxAttempts",
];

/** Every fault of the arguments. Outputs are not looked into. */
export function activationFaults(args: ActivationArgs): Fault[] {
  const audiences = Object.keys(args.audiences ?? {});
  return [
    ...unknownFaults("", args, knownArguments),
    ...missing("foundation", args.foundation, "give governance.foundation, or its shape by hand"),
    ...missing("profiles", args.profiles, "give identities.profiles"),
    ...(args.profiles !== undefined && args.profiles.profiles?.streamArn === undefined
      ? [
          {
            path: "profiles.profiles.streamArn",
            reason: "is missing; the profiles table needs a stream of new and old images",
          },
        ]
      : []),
    ...missing("audiences", args.audiences, "give an object of audiences by name, {} for none"),
    ...(typeof args.profileApiToken === "string" && !/^[\x21-\x7e]{16,}$/.test(args.profileApiToken)
      ? [{ path: "profileApiToken", reason: "must be 16 or more printable characters without blanks" }]
      : []),
    ...(args.profiles?.rules === undefined
      ? []
      : zodFaults(identityRulesSchema, args.profiles.rules, "profiles.rules")),
    ...Object.entries(args.audiences ?? {}).flatMap(([name, definition]) => [
      ...(/^[A-Za-z][A-Za-z0-9-]{0,62}$/.test(name)
        ? []
        : [
            {
              path: `audiences.${name}`,
              reason: "must be named by letters, digits and dashes, beginning with a letter",
            },
          ]),
      ...zodFaults(audienceDefinitionSchema, definition, `audiences.${name}`),
    ]),
    ...Object.entries(args.destinations ?? {}).flatMap(([name, destination]) =>
      destinationFaults(name, destination, audiences),
    ),
  ];
}

function missing(path: string, value: unknown, remedy: string): Fault[] {
  return value === undefined || value === null ? [{ path, reason: `is missing; ${remedy}` }] : [];
}

function destinationFaults(name: string, given: DestinationArgs, audiences: readonly string[]): Fault[] {
  const path = `destinations.${name}`;
  const faults: Fault[] = [];
  const fault = (field: string, reason: string) =>
    faults.push({ path: field === "" ? path : `${path}.${field}`, reason });
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(name))
    fault("", `must be named like "${slug(name)}": lower case letters, digits, dashes`);
  if (given?.kind !== "webhook") {
    fault("", "must be made by webhook({ … })");
    return faults;
  }
  if (given.url === undefined) fault("url", "is missing; give the address to post to");
  else if (typeof given.url === "string") {
    // The same rule as at delivery. Not shown in full: a URL may hold a secret.
    const reason = urlFault(given.url);
    if (reason !== undefined) fault("url", reason);
  }
  if (typeof given.purpose !== "string" || given.purpose === "") {
    fault("purpose", 'is missing; name the purpose that people consent to, such as "marketing"');
  }
  if (!Array.isArray(given.audiences) || given.audiences.length === 0) {
    fault("audiences", `is empty; name at least one of: ${audiences.join(", ")}`);
  } else {
    given.audiences.forEach((audience, index) => {
      if (audiences.includes(audience)) return;
      const near = nearest(audience, audiences);
      fault(
        `audiences[${index}]`,
        `is ${JSON.stringify(audience)}, which is no audience; ${near ? `did you mean "${near}"?` : `there is: ${audiences.join(", ")}`}`,
      );
    });
  }
  if (given.map !== undefined && typeof given.map !== "function" && typeof given.map?.module !== "string") {
    fault("map", "must be a function of the profile, or { module: require.resolve(…) }");
  }
  for (const header of Object.keys(given.headers ?? {})) headerFault(`headers.${header}`, header, fault);
  if (given.secret !== undefined) headerFault("secret.header", given.secret.header, fault);
  faults.push(...unknownFaults(`${path}.`, given, knownOfWebhook));
  range("timeoutSeconds", given.timeoutSeconds, 1, 25, fault);
  range("maxAttempts", given.maxAttempts, 1, 1_000, fault);
  range("maximumConcurrency", given.maximumConcurrency, 2, 1_000, fault);
  return faults;
}

/** Headers that a delivery sets itself. */
const ownHeaders = ["content-length", "content-type", "host", "idempotency-key", "user-agent"];

function headerFault(field: string, header: unknown, fault: (field: string, reason: string) => void): void {
  if (typeof header !== "string" || !/^[\w!#$%&'*+.^`|~-]+$/.test(header)) fault(field, "is no header name");
  else if (ownHeaders.includes(header.toLowerCase())) fault(field, "is a header that the delivery sets itself");
}

function unknownFaults(prefix: string, given: object, known: readonly string[]): Fault[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const near = nearest(key, known);
      const remedy = near === undefined ? `use ${known.join(", ")}` : `did you mean "${near}"?`;
      return { path: `${prefix}${key}`, reason: `is no argument; ${remedy}` };
    });
}

function range(
  field: string,
  value: number | undefined,
  least: number,
  most: number,
  fault: (field: string, reason: string) => void,
): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  fault(field, `is ${value}; give a whole number from ${least} to ${most}`);
}
