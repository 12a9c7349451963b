// @ts-check
/**
 * Clients that others wrote, each sending the same events its own way. Runs in a worker thread per fault, since a skewed
 * clock is a thread's whole `Date`. Plain JavaScript: that is how most of their users have them, and a worker starts
 * from a file.
 */
const { parentPort, workerData } = require("node:worker_threads");

/** @type {{ fault: string; writeKey: string; urls: Record<string, string>; skewMs: number; events: number }} */
const { fault, writeKey, urls, skewMs, events } = workerData;

if (skewMs !== 0) {
  const Real = Date;
  // @ts-expect-error The clock of this thread, from here on.
  globalThis.Date = class extends Real {
    /** @param {any[]} args */
    constructor(...args) {
      // @ts-expect-error Date's constructor has many forms.
      super(...(args.length === 0 ? [Real.now() + skewMs] : args));
    }
    static now() {
      return Real.now() + skewMs;
    }
  };
}

/** @param {string} client @param {number} number */
const marker = (client, number) => `${client}|${fault}|${number}`;
/** @param {string} client */
const person = (client) => `${client}-${fault}`;
/** @param {string} client */
const trait = (client) => ({ conformance: marker(client, 0) });
/** @param {string} client */
const markers = (client) => Array.from({ length: events }, (_, index) => marker(client, index + 1));
/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @type {Record<string, (url: string, name: string) => Promise<void>>} */
const clients = {
  async segment(host, name) {
    const { Analytics } = require("@segment/analytics-node");
    const analytics = new Analytics({ writeKey, host, flushAt: 3, flushInterval: 100, maxRetries: 8 });
    analytics.identify({ userId: person(name), traits: trait(name) });
    for (const event of markers(name)) analytics.track({ userId: person(name), event });
    await analytics.closeAndFlush({ timeout: 30_000 });
  },

  async rudder(dataPlaneUrl, name) {
    const RudderAnalytics = require("@rudderstack/rudder-sdk-node");
    const analytics = new RudderAnalytics(writeKey, {
      dataPlaneUrl,
      flushAt: 3,
      flushInterval: 100,
      errorHandler() {},
    });
    analytics.identify({ userId: person(name), traits: trait(name) });
    for (const event of markers(name)) analytics.track({ userId: person(name), event });
    await pause(500);
    await analytics.flush().catch(() => {});
  },

  async snowplow(endpoint, name) {
    const { newTracker, buildStructEvent } = require("@snowplow/node-tracker");
    const tracker = newTracker({ namespace: "sp", appId: writeKey }, { endpoint, bufferSize: 3 });
    tracker.setUserId(person(name));
    for (const action of markers(name)) tracker.track(buildStructEvent({ category: "conformance", action }));
    // It tries what failed again with the next flush.
    for (let flush = 0; flush < 8; flush++) {
      await tracker.flush();
      await pause(300);
    }
  },

  async posthog(host, name) {
    const { PostHog } = require("posthog-node");
    const posthog = new PostHog(writeKey, { host, flushAt: 3, flushInterval: 100, fetchRetryDelay: 500 });
    posthog.identify({ distinctId: person(name), properties: trait(name) });
    for (const event of markers(name)) posthog.capture({ distinctId: person(name), event });
    await posthog.shutdown(30_000);
  },

  async jitsu(host, name) {
    const { jitsuAnalytics } = require("@jitsu/js");
    const jitsu = jitsuAnalytics({
      host,
      writeKey: `${writeKey}:secret`,
      fetch: (/** @type {any[]} */ ...args) => fetch(.../** @type {[any]} */ (args)),
    });
    await jitsu.identify(person(name), trait(name));
    for (const event of markers(name)) await jitsu.track(event, {});
  },
};

process.on("unhandledRejection", (reason) => parentPort?.postMessage({ failed: "someone", reason: String(reason) }));
Promise.all(
  Object.entries(clients).map(([name, run]) =>
    run(urls[name] ?? "", name).catch((error) =>
      parentPort?.postMessage({ failed: name, reason: String(error?.stack ?? error) }),
    ),
  ),
).then(() => parentPort?.postMessage({ done: true }));
