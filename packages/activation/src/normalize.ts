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
    })),
    rules: args.profiles.rules === undefined ? defaultIdentityRules : identityRulesSchema.parse(args.profiles.rules),
    profileApiToken: args.profileApiToken,
    onDelete: args.onDelete ?? "retain",
    transform: args.transform ?? {},
  };
}

/** Every fault of the arguments. Outputs are not looked into. */
export function activationFaults(args: ActivationArgs): Fault[] {
  const audiences = Object.keys(args.audiences ?? {});
  return [
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
  else if (typeof given.url === "string" && !isAllowedUrl(given.url)) {
    fault("url", `is ${JSON.stringify(given.url)}; give an https:// address (http:// only for a loopback host)`);
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
  range("timeoutSeconds", given.timeoutSeconds, 1, 25, fault);
  range("maximumConcurrency", given.maximumConcurrency, 2, 1_000, fault);
  return faults;
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

/** The same rule as at delivery: TLS, but for a loopback host. */
function isAllowedUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname));
}
