import type { QuarantinedRecord } from "@tributary/model";
import { Command, InvalidArgumentError } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { CommandError, UsageError } from "../errors";
import { count, table } from "../output";
import { platformOf } from "../platform";
import { type FoundRecord, type QuarantineFilter, quarantinedRecords } from "../quarantine";
import { planReplay, type Rehearsal, replay, type Verdict, withEffects } from "../replay";

const verdicts: readonly Verdict[] = ["new", "already-there", "dropped", "kept", "unknown"];

type FilterOptions = CommonOptions & QuarantineFilter;

function parseDay(text: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(Date.parse(text))) {
    throw new InvalidArgumentError("a day is YYYY-MM-DD, such as 2026-01-31");
  }
  return text;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) throw new InvalidArgumentError("a whole number of at least 1");
  return limit;
}

const withFilter = (command: Command) =>
  withCommonOptions(command)
    .option("--reason <reason>", "only this reason")
    .option("--source <id>", "only this source")
    .option("--from <day>", "received on this day (YYYY-MM-DD) or later", parseDay)
    .option("--to <day>", "received on this day or earlier", parseDay);

/** `tributary quarantine list|show|replay`: what could not be applied, and a second try. */
export function quarantineCommand(): Command {
  return new Command("quarantine")
    .description("what could not be applied")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(replayCommand());
}

function listCommand(): Command {
  return withFilter(new Command("list"))
    .description("quarantined records with reason, source and original")
    .option("--limit <n>", "at most so many", parseLimit, 100)
    .action(async (options: FilterOptions & { limit: number }) => {
      await withRuntime(options, async (runtime, output) => {
        const platform = await platformOf(runtime);
        await runtime.quiesce();
        const records: QuarantinedRecord[] = [];
        let total = 0;
        for await (const { record } of quarantinedRecords(runtime, platform, options)) {
          total += 1;
          if (records.length < options.limit) records.push(record);
        }
        output.result({ total, records }, () =>
          [
            table(
              ["id", "received", "source", "reason", "detail", "original"],
              records.map(({ id, receivedAt, sourceId, reason, detail, original }) => [
                id.slice(0, 12),
                receivedAt,
                sourceId,
                reason,
                detail.slice(0, 80),
                original.slice(0, 60),
              ]),
            ),
            `${count(total)} records${total > records.length ? `, the first ${records.length} shown (--limit)` : ""}`,
          ].join("\n"),
        );
      });
    });
}

function showCommand(): Command {
  return withCommonOptions(new Command("show"))
    .description("one quarantined record, whole")
    .argument("<id>", "its id, or how it begins")
    .action(async (id: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const platform = await platformOf(runtime);
        await runtime.quiesce();
        const found: FoundRecord[] = [];
        for await (const each of quarantinedRecords(runtime, platform))
          if (each.record.id.startsWith(id)) found.push(each);
        const [only, another] = found;
        if (!only) throw new CommandError(`No quarantined record has id ${id}: see \`tributary quarantine list\`.`);
        if (another) {
          const ids = found.map(({ record }) => `  ${record.id} ${record.reason} ${record.receivedAt}`);
          throw new UsageError(`${found.length} records begin with ${id}; give more of the id:\n${ids.join("\n")}`);
        }
        const { key, record } = only;
        output.result({ ...record, object: key }, () =>
          [
            ...Object.entries({ ...record, original: undefined, stack: undefined, object: key }).flatMap(
              ([name, value]) => (value === undefined ? [] : [`${name.padEnd(11)}${value}`]),
            ),
            ...(record.stack === undefined ? [] : ["", record.stack]),
            "",
            record.original,
          ].join("\n"),
        );
      });
    });
}

function describe({ record, source, verdict, why, events, effects }: Rehearsal): string[] {
  const head = `${record.id.slice(0, 12)}  ${record.reason}, ${source}: ${verdict}${why === undefined ? "" : ` (${why})`}`;
  const lines = events.flatMap((event, index) => {
    const { identifiers = [], profiles = [], changes = [] } = effects[index] ?? {};
    const name = event.type === "track" ? `track "${event.event}"` : event.type;
    const whom =
      profiles.length === 0
        ? "a new profile"
        : profiles.length === 1
          ? profiles[0]
          : `ties together ${profiles.join(", ")}`;
    return [
      `  + ${name} ${event.messageId} at ${event.timestamp}`,
      `      ${identifiers.join(", ") || "nobody"} → ${identifiers.length === 0 ? "no profile" : whom}`,
      ...changes.map(({ trait, from, to }) =>
        from === undefined
          ? `      + ${trait}: ${JSON.stringify(to)}`
          : `      ~ ${trait}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`,
      ),
    ];
  });
  return [head, ...lines];
}

function replayCommand(): Command {
  return withFilter(new Command("replay"))
    .description("send quarantined records through the collector again")
    .option("--as <source>", "as events of this source (default: the one they came from)")
    .option("--dry-run", "tell what would change, and change nothing")
    .action(async (options: FilterOptions & { as?: string; dryRun?: boolean }) => {
      await withRuntime(options, async (runtime, output) => {
        const platform = await platformOf(runtime);
        await runtime.quiesce();
        const plan = await planReplay(runtime, platform, {
          filter: options,
          ...(options.as ? { as: options.as } : {}),
        });
        if (options.dryRun) {
          const records = await withEffects(runtime, platform, plan);
          const summary = Object.fromEntries(
            verdicts.map((verdict) => [verdict, records.filter((each) => each.verdict === verdict).length]),
          );
          output.result({ dryRun: true, summary, records }, () =>
            [
              ...records.flatMap(describe),
              "",
              `Nothing was changed. Of ${count(records.length)} records: ${verdicts
                .map((verdict) => `${count(summary[verdict] ?? 0)} ${verdict}`)
                .join(", ")}.`,
            ].join("\n"),
          );
          return;
        }
        const result = await replay(runtime, platform, plan);
        if (runtime.embedded) await runtime.quiesce();
        output.result(result, () =>
          [
            `${count(result.replayed)} records sent again, ${count(result.alreadyThere)} were there already, ${count(result.kept)} kept.`,
            ...Object.entries(result.reasons).map(([why, number]) => `  ${count(number)} kept: ${why}`),
          ].join("\n"),
        );
      });
    });
}
