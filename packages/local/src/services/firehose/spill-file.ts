import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Bytes that are gathered in memory before they go to the file. */
const chunkBytes = 1 << 20;

/** A buffer that lies on disk, so that a delivery stream's memory does not grow with its buffer size. */
export class SpillFile {
  readonly path: string;
  bytes = 0;
  records = 0;
  private chunks: Uint8Array[] = [];
  private waiting = 0;
  private descriptor: number | undefined;

  constructor(folder: string, name: string) {
    this.path = join(folder, name);
    this.descriptor = openSync(this.path, "w");
  }

  /** Adds one record: the parts are written one after the other. */
  append(...parts: Uint8Array[]): void {
    for (const part of parts) {
      this.chunks.push(part);
      this.waiting += part.byteLength;
      this.bytes += part.byteLength;
    }
    this.records += 1;
    if (this.waiting >= chunkBytes) this.spill();
  }

  /** Writes what is gathered and closes the file; it can be read, moved or removed then. */
  finish(): void {
    if (this.descriptor === undefined) return;
    this.spill();
    closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  discard(): void {
    this.chunks = [];
    this.waiting = 0;
    this.finish();
    rmSync(this.path, { force: true });
  }

  private spill(): void {
    if (this.descriptor === undefined || this.waiting === 0) return;
    // A write may take fewer bytes than given.
    const whole = this.chunks.length === 1 && this.chunks[0] ? this.chunks[0] : Buffer.concat(this.chunks);
    for (let written = 0; written < whole.byteLength; ) {
      written += writeSync(this.descriptor, whole, written);
    }
    this.chunks = [];
    this.waiting = 0;
  }
}
