import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, gunzipSync } from "node:zlib";
import { MatchingError } from "../faults";

const headLength = 65_536;
const delimiters = [",", "\t", ";", "|"] as const;

/** What separates a CSV's columns: the mark that its head line has most of, outside quotation marks. */
export async function delimiterOf(path: string): Promise<string> {
  const line = (await headOf(path)).split(/\r?\n/, 1)[0] ?? "";
  const bare = line.replace(/"(?:[^"]|"")*"/g, "");
  let best: string = ",";
  for (const delimiter of delimiters) if (bare.split(delimiter).length > bare.split(best).length) best = delimiter;
  return best;
}

async function headOf(path: string): Promise<string> {
  const handle = await open(path);
  try {
    const buffer = Buffer.alloc(headLength);
    const { bytesRead } = await handle.read(buffer, 0, headLength, 0);
    const head = buffer.subarray(0, bytesRead);
    // The head of a compressed file ends amid a block: what can be had of it is enough.
    const text = /\.gz$/i.test(path) ? gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }) : head;
    return text.toString("utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    throw new MatchingError(`${path}: cannot be read: ${(error as Error).message}. Export or copy it again.`, {
      cause: error,
    });
  } finally {
    await handle.close();
  }
}

/**
 * Fails where a gzip file is cut short or damaged. DuckDB reads such a file up to where it breaks off and says nothing, so
 * it is unpacked a second time beside DuckDB's own reading, in zlib's thread.
 */
export async function checkGzip(path: string): Promise<void> {
  const nowhere = new Writable({ highWaterMark: 4 << 20, write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), createGunzip({ chunkSize: 1 << 20 }), nowhere);
  } catch (error) {
    throw new MatchingError(
      `${path}: cannot be read to its end: ${(error as Error).message}. The file is cut short or damaged: export or copy it again.`,
      { cause: error },
    );
  }
}
