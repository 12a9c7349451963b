import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, posix, resolve } from "node:path";
import { unzipSync } from "fflate";
import { storedAsset } from "./values";
import { isObject, signatureOf, unknownWire, unwrapSecret, type Wire, type WireObject } from "./wire";

type Files = Map<string, Uint8Array>;

/**
 * Hashes the assets and archives of a program by their content and lays them out in a folder, so that what stands in
 * the state is the content as it was, wherever the program's own files go. Same content, same folder: laid out once.
 */
export class AssetStore {
  /** @param folder where content goes, one folder per hash; @param base what relative paths are relative to */
  constructor(
    private readonly folder: string,
    private readonly base: string,
  ) {}

  /** The value with each asset and archive replaced by its stored form (path and hash). */
  async materialise(value: Wire): Promise<Wire> {
    const kind = signatureOf(value);
    if (kind === "asset" || kind === "archive") return await this.store(value as WireObject, kind);
    if (Array.isArray(value)) return await Promise.all(value.map((element) => this.materialise(element)));
    if (!isObject(value)) return value;
    const entries = Object.entries(value as WireObject).map(
      async ([key, member]) => [key, await this.materialise(member)] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  private async store(asset: WireObject, kind: "asset" | "archive"): Promise<Wire> {
    if (containsUnknown(asset)) return unknownWire;
    if (kind === "asset") {
      const content = await this.content(asset);
      const name = typeof asset.path === "string" ? basename(asset.path) : "text";
      const hash = createHash("sha256").update(content).digest("hex");
      await this.layOut(hash, new Map([[name, content]]));
      // Two files of one content may have two names: the folder holds them side by side.
      const path = join(this.folder, hash, name);
      if (!existsSync(path)) await writeFile(path, content);
      return storedAsset({ __asset: "file", hash, path });
    }
    const files = await this.archive(asset);
    const digest = createHash("sha256");
    for (const [path, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      digest.update(`${path}\0${content.byteLength}\0`).update(content);
    }
    const hash = digest.digest("hex");
    await this.layOut(hash, files);
    return storedAsset({ __asset: "archive", hash, path: join(this.folder, hash) });
  }

  private async content(asset: WireObject): Promise<Uint8Array> {
    if (typeof asset.text === "string") return Buffer.from(asset.text);
    if (typeof asset.path === "string") return await readOrExplain(this.resolve(asset.path), "FileAsset");
    throw refuseRemote("RemoteAsset", asset.uri);
  }

  private async archive(archive: WireObject): Promise<Files> {
    if (isObject(archive.assets)) return await this.assembled(archive.assets as WireObject);
    if (typeof archive.path === "string") return await this.fromPath(this.resolve(archive.path));
    throw refuseRemote("RemoteArchive", archive.uri);
  }

  /** An `AssetArchive`: files and archives under names of their own. */
  private async assembled(assets: WireObject): Promise<Files> {
    const files: Files = new Map();
    for (const [name, wrapped] of Object.entries(assets)) {
      const member = unwrapSecret(wrapped);
      const kind = signatureOf(member);
      if (kind === "asset") files.set(inside(name), await this.content(member as WireObject));
      else if (kind === "archive") {
        for (const [path, content] of await this.archive(member as WireObject))
          files.set(inside(`${name}/${path}`), content);
      } else throw new Error(`the archive member "${name}" is neither an asset nor an archive`);
    }
    return files;
  }

  /** A `FileArchive`: a folder, or a zip file. */
  private async fromPath(path: string): Promise<Files> {
    const info = await stat(path).catch(() => undefined);
    if (info?.isDirectory()) {
      const files: Files = new Map();
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      for (const entry of entries.filter((candidate) => !candidate.isDirectory())) {
        const file = join(entry.parentPath ?? entry.path, entry.name);
        files.set(file.slice(path.length + 1).replaceAll("\\", "/"), await readFile(file));
      }
      return files;
    }
    if (!/\.(zip|jar)$/i.test(path)) {
      throw new Error(`the FileArchive "${path}" is neither a folder nor a .zip file; pass one of these`);
    }
    const unzipped = unzipSync(await readOrExplain(path, "FileArchive"));
    return new Map(
      Object.entries(unzipped).flatMap(([name, content]) => (name.endsWith("/") ? [] : [[inside(name), content]])),
    );
  }

  private async layOut(hash: string, files: Files): Promise<void> {
    const target = join(this.folder, hash);
    if (existsSync(target)) return;
    const draft = join(this.folder, `.${hash}.${randomUUID()}`);
    await mkdir(draft, { recursive: true });
    for (const [path, content] of files) {
      const file = join(draft, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    try {
      await rename(draft, target);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      // Another resource with the same content was faster.
      if (!existsSync(target)) throw error;
    }
  }

  private resolve(path: string): string {
    return isAbsolute(path) ? path : resolve(this.base, path);
  }
}

function containsUnknown(asset: WireObject): boolean {
  return Object.values(asset).some(
    (member) => member === unknownWire || (isObject(member) && containsUnknown(member as WireObject)),
  );
}

/** A path inside an archive, normalised; one that leads outside is refused (a zip may hold `../../etc/passwd`). */
function inside(path: string): string {
  const clean = posix.normalize(path.replaceAll("\\", "/")).replace(/^(\.\/|\/)+/, "");
  if (clean === ".." || clean.startsWith("../"))
    throw new Error(`the archive member "${path}" leads outside the archive`);
  return clean;
}

async function readOrExplain(path: string, kind: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`can not read the ${kind} "${path}": ${(error as Error).message}`);
  }
}

function refuseRemote(kind: string, uri: unknown): Error {
  return new Error(
    `a ${kind} (${String(uri)}) is not fetched by the embedded runtime; download it and use a FileArchive`,
  );
}
