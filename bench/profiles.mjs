// From accepted event to profile: the sample of `npm start`, timed until nothing is under way.
import { join } from "node:path";
import { execute, per, root, scratch } from "./support.mjs";

export async function bench() {
  const { path, remove } = scratch();
  try {
    const args = [
      join(root, "examples/reference/dist/start.js"),
      "--exit",
      "--json",
      "--people",
      "5000",
      "--data",
      path,
    ];
    const { stdout, megabytes } = await execute(args);
    const summary = JSON.parse(stdout);
    const { seconds, events } = summary;
    const flow = seconds["sending events"] + seconds["resolving identities, activating audiences"];
    return [
      `${events.sent} events to ${summary.profiles} profiles, audiences and webhooks: ${flow.toFixed(1)} s, ${per(events.sent, flow)} events/s, peak ${megabytes.toFixed(0)} MB`,
      ...Object.entries(seconds).map(([stage, time]) => `  ${stage}: ${time.toFixed(1)} s`),
    ];
  } finally {
    remove();
  }
}
