import { createHash } from "node:crypto";

/** Files whose key no file system could hold under its own name live in this folder of the bucket. */
export const escapedFolder = ".s3-escaped";

/**
 * The path of a key inside its bucket's folder. A key is its own path, so that tools (DuckDB, `ls`) see the lake as it
 * is; keys with empty, `.`, `..` or overlong segments, a trailing slash or control characters get a hashed name.
 */
export function pathOfKey(key: string): string {
  const segments = key.split("/");
  const plain =
    segments[0] !== escapedFolder &&
    segments.every(
      (segment) => segment !== "" && segment !== "." && segment !== ".." && Buffer.byteLength(segment) <= 240,
    ) &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    !/[\u0000-\u001f\\]/.test(key);
  return plain ? key : escapedPath(key);
}

/** For a key whose plain path is taken by a folder (`a` beside `a/b`). */
export function escapedPath(key: string): string {
  return `${escapedFolder}/${createHash("sha256").update(key).digest("hex")}`;
}
