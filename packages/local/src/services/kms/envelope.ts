import { createHash } from "node:crypto";
import { AwsError } from "../../kernel";

/**
 * Ciphertexts that are none: the plaintext behind a header that names the key and the encryption context. They prove
 * that the right key and context were used; they hide nothing, and say so to whoever looks at one.
 */
const mark = "tributary-local-kms (not encrypted)";

export interface Opened {
  readonly keyArn: string;
  readonly plaintext: Uint8Array;
}

type Context = Readonly<Record<string, string>> | undefined;

function digest(context: Context): string {
  const pairs = Object.entries(context ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(pairs)).digest("hex");
}

export function seal(keyArn: string, plaintext: Uint8Array, context: Context): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from(`${mark}\n${keyArn}\n${digest(context)}\n`), plaintext]));
}

/** @throws AwsError `InvalidCiphertextException` for bytes that were not sealed here, or with another context */
export function open(ciphertext: Uint8Array, context: Context): Opened {
  const bytes = Buffer.from(ciphertext);
  const header = /^([^\n]*)\n([^\n]*)\n([0-9a-f]{64})\n/.exec(bytes.subarray(0, 2048).toString("latin1"));
  const [whole = "", found, keyArn = "", contextDigest] = header ?? [];
  if (found !== mark || contextDigest !== digest(context)) {
    throw new AwsError(
      "InvalidCiphertextException",
      "the ciphertext was not made here, or with another encryption context",
    );
  }
  return { keyArn, plaintext: new Uint8Array(bytes.subarray(whole.length)) };
}
