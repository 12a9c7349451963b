import type { QuarantinedRecord } from "@tributary/model";
import { Command, InvalidArgumentError } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { count, table } from "../output";
import { platformOf } from "../platform";
import { type QuarantineFilter, quarantinedRecords, replayRecords } from "../quarantine";

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

/** `tributary quarantine list|replay`: what could not be applied, and a second try. */
export function quarantineCommand(): Command {
  const list = withFilter(new Command("list"))
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
              ["received", "source", "reason", "detail", "original"],
              records.map(({ receivedAt, sourceId, reason, detail, original }) => [
                receivedAt,
                sourceId,
                reason,
                detail,
                original.slice(0, 60),
              ]),
            ),
            `${count(total)} records${total > records.length ? `, the first ${records.length} shown (--limit)` : ""}`,
          ].join("\n"),
        );
      });
    });
  const replay = withFilter(new Command("replay"))
    .description("send quarantined records through the collector again")
    .option("--as <source>", "as events of this source (default: the one they came from)")
    .action(async (options: FilterOptions & { as?: string }) => {
      await withRuntime(options, async (runtime, output) => {
        const platform = await platformOf(runtime);
        await runtime.quiesce();
        const result = await replayRecords(runtime, platform, { filter: options, as: options.as });
        if (runtime.embedded) await runtime.quiesce();
        output.result(result, () =>
          [
            `${count(result.replayed)} records sent again, ${count(result.kept)} kept.`,
            ...Object.entries(result.reasons).map(([why, number]) => `  ${count(number)} kept: ${why}`),
          ].join("\n"),
        );
      });
    });
  return new Command("quarantine").description("what could not be applied").addCommand(list).addCommand(replay);
}
