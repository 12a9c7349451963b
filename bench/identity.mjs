// Identity resolution in batch: accuracy on published sets and on synthetic households, rules and probabilistic, time and
// peak memory, with Splink (PyPI) on the same data in the same run. No threshold or setting is fitted to a set; truth is
// used for scoring only. BENCH_IDENTITY chooses parts: published, rules-1m, scores-1m, rules-10m, stream (default: all).
// TRIBUTARY_DATA names the folder with `identity/` (default: ../shared/data).
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { householdRules, householdScores, published } from "./identity/cases.mjs";
import { households, withTruth } from "./identity/data.mjs";
import { splink } from "./identity/splink.mjs";
import { execute, median, root, scratch } from "./support.mjs";

const parts = (process.env.BENCH_IDENTITY ?? "published,rules-1m,scores-1m,rules-10m,stream").split(",");
const runner = join(root, "bench/identity/match.cjs");

export async function bench() {
  const rows = [];
  const say = (row) => rows.push(row);
  const beside = parts.some((part) => part === "published" || part === "scores-1m") ? splink() : {};
  if (beside.absent) say(beside.absent);
  if (parts.includes("published")) await onPublished(say, beside);
  if (parts.includes("rules-1m")) await onHouseholds(say, "rules", 1_000_000, householdRules, 3);
  if (parts.includes("scores-1m")) {
    const ours = await onHouseholds(say, "probabilistic", 1_000_000, householdScores, 3);
    if (beside.run) await splinkOnHouseholds(say, beside.run, ours);
  }
  if (parts.includes("rules-10m")) await onHouseholds(say, "rules", 10_000_000, householdRules, 1);
  if (parts.includes("stream")) for (const row of await (await import("./identity-stream.mjs")).bench()) say(row);
  return rows;
}

async function onPublished(say, beside) {
  const folder = join(resolve(root, process.env.TRIBUTARY_DATA ?? "../shared/data"), "identity");
  const { path, remove } = scratch();
  try {
    for (const { name, file, idColumn, truth, rules, splink: settings } of published) {
      const original = join(folder, file);
      if (!existsSync(original)) {
        say(`${name}: skipped, ${original} is absent`);
        continue;
      }
      const input = truth === "person" ? withTruth(original, path) : original;
      const run = await matched({ files: [input], rules, idColumn, truthColumn: truth });
      say(`${name}: ${scoresText(run.evaluation)}, ${run.seconds.toFixed(1)} s`);
      const theirs = beside.run?.(settings, original);
      if (theirs) say(`  ${splinkText(theirs)}`);
    }
  } finally {
    remove();
  }
}

/** Gives the median of seconds. */
async function onHouseholds(say, kind, records, rules, runs) {
  const files = [await households(records)];
  const { path, remove } = scratch();
  const all = [];
  try {
    for (let run = 0; run < runs; run++) {
      const out = join(path, "profiles.parquet");
      all.push(
        await matched({
          files,
          rules,
          idColumn: "record_id",
          truthColumn: "person",
          out,
          threads: 2,
          workFolder: path,
        }),
      );
    }
  } finally {
    remove();
  }
  const seconds = median(all.map((run) => run.seconds));
  const megabytes = Math.max(...all.map((run) => run.megabytes));
  say(
    `${kind}, ${(records / 1e6).toFixed(0)}M synthetic household records: ${seconds.toFixed(1)} s (${runs === 1 ? "one run" : `median of ${runs}`}; reading, writing and clustering included; ${median(all.map((run) => run.processor)).toFixed(1)} s of processor time with scoring), peak ${(megabytes / 1024).toFixed(2)} GB, ${scoresText(all[0].evaluation)}, largest profile ${all[0].largest}`,
  );
  return seconds;
}

/** Splink as often as ours, from its first statement to the same kind of file: like for like. */
async function splinkOnHouseholds(say, run, ours) {
  const file = await households(1_000_000);
  const { path, remove } = scratch();
  try {
    const out = join(path, "clusters.parquet");
    const first = run("households", file, out);
    const all = [first, run("households", file, out, "timed"), run("households", file, out, "timed")];
    const failed = all.find((one) => one.failed);
    if (failed) {
      say(`  ${splinkText(failed)}`);
      return;
    }
    const [written, clustered, processor] = ["written", "seconds", "processor"].map((name) =>
      median(all.map((one) => one[name])),
    );
    say(`  ${splinkText({ ...first, seconds: clustered })} (to clusters; median of 3)`);
    say(
      `  Compared, from the first statement of a process that has started to profiles written as Parquet, both with 2 threads: ${ours.toFixed(1)} s and Splink ${written.toFixed(1)} s (${processor.toFixed(1)} s of processor time); ours is ${(written / ours).toFixed(1)} × as fast`,
    );
  } finally {
    remove();
  }
}

async function matched(input) {
  const { stdout } = await execute([runner, JSON.stringify(input)]);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

const figure = (value) => value.toFixed(4);
const scoresText = ({ precision, recall, f1 }) => `F1 ${figure(f1)} (P ${figure(precision)}, R ${figure(recall)})`;

const splinkText = (run) =>
  run.failed
    ? `Splink failed: ${run.failed}`
    : `Splink: F1 ${figure(run.fixed.f1)} at its .95, ${figure(run.best.f1)} at its best threshold (${run.threshold}), ${run.seconds.toFixed(1)} s, peak ${(run.megabytes / 1024).toFixed(2)} GB`;
