import { type Fault, inputTextFaults, isRecord, objectFaults, quoted, unknownFaults, zodFaults } from "@tributary/core";
import { type Mapping, mappingFaults, mappingSchema } from "@tributary/model";

const named = ["stripe", "shopify", "github"];
const hmacKeys = [
  "header",
  "algorithm",
  "encoding",
  "prefix",
  "timestampHeader",
  "toleranceSeconds",
  "signed",
  "id",
  "topic",
];

/** Every fault of a webhook source's own arguments. */
export function webhookFaults(path: string, args: Readonly<Record<string, unknown>>): Fault[] {
  return [
    ...providerFaults(`${path}.provider`, args.provider),
    ...secretFaults(`${path}.secret`, args.secret),
    ...mapperFaults(path, args),
    ...rangeFaults(`${path}.previousSecretHours`, args.previousSecretHours, 0, 168),
  ];
}

function providerFaults(path: string, provider: unknown): Fault[] {
  const choices = `${named.map((name) => `"${name}"`).join(", ")} or { hmac: { header: "x-signature" } }`;
  if (provider === undefined) return [{ path, reason: `is missing; give ${choices}` }];
  if (typeof provider === "string" && named.includes(provider)) return [];
  if (!isRecord(provider)) return [{ path, reason: `${quoted(provider)} must be ${choices}` }];
  return [
    ...unknownFaults(`${path}.`, provider, ["hmac"]),
    ...objectFaults(`${path}.hmac`, provider.hmac, '{ header: "x-signature" }', (hmac) =>
      hmacFaults(`${path}.hmac`, hmac),
    ),
  ];
}

function hmacFaults(path: string, hmac: Record<string, unknown>): Fault[] {
  return [
    ...unknownFaults(`${path}.`, hmac, hmacKeys),
    ...headerFaults(`${path}.header`, hmac.header, true),
    ...oneOfFaults(`${path}.algorithm`, hmac.algorithm, ["sha1", "sha256", "sha384", "sha512"]),
    ...oneOfFaults(`${path}.encoding`, hmac.encoding, ["hex", "base64", "base64url"]),
    ...(hmac.prefix === undefined || typeof hmac.prefix === "string"
      ? []
      : [{ path: `${path}.prefix`, reason: `${quoted(hmac.prefix)} must be text such as "sha256="` }]),
    ...headerFaults(`${path}.timestampHeader`, hmac.timestampHeader, false),
    ...rangeFaults(`${path}.toleranceSeconds`, hmac.toleranceSeconds, 1, 86_400),
    ...signedFaults(`${path}.signed`, hmac),
    ...placeFaults(`${path}.id`, hmac.id),
    ...placeFaults(`${path}.topic`, hmac.topic),
  ];
}

function signedFaults(path: string, { signed, timestampHeader }: Record<string, unknown>): Fault[] {
  if (signed === undefined) return [];
  if (typeof signed !== "string" || !signed.includes("{body}")) {
    return [{ path, reason: `${quoted(signed)} must have {body} in it: a signature of anything else proves nothing` }];
  }
  const timed = signed.includes("{timestamp}");
  if (timed === (timestampHeader !== undefined)) return [];
  const reason = timed
    ? "has {timestamp}; name the header that carries it: timestampHeader"
    : "lacks {timestamp}, though there is a timestampHeader: a time that is not signed keeps no replay out";
  return [{ path, reason }];
}

function headerFaults(path: string, header: unknown, needed: boolean): Fault[] {
  if (header === undefined && !needed) return [];
  if (typeof header === "string" && /^[A-Za-z0-9-]+$/.test(header)) return [];
  return [{ path, reason: `${quoted(header)} must be a header's name such as "x-signature"` }];
}

function placeFaults(path: string, place: unknown): Fault[] {
  if (place === undefined) return [];
  const given = isRecord(place) ? Object.entries(place) : [];
  const [[key, value] = []] = given;
  if (given.length === 1 && (key === "header" || key === "field") && typeof value === "string" && value !== "")
    return [];
  return [{ path, reason: `${quoted(place)} must be { header: "<name>" } or { field: "<path into the body>" }` }];
}

function oneOfFaults(path: string, value: unknown, choices: readonly string[]): Fault[] {
  if (value === undefined || (typeof value === "string" && choices.includes(value))) return [];
  return [{ path, reason: `${quoted(value)} must be one of ${choices.join(", ")}` }];
}

function rangeFaults(path: string, value: unknown, least: number, most: number): Fault[] {
  if (value === undefined) return [];
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return [];
  return [{ path, reason: `${quoted(value)} must be a whole number from ${least} to ${most}` }];
}

function secretFaults(path: string, secret: unknown): Fault[] {
  return objectFaults(path, secret, "{ existing: { arn, keyArn } } or { create: {} }", (given) => {
    const { existing, create } = given;
    if ((existing === undefined) === (create === undefined)) {
      return [{ path, reason: "must have one of `existing` and `create`" }];
    }
    return [
      ...unknownFaults(`${path}.`, given, ["existing", "create"]),
      ...(existing === undefined
        ? []
        : objectFaults(`${path}.existing`, existing, "{ arn, keyArn }", ({ arn, keyArn }) => [
            ...inputTextFaults(`${path}.existing.arn`, arn, "the ARN of a secret"),
            ...inputTextFaults(`${path}.existing.keyArn`, keyArn, "the ARN of the secret's key"),
          ])),
      ...(create === undefined
        ? []
        : objectFaults(`${path}.create`, create, "{ value: config.requireSecret(…) } or {}", (made) => [
            ...unknownFaults(`${path}.create.`, made, ["value"]),
            ...(made.value === undefined
              ? []
              : inputTextFaults(`${path}.create.value`, made.value, "the secret's text")),
          ])),
    ];
  });
}

function mapperFaults(path: string, { mapping, map }: Readonly<Record<string, unknown>>): Fault[] {
  if ((mapping === undefined) === (map === undefined)) {
    const reason = "needs one of `mapping` (declarative) and `map` (your function): what a payload means is not known";
    return [{ path, reason }];
  }
  if (map !== undefined) {
    if (typeof map === "function" || (isRecord(map) && typeof map.module === "string")) return [];
    const reason = `${quoted(map)} must be a function of a payload, or { module: require.resolve("./map") }`;
    return [{ path: `${path}.map`, reason }];
  }
  const faults = zodFaults(mappingSchema, mapping, `${path}.mapping`);
  if (faults.length > 0) return faults;
  return mappingFaults(mapping as Mapping).map((reason) => ({ path: `${path}.mapping`, reason }));
}
