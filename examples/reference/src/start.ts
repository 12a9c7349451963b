import { join } from "node:path";
import {
  bringUp,
  createOutput,
  type DevOptions,
  parsePort,
  platformOf,
  profilesOf,
  progress,
  readyDocument,
  reportAndExit,
  runPipeline,
  sendBatches,
  untilStopped,
} from "@tributary/cli";
import type { PlatformContract } from "@tributary/model";
import { Command, InvalidArgumentError } from "commander";
import { makeSample, type Sample } from "./sample/events";
import { startReceiver } from "./sample/receiver";
import { describeNext, describeSummary, type Summary } from "./sample/summary";
import { identityQuality } from "./sample/truth";

type Runtime = Awaited<ReturnType<typeof bringUp>>["runtime"];

interface StartOptions extends Omit<DevOptions, "program" | "stack"> {
  readonly seed: number;
  readonly people: number;
}

const whole = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("a whole number of at least 1");
  return value;
};

/** Sends the sample to the collector as its clients would: a source at a time, batches over HTTP. */
async function send(sample: Sample, platform: PlatformContract): Promise<number> {
  const { collectorUrl, writeKeys } = platform.ingestion;
  const parts = [
    { key: writeKeys.web, items: sample.items.web },
    { key: writeKeys.crm, items: sample.items.crm },
    { key: "a-key-that-nobody-issued", items: sample.strays },
  ];
  const total = parts.reduce((sum, { items }) => sum + items.length, 0);
  const bar = progress("sending events");
  let sent = 0;
  try {
    for (const { key, items } of parts) {
      if (key === undefined)
        throw new Error("the platform publishes no write key for a source of the sample (web, crm)");
      await sendBatches(items, {
        collectorUrl,
        writeKey: key,
        onSent: (size) => {
          sent += size;
          bar.update(sent, total);
        },
      });
    }
  } finally {
    bar.stop();
  }
  return sent;
}

/** Waits until every event has gone all the way. */
async function settle(runtime: Runtime): Promise<void> {
  const bar = progress("applying events");
  let most = 0;
  try {
    await runtime.quiesce((pending) => {
      const left = Object.values(pending).reduce((sum, value) => sum + value, 0);
      most = Math.max(most, left);
      bar.update(most - left, most, Object.keys(pending)[0]);
    });
  } finally {
    bar.stop();
  }
}

async function rowCounts(runtime: Runtime, platform: PlatformContract): Promise<Record<string, number>> {
  const { raw, clean, curated } = platform.lake.databases;
  const tables = [
    `${raw}.events`,
    `${clean}.events`,
    `${curated}.orders`,
    `${curated}.order_lines`,
    `${curated}.customers`,
    `${curated}.people`,
    `${curated}.traits`,
    `${curated}.segments`,
  ];
  const counts: Record<string, number> = {};
  for (const name of tables) {
    const { rows } = await runtime.query(`select count(*) from ${name}`);
    counts[name] = Number(rows[0]?.[0]);
  }
  return counts;
}

async function main(options: StartOptions): Promise<void> {
  const output = createOutput(options.json ?? false);
  const say = (line: string) => output.note(line);
  const times: Record<string, number> = {};
  const timed = async <T>(stage: string, work: () => Promise<T>): Promise<T> => {
    say(`${stage}…`);
    const began = performance.now();
    const result = await work();
    times[stage] = Math.round(performance.now() - began) / 1000;
    return result;
  };

  const sample = makeSample(options.seed, options.people);
  const receiver = await startReceiver();
  const program = join(__dirname, "..", "..", "..");
  const { runtime } = await timed("creating the platform's resources", () =>
    bringUp({ ...options, program, stack: "dev", config: { "tributary:crmUrl": receiver.url } }),
  );
  const stopped = untilStopped();
  try {
    const platform = await platformOf(runtime);
    const sent = await timed("sending events", () => send(sample, platform));
    await timed("resolving identities, activating audiences", () => settle(runtime));
    const run = await timed("nightly pipeline", () => runPipeline(runtime, platform, "nightly"));
    if (run.status !== "SUCCEEDED")
      throw new Error(`the nightly pipeline ended ${run.status}: ${run.error ?? "no cause given"}`);

    const metrics = await runtime.metrics();
    const sum = (name: string) =>
      metrics.filter((metric) => metric.name === name).reduce((total, metric) => total + metric.sum, 0);
    const quarantined: Record<string, number> = {};
    for (const { name, dimensions, sum: value } of metrics) {
      if (name === "EventsQuarantined") {
        const reason = dimensions.reason ?? "unknown";
        quarantined[reason] = (quarantined[reason] ?? 0) + value;
      }
    }
    const { profiles, audiences } = await profilesOf(runtime, platform);
    const status = await runtime.status();
    const ready = readyDocument(status);
    const { precision, recall, f1, largestProfile } = identityQuality(
      sample.people,
      profiles.map(({ identifiers }) => identifiers),
    );
    const summary: Summary = {
      seed: sample.seed,
      people: sample.people.length,
      events: { sent, applied: sum("EventsApplied"), duplicates: sum("DuplicatesIgnored"), quarantined },
      profiles: profiles.length,
      identity: { precision, recall, f1, largestProfile },
      audiences,
      deliveries: { received: Object.fromEntries(receiver.received), consentWithheld: sum("ConsentWithheld") },
      rows: await rowCounts(runtime, platform),
      seconds: times,
      endpoints: { ...ready.endpoints },
      writeKeys: ready.writeKeys,
      dataDir: status.dataDir,
    };
    output.result(summary, () => describeSummary(summary));
    if (!options.exit) {
      say(`\n${describeNext(summary, options.data)}`);
      await stopped;
    }
  } finally {
    await runtime.close();
    await receiver.close();
  }
}

new Command("npm start --")
  .description("run the reference platform on sample data, then serve it until Ctrl-C")
  .option("--data <dir>", "data folder", ".tributary")
  .option("--port <port>", "base port: the AWS endpoint; HTTP APIs on the next ones", parsePort)
  .option("--seed <number>", "seed of the sample", whole, 1)
  .option("--people <number>", "people in the sample", whole, 1_000)
  .option("--exit", "end after the summary")
  .option("--json", "print the summary as one JSON document")
  .option("--verbose", "say more, on stderr")
  .action(async (options: StartOptions) => {
    try {
      await main(options);
    } catch (error) {
      process.exitCode = reportAndExit(error);
    }
  })
  .parseAsync();
