import { createHash, randomUUID } from "node:crypto";
import { copyFile, mkdir, open, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import type { ObjectBody } from "./types";

export interface WrittenFile {
  readonly path: string;
  readonly size: number;
  readonly md5: Buffer;
  /** Base64 of the big-endian CRC-32. */
  readonly crc32: string;
}

async function* chunksOf(body: ObjectBody): AsyncIterable<Uint8Array> {
  if (body === undefined) return;
  if (typeof body === "string") yield Buffer.from(body);
  else if (body instanceof Readable) for await (const chunk of body) yield chunk as Uint8Array;
  else yield body;
}

/** Writes a body to a new file in `folder`, hashing on the way; the bytes are on disk when it resolves. */
export async function writeTemporary(folder: string, body: ObjectBody): Promise<WrittenFile> {
  const path = join(folder, randomUUID());
  const file = await open(path, "wx");
  try {
    const md5 = createHash("md5");
    let checksum = 0;
    let size = 0;
    for await (const chunk of chunksOf(body)) {
      await file.writeFile(chunk);
      md5.update(chunk);
      checksum = crc32(chunk, checksum);
      size += chunk.byteLength;
    }
    await file.datasync();
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(checksum);
    return { path, size, md5: md5.digest(), crc32: crc.toString("base64") };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

/**
 * Puts a file in its place, making folders on the way. False where the place cannot be had because a folder has the
 * name or a file stands where a folder is needed.
 */
export async function moveIntoPlace(from: string, to: string): Promise<boolean> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await mkdir(dirname(to), { recursive: true });
      await rename(from, to);
      await syncFolder(dirname(to));
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (["EISDIR", "ENOTDIR", "EEXIST", "ENOTEMPTY"].includes(code)) return false;
      // A folder that emptied may have been tidied away between the two calls.
      if (code === "ENOENT" && attempt < 3) continue;
      throw error;
    }
  }
}

/** Makes a rename outlast a power cut, where the platform lets folders be opened. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Brings a file of another file system into `folder`; one of the same is used where it is. */
export async function adopt(folder: string, path: string): Promise<string> {
  const local = join(folder, randomUUID());
  try {
    await rename(path, local);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
    await copyFile(path, local);
    await rm(path);
  }
  const file = await open(local, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
  return local;
}

/** Removes a file, and the folders above it that this leaves empty, up to `root`. */
export async function removeFile(root: string, path: string): Promise<void> {
  await rm(join(root, path), { force: true });
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
    try {
      await rmdir(join(root, folder));
    } catch (error) {
      if (["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error))) return;
      throw error;
    }
  }
}
