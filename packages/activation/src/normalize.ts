import type { Input } from "@pulumi/pulumi";
import {
  type Callback,
  type Fault,
  foundationFaults,
  inputTextFaults,
  isRecord,
  nearest,
  noArguments,
  type OnDelete,
  objectFaults,
  onDeleteFaults,
  optionalObjectFaults,
  quoted,
  slug,
  tableRefFaults,
  transformFaults,
  unknownFaults,
  validate,
  zodFaults,
} from "@tributary/core";
import {
  type AudienceDefinition,
  audienceDefinitionSchema,
  defaultIdentityRules,
  type IdentityRules,
  identityRulesSchema,
  type SegmentDefinition,
  sqlSegmentSchema,
  type TraitDefinitions,
  traitDefinitionsSchema,
} from "@tributary/model";
import type { ActivationArgs, ActivationTransforms, DestinationArgs, MapProfile } from "./args";
import { asksEvents, audiencesIn, sqlIn, streamedIn } from "./audience-kinds";
import { activationDefaults as defaults } from "./defaults";
import { maxAudiences } from "./domain/standing/limits";
import { urlFault } from "./domain/webhook";
import { segmentsFaults } from "./segments-faults";

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
  /** What the functions that keep standings go by; undefined where audiences are a matter of profiles alone. */
  readonly computed:
    | { readonly traits: TraitDefinitions; readonly audiences: Readonly<Record<string, SegmentDefinition>> }
    | undefined;
  /** Whether something is computed from events. */
  readonly fromEvents: boolean;
  /** Those that are predicates. */
  readonly audiences: Readonly<Record<string, AudienceDefinition>>;
  /** Names of those that are the lake's, by SQL. */
  readonly sqlAudiences: readonly string[];
  readonly destinations: readonly ResolvedDestination[];
  readonly rules: IdentityRules;
  readonly profileApiToken: Input<string> | undefined;
  readonly onDelete: OnDelete;
  readonly transform: ActivationTransforms;
}

