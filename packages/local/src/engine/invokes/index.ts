import { NotSupportedLocally } from "../../kernel/errors";
import { type Place, parseArn } from "../../kernel/naming";
import { policyDocument } from "./policy-document";
import { randomPassword } from "./random-password";
import { zonesOf } from "./zones";

type Args = Record<string, unknown>;
type Answer = Record<string, unknown>;

/**
 * The functions (data sources) of the aws provider that answer without an account: who and where we are, zones, policy
 * documents, ARNs, service names. Any other is refused by name.
 */
export function awsInvokes(
  place: Place,
  /** Further functions by token: those that look something up in what the runtime holds. */
  more: Readonly<Record<string, (args: Args) => Answer | Promise<Answer>>> = {},
): (token: string, args: Args) => Promise<Answer> {
  const functions: Record<string, (args: Args) => Answer | Promise<Answer>> = {
    "aws:index/getCallerIdentity:getCallerIdentity": () => ({
      id: place.accountId,
      accountId: place.accountId,
      arn: `arn:aws:iam::${place.accountId}:root`,
      userId: place.accountId,
    }),
    "aws:index/getRegion:getRegion": (args) => region(text(args.region ?? args.name) ?? place.region),
    "aws:index/getPartition:getPartition": () => ({
      id: "aws",
      partition: "aws",
      dnsSuffix: "amazonaws.com",
      reverseDnsPrefix: "com.amazonaws",
    }),
    "aws:index/getAvailabilityZones:getAvailabilityZones": (args) => availabilityZones(place, args),
    "aws:index/getAvailabilityZone:getAvailabilityZone": (args) => availabilityZone(place, args),
    "aws:iam/getPolicyDocument:getPolicyDocument": (args) => policyDocument(args),
    "aws:index/getArn:getArn": (args) => parsedArn(String(args.arn)),
    "aws:index/getService:getService": (args) => service(place, args),
    "aws:index/getServicePrincipal:getServicePrincipal": (args) => {
      const name = String(args.serviceName);
      const where = text(args.region) ?? place.region;
      return {
        id: `${name}.${where}.amazonaws.com`,
        name: `${name}.amazonaws.com`,
        region: where,
        serviceName: name,
        suffix: "amazonaws.com",
      };
    },
    "aws:secretsmanager/getRandomPassword:getRandomPassword": (args) => randomPassword(args),
    "aws:index/getDefaultTags:getDefaultTags": () => ({ id: "aws", tags: {} }),
    ...more,
  };
  return async (token, args) => {
    const run = functions[token];
    if (run) return await run(args);
    const name = token.replace(
      /^([^:]+):([^/:]+)(?:\/[^:]*)?:(.*)$/,
      (_, pkg: string, module: string, called: string) =>
        module === "index" ? `${pkg}.${called}` : `${pkg}.${module}.${called}`,
    );
    throw new NotSupportedLocally(
      `${name}()`,
      `There is no account to look it up in. Give the value by configuration, or make the resource in the program. ` +
        `These functions answer: ${Object.keys(functions)
          .map((known) => known.split(":").at(-1))
          .join(", ")}.`,
    );
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function region(name: string): Answer {
  return { id: name, region: name, name, description: name, endpoint: `ec2.${name}.amazonaws.com` };
}

function availabilityZones(place: Place, args: Args): Answer {
  const excluded = new Set([...list(args.excludeNames), ...list(args.excludeZoneIds)]);
  const where = text(args.region) ?? place.region;
  const zones = zonesOf(where).filter(({ name, id }) => !excluded.has(name) && !excluded.has(id));
  return {
    id: where,
    region: where,
    state: text(args.state) ?? "available",
    names: zones.map(({ name }) => name),
    zoneIds: zones.map(({ id }) => id),
    groupNames: [where],
  };
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function availabilityZone(place: Place, args: Args): Answer {
  const where = text(args.region) ?? place.region;
  const zone = zonesOf(where).find(({ name, id }) => name === args.name || id === args.zoneId);
  if (!zone) throw new Error(`there is no availability zone ${String(args.name ?? args.zoneId)} in ${where}`);
  return {
    id: zone.name,
    name: zone.name,
    nameSuffix: zone.name.slice(where.length),
    zoneId: zone.id,
    region: where,
    groupName: where,
    groupLongName: where,
    networkBorderGroup: where,
    optInStatus: "opt-in-not-required",
    parentZoneId: "",
    parentZoneName: "",
    zoneType: "availability-zone",
    state: "available",
  };
}

function parsedArn(arn: string): Answer {
  const parsed = parseArn(arn);
  if (!parsed) throw new Error(`"${arn}" is not an ARN (arn:partition:service:region:account:resource)`);
  const { service: name, region: where, accountId, resource } = parsed;
  return { id: arn, arn, partition: arn.split(":")[1], service: name, region: where, account: accountId, resource };
}

function service(place: Place, args: Args): Answer {
  const fromDns = text(args.dnsName)
    ?.replace(/\.amazonaws\.com$/, "")
    .split(".");
  const fromReverse = text(args.reverseDnsName)?.split(".").slice(2).reverse();
  const [dnsService, dnsRegion] = fromDns ?? fromReverse ?? [];
  const serviceId = text(args.serviceId) ?? dnsService;
  if (!serviceId) throw new Error("getService needs a serviceId, a dnsName or a reverseDnsName");
  const where = text(args.region) ?? dnsRegion ?? place.region;
  const prefix = text(args.reverseDnsPrefix) ?? "com.amazonaws";
  return {
    id: `${serviceId}.${where}.amazonaws.com`,
    serviceId,
    region: where,
    partition: "aws",
    dnsName: `${serviceId}.${where}.amazonaws.com`,
    reverseDnsName: `${prefix}.${where}.${serviceId}`,
    reverseDnsPrefix: prefix,
    supported: true,
  };
}
