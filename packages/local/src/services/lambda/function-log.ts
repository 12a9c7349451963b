import { appendFileSync, renameSync, statSync } from "node:fs";
import { appendFile } from "node:fs/promises";

/** A function's log file is rolled over (one older file is kept) beyond this size, in bytes. */
const maximumBytes = 8 * 2 ** 20;
const writeEveryMs = 100;

/** A function's log: what it prints, in a file of bounded size. Lines are written in groups, never waited for. */
export class FunctionLog {
  private lines: string[] = [];
  private bytes: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly file: string,
    private readonly warn: (message: string) => void,
  ) {
    this.bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(lines: readonly string[]): void {
    for (const line of lines) this.lines.push(line);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const text = this.take();
      appendFile(this.file, text).catch((error) => this.warn(`can not write ${this.file}: ${error}`));
    }, writeEveryMs);
    this.timer.unref();
  }

  /** Writes what is left, now. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines.length > 0) appendFileSync(this.file, this.take());
  }

  private take(): string {
    const text = `${this.lines.join("\n")}\n`;
    this.lines = [];
    if (this.bytes > maximumBytes) {
      renameSync(this.file, `${this.file}.1`);
      this.bytes = 0;
    }
    this.bytes += text.length;
    return text;
  }
}
