import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { MatchingError, type MatchResult, match, suggestRules } from "@tributary/matching";
import { defaultIdentityRules, type LintFinding, lint } from "@tributary/model";
import { Command, InvalidArgumentError } from "commander";
import { CommandError, UsageError } from "../errors";
import { count, createOutput, type Output, seconds, table } from "../output";
import { progress } from "../progress";
import { resolveReport } from "../resolve-report";
import { type RulesFile, readRulesFile } from "../rules-file";

interface ResolveOptions {
  readonly rules?: string;
  readonly out?: string;
  readonly report?: string;
  readonly truth?: string;
  readonly id?: string;
  readonly suggest?: boolean;
  readonly memory?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

const memorySize = (text: string): string => {
  if (/^\d+(\.\d+)?\s*(MB|MiB|GB|GiB)$/i.test(text)) return text;
  throw new InvalidArgumentError("Give a size such as 2GB.");
};
const threadCount = (text: string): number => {
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 256) return threads;
  throw new InvalidArgumentError("Give a whole number from 1 to 256.");
};

/** `tributary resolve INPUT…`: who is who in any table, without a platform. */
export function resolveCommand(): Command {
  return new Command("resolve")
    .description("find the records of each person in any CSV, JSON lines or Parquet; no platform needed")
    .argument("<input...>", "the files, or globs in quotes; several are one table")
    .option(
      "--rules <file>",
      "match rules: JSON, or a TypeScript or JavaScript module (default: guessed from the data)",
    )
    .option("--out <file>", "where record_id, profile_id and the columns go: .parquet, .csv or .jsonl")
    .option("--report <file>", "write a page to read, HTML: sizes, links, suspicious profiles, how pairs were weighed")
    .option("--truth <column>", "who a record really is: prints precision, recall and F1; never used for matching")
    .option("--id <column>", "a record's unique id (default: the attribute of type UNIQUE_ID, else the row's number)")
    .option("--suggest", "write first match rules for the data, with reasons, to --out or to stdout")
    .option("--memory <size>", "memory of the database; what does not fit goes to disk (default: 2GB)", memorySize)
    .option("--threads <n>", "threads of the database (default: one a core)", threadCount)
    .option("--json", "print one JSON document on stdout")
    .addHelpText(
      "after",
      `
Examples:
  $ tributary resolve crm.csv --suggest --out rules.json
  $ tributary resolve crm.csv shop.parquet --rules rules.json --out people.parquet --report people.html
  $ tributary resolve febrl3.csv --rules rules.json --truth person --json`,
    )
    .action(async (inputs: string[], options: ResolveOptions) => {
      const output = createOutput(options.json ?? false);
      try {
        if (options.suggest) await suggest(inputs, options, output);
        else await resolvePeople(inputs, options, output);
      } catch (error) {
        if (error instanceof MatchingError) throw new CommandError(error.message);
        throw error;
      }
    });
}

async function resolvePeople(inputs: readonly string[], options: ResolveOptions, output: Output): Promise<void> {
  const rules = await rulesFor(inputs, options, output);
  warn(rules.findings, output);
  if (options.out !== undefined) makeRoomFor(options.out);
  if (options.report !== undefined) makeRoomFor(options.report);
  const bar = progress("resolving");
  const work = workFolder();
  let result: MatchResult;
  try {
    result = await match({
      files: inputs,
      rules: rules.matching,
      identity: rules.identity,
      report: options.report !== undefined,
      workFolder: work.path,
      onProgress: (stage, done = 0) => bar.update(done, done, stage),
      ...(options.id === undefined ? {} : { idColumn: options.id }),
      ...(options.truth === undefined ? {} : { truthColumn: options.truth }),
      ...(options.out === undefined ? {} : { out: options.out }),
      ...(options.memory === undefined ? {} : { memory: options.memory }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    });
  } finally {
    bar.stop();
    work.remove();
  }
  // Told already: what the rules alone show.
  const known = new Set(rules.findings.map(({ code, rule }) => `${code} ${rule}`));
  const found = lint(rules.matching, result.blocks);
  warn(
    found.filter(({ code, rule }) => !known.has(`${code} ${rule}`)),
    output,
  );
  if (options.report !== undefined && result.report) {
    const title = {
      inputs: inputs.map((input) => basename(input)),
      rules: options.rules ?? "guessed",
      madeAt: new Date(),
    };
    writeWhole(options.report, resolveReport(result, result.report, title));
  }
  output.result(result.summary, () => describe(result, options));
}

function warn(findings: readonly LintFinding[], output: Output): void {
  for (const { rule, why, remedy } of findings) output.note(`warning: rule "${rule}": ${why}. To mend it: ${remedy}`);
}

/** A folder for the run, which is gone afterwards, also when Ctrl-C ends it. */
function workFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `tributary-resolve-${process.pid}-`));
  const remove = () => rmSync(path, { recursive: true, force: true });
  const stop = () => {
    remove();
    process.exit(130);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  return {
    path,
    remove() {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      remove();
    },
  };
}

