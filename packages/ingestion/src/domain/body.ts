import { isUtf8 } from "node:buffer";
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";

/** The most that a body may unpack to: 6 MB is what API Gateway lets through, so this is text packed about fourfold. */
export const maxUnpackedBytes = 24 * 1024 * 1024;

export type Decoded =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: "malformed-json" | "undecodable-body"; readonly detail: string };

function unpack(body: Uint8Array, encoding: string): Uint8Array {
  const limit = { maxOutputLength: maxUnpackedBytes };
  // The bytes tell better than the label: proxies unpack bodies and leave the header, or the other way round.
  if (body[0] === 0x1f && body[1] === 0x8b) return gunzipSync(body, limit);
  switch (encoding) {
    case "deflate":
      // "deflate" means zlib's format, but some clients send it bare.
      return ((body[0] ?? 0) & 0x0f) === 8 ? inflateSync(body, limit) : inflateRawSync(body, limit);
    case "br":
      return brotliDecompressSync(body, limit);
    default:
      return body;
  }
}

const encodings = ["", "identity", "gzip", "x-gzip", "deflate", "br"];

/** The bytes of a body's text. A label may be wrong: what reads as JSON without unpacking is not packed. */
function bytesOf(body: Uint8Array, encoding: string): { readonly bytes: Uint8Array } | { readonly detail: string } {
  const isText = () => isUtf8(body) && looksLikeJson(Buffer.from(body).toString("latin1", 0, 64));
  if (!encodings.includes(encoding)) {
    if (isText()) return { bytes: body };
    const shown = encoding.slice(0, 40);
    return { detail: `content-encoding "${shown}" is not known here; send gzip, deflate, br or none` };
  }
  try {
    return { bytes: unpack(body, encoding) };
  } catch (error) {
    if (isText()) return { bytes: body };
    return { detail: `the ${encoding || "gzip"} body cannot be unpacked (${(error as Error).message})` };
  }
}

function looksLikeJson(text: string): boolean {
  return /^\s*[[{]/.test(text);
}

/** JSON, or JSON in base64 (as pixels and forms carry it). */
function fromField(text: string): string {
  return looksLikeJson(text) ? text : Buffer.from(text, "base64").toString("utf8");
}

/**
 * Reads a request's body as JSON. The content type is not asked: browsers send text/plain to avoid a preflight, and
 * RudderStack's Node SDK labels packed JSON as a form. A true form has its JSON in the field `data`.
 */
export function decodeBody(body: Uint8Array, headers: Readonly<Record<string, string | undefined>>): Decoded {
  const encoding = (headers["content-encoding"] ?? "").trim().toLowerCase();
  const found = bytesOf(body, encoding);
  if ("detail" in found) return { ok: false, reason: "undecodable-body", detail: found.detail };
  const unpacked = found.bytes;
  if (!isUtf8(unpacked)) return { ok: false, reason: "malformed-json", detail: "the body is not UTF-8" };
  return parseText(Buffer.from(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength).toString("utf8"));
}

function parseText(text: string): Decoded {
  const bare = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const field = looksLikeJson(bare) ? null : new URLSearchParams(bare).get("data");
  return parseJson(field === null ? bare : fromField(field));
}

/** Reads the `data` of a pixel: JSON in base64. */
export function decodeData(data: string): Decoded {
  return parseJson(fromField(data));
}

function parseJson(text: string): Decoded {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    // V8 puts a piece of the text into its message, which may be personal.
    const place = /position \d+/.exec((error as Error).message)?.[0];
    const where = text.trim() === "" ? "it is empty" : (place ?? "it ends too soon");
    return { ok: false, reason: "malformed-json", detail: `the body is not JSON: ${where}` };
  }
}
