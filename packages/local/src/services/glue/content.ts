import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

const chunk = 1 << 20;

/** A hash of a file's bytes, by which it is called in its table; they outlast a power cut from then on. */
export async function contentOf(file: string): Promise<string> {
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
