import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/** An installed Chromium or Chrome: of `CHROME_PATH`, else of the path; undefined where there is none. */
export function findChromium(): string | undefined {
  const named = process.env.CHROME_PATH ?? process.env.PUPPETEER_EXECUTABLE_PATH;
  if (named) return named;
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [...paths, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"].find(existsSync);
}

export interface PageVisit {
  readonly fault: string;
  /** Of the fault-injecting proxy. */
  readonly url: string;
  readonly skewMs: number;
}

const sdk = () =>
  readFileSync(join(dirname(require.resolve("@segment/analytics-next/package.json")), "dist/umd/index.js"));

/** A page as a site has it: the SDK from a script tag, told where to fetch its settings and where to send. */
function page({ fault, url, skewMs }: PageVisit, writeKey: string, events: number): string {
  const options = {
    settings: { writeKey, cdnURL: url },
    init: { integrations: { "Segment.io": { apiHost: `${new URL(url).host}/v1`, protocol: "http" } } },
  };
  return `<!doctype html><title>${fault}</title>
<script>
const skew = ${skewMs}, Real = Date;
if (skew !== 0) globalThis.Date = class extends Real {
  constructor(...args) { super(...(args.length === 0 ? [Real.now() + skew] : args)); }
  static now() { return Real.now() + skew; }
};
</script>
<script src="/sdk.js"></script>
<script>
(async () => {
  const { settings, init } = ${JSON.stringify(options)};
  const [analytics] = await AnalyticsNext.AnalyticsBrowser.load(settings, init);
  analytics.identify("browser-${fault}", { conformance: "browser|${fault}|0" });
  for (let number = 1; number <= ${events}; number++) analytics.track("browser|${fault}|" + number);
})().catch((error) => fetch("/failed", { method: "POST", body: String(error && error.stack) }));
</script>`;
}

export interface Browser {
  readonly failures: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens a page per visit in one headless Chromium, each from an origin of its own (so each has its own cookies and local
 * storage) and as a frame of one page that is in view, since timers of hidden pages are held up.
 */
export async function browse(
  chromium: string,
  visits: readonly PageVisit[],
  writeKey: string,
  events: number,
): Promise<Browser> {
  const failures: string[] = [];
  const servers: Server[] = [];
  const serve = async (html: () => string): Promise<string> => {
    const server = createServer((request, response) => {
      if (request.method === "POST") request.on("data", (chunk) => failures.push(String(chunk)));
      const isSdk = request.url === "/sdk.js";
      response.writeHead(200, { "content-type": isSdk ? "text/javascript" : "text/html" });
      response.end(isSdk ? sdk() : html());
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  const frames = await Promise.all(visits.map((visit) => serve(() => page(visit, writeKey, events))));
  const top = await serve(() =>
    frames.map((frame) => `<iframe src="${frame}" width="80" height="80"></iframe>`).join(""),
  );
  const profile = mkdtempSync(join(tmpdir(), "tributary-chromium-"));
  const child: ChildProcess = spawn(
    chromium,
    [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      `--user-data-dir=${profile}`,
      "--remote-debugging-port=0",
      top,
    ],
    // A process group of its own, so that its helpers can be ended with it.
    { stdio: "ignore", detached: true },
  );
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", (error) => {
      failures.push(String(error));
      resolve();
    });
  });
  return {
    failures,
    async close() {
      endGroup(child);
      await ended;
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
      removeProfile(profile);
    },
  };
}

/** Ends a browser and its helpers at once: nothing of its profile is wanted. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // It ended by itself.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A helper that still dies may write once more: what cannot be removed stays in the system's temporary folder. */
function removeProfile(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  } catch (error) {
    console.warn(`${folder} is left behind: ${(error as Error).message}`);
  }
}
