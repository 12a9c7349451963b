import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "../../kernel";

const lookEveryMs = 400;
/** A file that was not written to for so long is complete: put large ones there by a rename. */
const quietMs = 200;
/** Names under which files are still being written. */
const unfinished = /^\.|\.(tmp|part|partial|filepart|crdownload)$/i;

export interface DropFolderOptions {
  /** For messages and the list of work in progress. */
  readonly name: string;
  /** Absolute; made when absent. */
  readonly folder: string;
  /** Takes a complete file away: it must be gone from its place afterwards. `name` is its path below the folder. */
  readonly take: (file: { readonly path: string; readonly name: string }) => Promise<void>;
}

/**
 * A folder of the data folder that stands for a place outside AWS: files that appear there are taken, oldest name first.
 * One that cannot be taken stays, is told of once, and is tried again when it changes.
 */
export class DropFolder {
  private readonly timer: NodeJS.Timeout;
  private readonly refused = new Map<string, number>();
  private readonly untrack: () => void;
  private working: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly options: DropFolderOptions,
  ) {
    mkdirSync(options.folder, { recursive: true });
    this.timer = setInterval(() => void this.look(), lookEveryMs);
    // A folder alone keeps no process alive.
    this.timer.unref();
    this.untrack = kernel.track({
      name: options.name,
      pending: () => this.waiting().length + (this.working ? 1 : 0),
      flush: () => this.look(),
    });
    kernel.onClose(() => this.stop());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    this.untrack();
    await this.working;
  }

  private look(): Promise<void> {
    this.working ??= this.takeAll().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  private async takeAll(): Promise<void> {
    for (const { path, name, changedAt } of this.waiting()) {
      if (this.stopped) return;
      if (Date.now() - changedAt < quietMs) continue;
      try {
        await this.options.take({ path, name });
      } catch (error) {
        this.refused.set(path, changedAt);
        this.kernel.log.warn(`${this.options.name}: ${name} stays where it is: ${(error as Error).message}`);
      }
    }
  }

  /** Files that are there and were not refused as they are. */
  private waiting(): { path: string; name: string; changedAt: number }[] {
    const { folder } = this.options;
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !unfinished.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .flatMap((path) => {
        const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
        if (changedAt === undefined || this.refused.get(path) === changedAt) return [];
        return [{ path, name: path.slice(folder.length + 1), changedAt }];
      });
  }
}
