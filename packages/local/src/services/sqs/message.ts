import { createHash, hash } from "node:crypto";
import type { MessageAttributeValue } from "@aws-sdk/client-sqs";
import { AwsError } from "../../kernel";

/** A message attribute as stored: type, and text or bytes. */
export interface StoredAttribute {
  readonly t: string;
  readonly s?: string;
  readonly b?: Uint8Array;
}

/** What never changes about a message. */
export interface StoredMessage {
  readonly id: string;
  readonly body: string;
  readonly md5: string;
  readonly attributes?: Readonly<Record<string, StoredAttribute>>;
  /** Epoch milliseconds of the first send; a move to a dead-letter queue keeps it. */
  readonly sentAt: number;
  readonly sender: string;
  readonly group?: string;
  readonly deduplication?: string;
  readonly traceHeader?: string;
  /** The queue that it was moved from. */
  readonly deadLetterSource?: string;
}

export function md5(text: string): string {
  return hash("md5", text);
}

/** MD5 over a message's attributes by AWS's rules: sorted by name, lengths in 4 bytes, 1 for text and 2 for binary. */
export function md5OfAttributes(attributes: Readonly<Record<string, StoredAttribute>> | undefined): string | undefined {
  const names = Object.keys(attributes ?? {}).sort();
  if (names.length === 0) return undefined;
  const digest = createHash("md5");
  const add = (value: string | Uint8Array) => {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.byteLength);
    digest.update(length).update(bytes);
  };
  for (const name of names) {
    const attribute = attributes?.[name];
    if (!attribute) continue;
    add(name);
    add(attribute.t);
    digest.update(new Uint8Array([attribute.b ? 2 : 1]));
    add(attribute.b ?? attribute.s ?? "");
  }
  return digest.digest("hex");
}

/** Checks and converts a request's message attributes; undefined where there are none. */
export function readAttributes(given: unknown): Record<string, StoredAttribute> | undefined {
  const entries = Object.entries((given ?? {}) as Record<string, MessageAttributeValue | undefined>);
  const result: Record<string, StoredAttribute> = {};
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    const type = value.DataType ?? "";
    if (!/^[A-Za-z0-9_.-]{1,256}$/.test(name) || /^(aws|amazon)\./i.test(name)) {
      throw invalid(`The message attribute name '${name}' is invalid.`);
    }
    if (!/^(String|Number|Binary)(\..{1,246})?$/.test(type)) {
      throw invalid(`The message attribute '${name}' has an invalid message attribute type.`);
    }
    if (type.startsWith("Binary")) {
      if (!(value.BinaryValue instanceof Uint8Array) || value.BinaryValue.byteLength === 0) throw empty(name);
      result[name] = { t: type, b: value.BinaryValue };
    } else {
      if (typeof value.StringValue !== "string" || value.StringValue === "") throw empty(name);
      if (type.startsWith("Number") && !Number.isFinite(Number(value.StringValue))) {
        throw invalid(`Can't cast the value of message (user) attribute '${name}' to a number.`);
      }
      result[name] = { t: type, s: value.StringValue };
    }
  }
  if (Object.keys(result).length > 10)
    throw invalid("Number of message attributes [11] exceeds the allowed maximum [10].");
  return Object.keys(result).length > 0 ? result : undefined;
}

/** Bytes that count towards the message limit: body, attribute names, types and values. */
export function messageBytes(body: string, attributes: Readonly<Record<string, StoredAttribute>> | undefined): number {
  let size = Buffer.byteLength(body);
  for (const [name, { t, s, b }] of Object.entries(attributes ?? {})) {
    size += Buffer.byteLength(name) + Buffer.byteLength(t) + (b ? b.byteLength : Buffer.byteLength(s ?? ""));
  }
  return size;
}

/** The characters that SQS takes. */
const allowed = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

export function checkBody(body: unknown): string {
  if (typeof body !== "string")
    throw new AwsError("MissingParameter", "The request must contain the parameter MessageBody.");
  if (body === "")
    throw invalid("Value  for parameter MessageBody is invalid. Reason: Must be at least one character.");
  if (!allowed.test(body)) {
    throw new AwsError(
      "InvalidMessageContents",
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.",
    );
  }
  return body;
}

function empty(name: string): AwsError {
  return invalid(`The message attribute '${name}' must contain a non-empty message attribute value of its type.`);
}

export function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterValue", message);
}
