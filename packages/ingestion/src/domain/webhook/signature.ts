import { createHmac, timingSafeEqual } from "node:crypto";
import type { HmacScheme, WebhookProvider } from "../../webhook-env";

/** By lower-case name. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** Why a webhook is refused: a closed list, as it is a metric's dimension. */
export type Refusal = "no-signature" | "malformed-signature" | "wrong-signature" | "too-old";

/** What the request says it was signed with. */
interface Signed {
  /** Any of these may be the right one: Stripe sends one for each secret that is valid during a rotation. */
  readonly signatures: readonly Buffer[];
  readonly algorithm: string;
  readonly content: readonly (string | Uint8Array)[];
  /** Epoch milliseconds of signing, where it is part of what is signed. */
  readonly at?: number;
  readonly toleranceSeconds?: number;
}

/**
 * Checks a webhook's signature over its raw bytes.
 *
 * Every secret is tried against every signature and all comparisons run to the end in constant time, so that the answer's
 * time tells nothing. A signed timestamp is looked at only after the signature holds: a stranger learns nothing about our clock.
 * @param secrets those that are valid now: one, or two while a rotation is under way
 */
export function refusalOf(
  provider: WebhookProvider,
  headers: Headers,
  body: Uint8Array,
  secrets: readonly string[],
  now: number,
): Refusal | undefined {
  const signed = read(provider, headers, body);
  if (typeof signed === "string") return signed;
  let right = false;
  for (const secret of secrets) {
    const hmac = createHmac(signed.algorithm, secret);
    for (const part of signed.content) hmac.update(part);
    const expected = hmac.digest();
    for (const signature of signed.signatures) {
      const sameLength = signature.length === expected.length;
      const equal = timingSafeEqual(sameLength ? signature : Buffer.alloc(expected.length), expected);
      right = (equal && sameLength) || right;
    }
  }
  if (!right) return "wrong-signature";
  const { at, toleranceSeconds } = signed;
  return at !== undefined && toleranceSeconds !== undefined && now - at > toleranceSeconds * 1000
    ? "too-old"
    : undefined;
}

function read(provider: WebhookProvider, headers: Headers, body: Uint8Array): Signed | Refusal {
  switch (provider.kind) {
    case "stripe":
      return readStripe(headers["stripe-signature"], body, provider.toleranceSeconds);
    case "shopify":
      return readOne(headers["x-shopify-hmac-sha256"], { prefix: "", encoding: "base64" }, "sha256", [body]);
    case "github":
      return readOne(headers["x-hub-signature-256"], { prefix: "sha256=", encoding: "hex" }, "sha256", [body]);
    case "hmac":
      return readScheme(provider.scheme, headers, body);
  }
}

/**
 * `t=<epoch seconds>,v1=<hex>[,v1=<hex>…]` over `<t>.<body>`; other versions are not looked at (`v0` is of test mode).
 * Source: "Verify webhook signatures manually" in Stripe's documentation.
 */
function readStripe(header: string | undefined, body: Uint8Array, toleranceSeconds: number): Signed | Refusal {
  if (!header) return "no-signature";
  const pairs = header.split(",").map((pair) => pair.trim().split("="));
  const time = pairs.find(([name]) => name === "t")?.[1];
  const given = pairs.flatMap(([name, value = ""]) => (name === "v1" ? [decode(value, "hex")] : []));
  const signatures = given.filter((signature) => signature !== undefined);
  if (time === undefined || !/^\d{1,15}$/.test(time) || signatures.length === 0) return "malformed-signature";
  return { signatures, algorithm: "sha256", content: [`${time}.`, body], at: Number(time) * 1000, toleranceSeconds };
}

function readOne(
  header: string | undefined,
  { prefix, encoding }: Pick<HmacScheme, "prefix" | "encoding">,
  algorithm: string,
  content: Signed["content"],
): Signed | Refusal {
  if (!header) return "no-signature";
  const signature = header.startsWith(prefix) ? decode(header.slice(prefix.length).trim(), encoding) : undefined;
  return signature === undefined ? "malformed-signature" : { signatures: [signature], algorithm, content };
}

function readScheme(scheme: HmacScheme, headers: Headers, body: Uint8Array): Signed | Refusal {
  const { timestampHeader, toleranceSeconds } = scheme;
  const time = timestampHeader === undefined ? undefined : headers[timestampHeader];
  const at = time === undefined ? undefined : readTime(time);
  if (timestampHeader !== undefined && at === undefined) return time ? "malformed-signature" : "no-signature";
  const content = scheme.signed.split(/(\{body\}|\{timestamp\})/).map((part) => {
    if (part === "{body}") return body;
    return part === "{timestamp}" ? (time ?? "") : part;
  });
  const signed = readOne(headers[scheme.header], scheme, scheme.algorithm, content);
  return typeof signed === "string" || at === undefined ? signed : { ...signed, at, toleranceSeconds };
}

/** Epoch seconds or milliseconds, or ISO 8601. */
function readTime(text: string): number | undefined {
  const number = /^\d{9,14}$/.test(text) ? Number(text) : Number.NaN;
  const at = Number.isNaN(number) ? Date.parse(text) : number > 1e11 ? number : number * 1000;
  return Number.isNaN(at) ? undefined : at;
}

const alphabets = { hex: /^[0-9a-f]+$/i, base64: /^[A-Za-z0-9+/]+={0,2}$/, base64url: /^[A-Za-z0-9_-]+={0,2}$/ };

/** Node decodes what it can and drops the rest: a signature with a stray character is not one. */
function decode(text: string, encoding: HmacScheme["encoding"]): Buffer | undefined {
  return alphabets[encoding].test(text) ? Buffer.from(text, encoding) : undefined;
}
