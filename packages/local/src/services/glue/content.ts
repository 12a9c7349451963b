import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const chunk = 1 << 20;

/** A hash of a file's bytes, by which it is called in its table; they outlast a power cut from then on. */
async function contentOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(file, process.platform === "win32" ? "r+" : "r");
  try {
    const bytes = Buffer.allocUnsafe(chunk);
    for (;;) {
      const { bytesRead } = await handle.read(bytes, 0, chunk);
      if (bytesRead === 0) break;
      hash.update(bytes.subarray(0, bytesRead));
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return hash.digest("hex");
}

/** Hashes of the files below a folder, or below one inside of it, by their path in it. */
export function contentsOf(folder: string, prefix = ""): Promise<ReadonlyMap<string, string>> {
  const hashAll = async () => {
    const contents = new Map<string, string>();
    for (const name of filesUnder(folder, prefix)) contents.set(name, await contentOf(join(folder, name)));
    return contents;
  };
  const all = hashAll();
  // Where what comes next fails, nobody asks any more.
  all.catch(() => {});
  return all;
}

/** Files below a folder, as paths inside of it, in order. */
function filesUnder(folder: string, prefix = ""): string[] {
  try {
    return readdirSync(join(folder, prefix), { withFileTypes: true })
      .flatMap((entry) =>
        entry.isDirectory() ? filesUnder(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
      )
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