/** Checks the arguments and fills in the defaults. @throws `InputPropertiesError` with every fault */
export function normalize(name: string, args: ActivationArgs): ResolvedActivation {
  validate(`Activation "${name}"`, activationFaults(args));
  const { audiences, traits = {} } = args;
  const sqlAudiences = Object.keys(sqlIn(audiences));
  const fromEvents = asksEvents(traits, audiences);
  return {
    computed: fromEvents || sqlAudiences.length > 0 ? { traits, audiences } : undefined,
    fromEvents,
    audiences: streamedIn(audiences),
    sqlAudiences,
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
  "traits",
  "events",
  "audiences",
  "segments",
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
  const none = noArguments(args);
  if (none.length > 0) return none;
  const audiences = isRecord(args.audiences) ? Object.keys(args.audiences) : [];
  return [
    ...unknownFaults("", args, knownArguments),
    ...foundationFaults(args.foundation),
    ...objectFaults("profiles", args.profiles, "identities.profiles", ({ graph, profiles, rules }) => [
      ...tableRefFaults("profiles.graph", graph, "identities.profiles"),
      ...tableRefFaults(
        "profiles.profiles",
        profiles,
        "identities.profiles",
        "or a table ref whose table has a stream of new and old images",
      ),
      ...(rules === undefined ? [] : zodFaults(identityRulesSchema, rules, "profiles.rules")),
    ]),
    ...optionalObjectFaults("traits", args.traits, '{ orders: count(event("Order Completed")) }', (given) =>
      // One by one: a record with a wrong name says nothing of its other members.
      Object.entries(given).flatMap(([name, trait]) => zodFaults(traitDefinitionsSchema, { [name]: trait }, "traits")),
    ),
    ...objectFaults("audiences", args.audiences, "{ all: audience(trait(…).exists()) }, {} for none", (given) =>
      Object.entries(given).flatMap(([name, definition]) => audienceFaults(name, definition)),
    ),
    ...eventsFaults(args),
    ...segmentsFaults(args.segments, sqlIn(audiencesIn(args.audiences))),
    ...optionalObjectFaults("destinations", args.destinations, "{ crm: webhook({ … }) }", (given) =>
      Object.entries(given).flatMap(([name, destination]) => destinationFaults(name, destination, audiences)),
    ),
    ...tokenFaults(args.profileApiToken),
    ...onDeleteFaults(args.onDelete),
    ...transformFaults(args.transform, ["memberships", "deliveries", "traitFacts", "standings"]),
  ];
}

/** What computing from events asks beside valid definitions. */
function eventsFaults({ events, traits, audiences }: ActivationArgs): Fault[] {
  const valid = audiencesIn(audiences);
  const faults =
    events === undefined
      ? []
      : tableRefFaults("events", events, "ingestion.events", "or a table ref whose table has a stream of new images");
  const fromEvents = asksEvents(isRecord(traits) ? traits : {}, valid);
  if (!fromEvents && Object.keys(sqlIn(valid)).length === 0) return faults;
  if (fromEvents && events === undefined) {
    const reason = "is missing; give ingestion.events: traits, or an audience over events, are computed from it";
    faults.push({ path: "events", reason });
  }
  const count = isRecord(audiences) ? Object.keys(audiences).length : 0;
  if (count > maxAudiences) {
    const reason = `are ${count}; with what is computed from events, or by SQL, there may be ${maxAudiences}, as they change in one transaction: leave some to a second Activation`;
    faults.push({ path: "audiences", reason });
  }
  return faults;
}

function audienceFaults(name: string, definition: unknown): Fault[] {
  const path = `audiences.${name}`;
  const reason = "must be named by letters, digits and dashes, beginning with a letter";
  return [
    ...(/^[A-Za-z][A-Za-z0-9-]{0,62}$/.test(name) ? [] : [{ path, reason }]),
    ...zodFaults(
      isRecord(definition) && "sql" in definition ? sqlSegmentSchema : audienceDefinitionSchema,
      definition,
      path,
    ),
  ];
}

function tokenFaults(token: unknown): Fault[] {
  if (token === undefined) return [];
  const what = "16 or more printable characters without blanks";
  if (typeof token !== "string") return inputTextFaults("profileApiToken", token, what);
  // Not shown: it may be the right token with a blank too much.
  return /^[\x21-\x7e]{16,}$/.test(token) ? [] : [{ path: "profileApiToken", reason: `must be ${what}` }];
}

function destinationFaults(name: string, given: unknown, audiences: readonly string[]): Fault[] {
  const path = `destinations.${name}`;
  const faults: Fault[] = [];
  const fault = (field: string, reason: string) =>
    faults.push({ path: field === "" ? path : `${path}.${field}`, reason });
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(name))
    fault("", `must be named like "${slug(name)}": lower case letters, digits, dashes`);
  if (!isRecord(given) || given.kind !== "webhook") {
    fault("", "must be made by webhook({ … })");
    return faults;
  }
  if (typeof given.url !== "string")
    faults.push(...inputTextFaults(`${path}.url`, given.url, "the address to post to"));
  else {
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
    given.audiences.forEach((audience: unknown, index) => {
      if (typeof audience === "string" && audiences.includes(audience)) return;
      const near = typeof audience === "string" ? nearest(audience, audiences) : undefined;
      fault(
        `audiences[${index}]`,
        `is ${quoted(audience)}, which is no audience; ${near ? `did you mean "${near}"?` : `there is: ${audiences.join(", ")}`}`,
      );
    });
  }
  const { map, headers, secret } = given;
  if (map !== undefined && typeof map !== "function" && !(isRecord(map) && typeof map.module === "string")) {
    fault("map", "must be a function of the profile, or { module: require.resolve(…) }");
  }
  faults.push(
    ...optionalObjectFaults(`${path}.headers`, headers, '{ "x-team": "crm" }', (named) =>
      Object.entries(named).flatMap(([header, value]) => [
        ...headerFaults(`${path}.headers.${header}`, header),
        ...(typeof value === "string"
          ? []
          : [{ path: `${path}.headers.${header}`, reason: `${quoted(value)} must be plain text` }]),
      ]),
    ),
    ...optionalObjectFaults(`${path}.secret`, secret, '{ header: "authorization", arn, keyArn }', (held) => [
      ...headerFaults(`${path}.secret.header`, held.header),
      ...inputTextFaults(`${path}.secret.arn`, held.arn, "the ARN of the secret"),
      ...inputTextFaults(`${path}.secret.keyArn`, held.keyArn, "the ARN of the secret's key"),
    ]),
  );
  faults.push(...unknownFaults(`${path}.`, given, knownOfWebhook));
  range("timeoutSeconds", given.timeoutSeconds, 1, 25, fault);
  range("maxAttempts", given.maxAttempts, 1, 1_000, fault);
  range("maximumConcurrency", given.maximumConcurrency, 2, 1_000, fault);
  return faults;
}

/** Headers that a delivery sets itself. */
const ownHeaders = ["content-length", "content-type", "host", "idempotency-key", "user-agent"];

function headerFaults(path: string, header: unknown): Fault[] {
  if (typeof header !== "string" || !/^[\w!#$%&'*+.^`|~-]+$/.test(header)) {
    return [{ path, reason: `${quoted(header)} is no header name such as "authorization"` }];
  }
  return ownHeaders.includes(header.toLowerCase())
    ? [{ path, reason: "is a header that the delivery sets itself; leave it out" }]
    : [];
}

function range(
  field: string,
  value: unknown,
  least: number,
  most: number,
  fault: (field: string, reason: string) => void,
): void {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= least && Number(value) <= most)) return;
  fault(field, `is ${quoted(value)}; give a whole number from ${least} to ${most}`);
}
