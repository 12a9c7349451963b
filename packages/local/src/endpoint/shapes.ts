/**
 * What JSON cannot say: which members are bytes or times. Members by name are enough, since within a service a name
 * always means the same. Answers need no table: there the values themselves tell.
 */
interface Members {
  readonly blobs?: readonly string[];
  readonly times?: readonly string[];
}

const members: Readonly<Record<string, Members>> = {
  kinesis: { blobs: ["Data"], times: ["Timestamp", "StreamCreationTimestamp"] },
  firehose: { blobs: ["Data"] },
  dynamodb: { blobs: ["B", "BS"] },
  sqs: { blobs: ["BinaryValue", "BinaryListValues"] },
  sns: { blobs: ["BinaryValue"] },
  kms: { blobs: ["Plaintext", "CiphertextBlob", "Message"] },
  "secrets-manager": { blobs: ["SecretBinary"] },
  eventbridge: { times: ["Time"] },
  scheduler: { times: ["StartDate", "EndDate"] },
  cloudwatch: { times: ["Timestamp", "StartTime", "EndTime"] },
};

interface Lookup {
  readonly blobs: ReadonlySet<string>;
  readonly times: ReadonlySet<string>;
}

const lookups = new Map<string, Lookup>();

function lookup(service: string): Lookup {
  let found = lookups.get(service);
  if (!found) {
    const { blobs = [], times = [] } = members[service] ?? {};
    found = { blobs: new Set(blobs), times: new Set(times) };
    lookups.set(service, found);
  }
  return found;
}

function bytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bytes);
  return typeof value === "string" ? new Uint8Array(Buffer.from(value, "base64")) : value;
}

/** Parsed JSON as the SDK's shapes: base64 to bytes, epoch seconds to dates. */
export function fromWire(service: string, value: unknown): unknown {
  const { blobs, times } = lookup(service);
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== "object" || node === null) return node;
    const result: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(node)) {
      if (member === null) continue;
      if (blobs.has(key) && (typeof member === "string" || isTexts(member))) result[key] = bytes(member);
      else if (times.has(key) && typeof member === "number") result[key] = new Date(member * 1000);
      else if (times.has(key) && typeof member === "string") result[key] = new Date(member);
      else result[key] = walk(member);
    }
    return result;
  };
  return walk(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

/** An answer as JSON: bytes to base64, dates to epoch seconds. */
export function toWire(value: unknown): unknown {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (isDate(value)) return value.getTime() / 1000;
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toWire(member)]));
}

export function isDate(value: unknown): value is Date {
  return value instanceof Date || Object.prototype.toString.call(value) === "[object Date]";
}
