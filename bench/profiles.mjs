// From accepted event to profile: the sample of `npm start`, timed until nothing is under way; and single people, from
// the collector's 200 to the profile API's.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { dev, execute, median, per, root, scratch } from "./support.mjs";

const people = 100;

export async function bench() {
  return [...(await throughput()), ...(await latency())];
}

async function latency() {
  const { path, remove } = scratch();
  const platform = await dev(path);
  try {
    const { endpoints, writeKeys } = platform.ready;
    const authorization = `Bearer ${await token(endpoints.aws, path)}`;
    const headers = { authorization: `Basic ${Buffer.from(`${writeKeys.web}:`).toString("base64")}` };
    const times = [];
    for (let person = 0; person < people; person++) {
      const body = JSON.stringify({ userId: `bench-${person}`, messageId: `bench-${person}`, traits: { name: "Ann" } });
      await fetch(`${endpoints.collector}/v1/identify`, { method: "POST", headers, body });
      const accepted = performance.now();
      while (
        (await fetch(`${endpoints.profiles}/v1/profiles/user_id:bench-${person}`, { headers: { authorization } }))
          .status !== 200
      );
      times.push(performance.now() - accepted);
    }
    const [first, ...warm] = times;
    warm.sort((a, b) => a - b);
    const p95 = warm[Math.floor(warm.length * 0.95)];
    return [
      `one person, accepted to visible in the profile API: first ${first.toFixed(0)} ms, then median ${median(warm).toFixed(0)} ms, p95 ${p95.toFixed(0)} ms over ${warm.length}`,
    ];
  } finally {
    await platform.stop();
    remove();
  }
}

async function token(endpoint, data) {
  const { SecretsManagerClient, GetSecretValueCommand, ListSecretsCommand } = createRequire(
    join(root, "packages/local/package.json"),
  )("@aws-sdk/client-secrets-manager");
  const { region } = JSON.parse(readFileSync(join(data, "stack.json"), "utf8"));
  const client = new SecretsManagerClient({
    endpoint,
    region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const { SecretList = [] } = await client.send(new ListSecretsCommand({}));
  const secret = SecretList.find(({ Name }) => Name?.includes("profile-api"));
  if (!secret) throw new Error(`no secret of the profile API among ${SecretList.map(({ Name }) => Name).join(", ")}`);
  return (await client.send(new GetSecretValueCommand({ SecretId: secret.ARN }))).SecretString;
}

async function throughput() {
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