/** The rules of the file that was named; without one, guessed from the data, and said so. */
async function rulesFor(inputs: readonly string[], options: ResolveOptions, output: Output): Promise<RulesFile> {
  if (options.rules !== undefined) return readRulesFile(options.rules);
  const { rules, file } = await suggestRules(inputs, sessionOptions(options));
  const guessed = file.attributes.map(({ column, type }) => `${column}: ${type}`).join(", ");
  output.note(`No --rules: matching by what the columns look like (${guessed}). Write them down with --suggest.`);
  return { matching: rules, identity: defaultIdentityRules, findings: [] };
}

async function suggest(inputs: readonly string[], options: ResolveOptions, output: Output): Promise<void> {
  if (options.out !== undefined && existsSync(options.out)) {
    throw new UsageError(`${options.out} is there already: name another file with --out, or remove it.`);
  }
  const suggestion = await suggestRules(inputs, sessionOptions(options));
  const text = `${JSON.stringify(suggestion.file, null, 2)}\n`;
  if (options.out === undefined) {
    output.result(suggestion.file, () => text.trimEnd());
    for (const { column, type, reason } of suggestion.columns)
      output.note(`${column}: ${type ?? "left out"}, ${reason}`);
    return;
  }
  makeRoomFor(options.out);
  writeWhole(options.out, text);
  output.result({ rules: options.out, columns: suggestion.columns }, () =>
    [
      table(
        ["column", "is", "because"],
        suggestion.columns.map(({ column, type, reason }) => [column, type ?? "", reason]),
      ),
      `Written to ${options.out}. Look through it, then: tributary resolve ${inputs.join(" ")} --rules ${options.out} --out people.parquet`,
    ].join("\n"),
  );
}

function describe({ summary, suppressed, cut }: MatchResult, options: ResolveOptions): string {
  const { evaluation } = summary;
  const refused = Object.values(cut).reduce((sum, links) => sum + links, 0);
  const lines = [
    `${count(summary.records)} records are ${count(summary.profiles)} people; the largest has ${count(summary.largest)} records. ${seconds(summary.seconds)}.`,
    table(
      ["rule", "links"],
      Object.entries(summary.links).map(([rule, links]) => [rule, count(links)]),
    ),
    ...(refused > 0 ? [`${count(refused)} links were refused by constraints.`] : []),
    ...(suppressed.length > 0 ? [`${count(suppressed.length)} values belong to nobody: too many share them.`] : []),
    ...(evaluation
      ? [
          `Precision ${evaluation.precision.toFixed(4)}, recall ${evaluation.recall.toFixed(4)}, F1 ${evaluation.f1.toFixed(4)} over ${count(evaluation.truePairs)} true pairs.`,
        ]
      : []),
    ...(options.out === undefined ? ["Nothing was written: name a file with --out."] : [`Written to ${options.out}.`]),
    ...(options.report === undefined ? [] : [`Report: ${options.report}.`]),
  ];
  return lines.join("\n");
}

function sessionOptions({ id, truth, memory, threads }: ResolveOptions) {
  return {
    ...(truth === undefined ? {} : { truthColumn: truth }),
    ...(id === undefined ? {} : { idColumn: id }),
    ...(memory === undefined ? {} : { memory }),
    ...(threads === undefined ? {} : { threads }),
  };
}

function makeRoomFor(file: string): void {
  mkdirSync(dirname(resolve(file)), { recursive: true });
}

/** The file appears when it is whole. */
function writeWhole(file: string, text: string): void {
  const partial = `${file}.${process.pid}.partial`;
  writeFileSync(partial, text);
  renameSync(partial, file);
}
