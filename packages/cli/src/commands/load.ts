import { Command } from "commander";
import { sendBatches } from "../collector-client";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { UsageError } from "../errors";
import { checkFile, itemsOf, type LoadCounts, readMapping } from "../load";
import { count, seconds } from "../output";
import { platformOf } from "../platform";
import { progress } from "../progress";

/** `tributary load FILE…`: files as events of a source, through the collector as any client's. */
export function loadCommand(): Command {
  return withCommonOptions(new Command("load"))
    .description("send files as events of a source: CSV, JSON lines or Parquet, gzipped or not")
    .argument("<file...>", "the files")
    .requiredOption("--source <id>", "the source that the events are of")
    .option("--mapping <file>", "how a row becomes an event (JSON; needed for CSV)")
    .action(async (files: string[], options: CommonOptions & { source: string; mapping?: string }) => {
      const mapping = options.mapping === undefined ? undefined : readMapping(options.mapping);
      // All of them first: what is wrong with the last must not show after the first was sent.
      for (const file of files) await checkFile(file, { mapping });
      await withRuntime(options, async (runtime, output) => {
        const platform = await platformOf(runtime);
        const writeKey = platform.ingestion.writeKeys[options.source];
        if (writeKey === undefined) {
          const sources = Object.keys(platform.ingestion.writeKeys).join(", ");
          throw new UsageError(`The platform has no source "${options.source}"; it has: ${sources}.`);
        }
        const counts: LoadCounts = { read: 0, accepted: 0, quarantined: 0 };
        const began = performance.now();
        const bar = progress("sending");
        async function* items() {
          for (const file of files) yield* itemsOf(file, { mapping, sourceId: options.source, counts });
        }
        try {
          await sendBatches(items(), {
            collectorUrl: platform.ingestion.collectorUrl,
            writeKey,
            onSent: () => bar.update(counts.read, counts.read, "lines read"),
          });
        } finally {
          bar.stop();
        }
        const accepted = (performance.now() - began) / 1000;
        // In this process nobody else would finish the work: let it through before the process ends.
        if (runtime.embedded) {
          const applying = progress("applying");
          let most = 0;
          await runtime.quiesce((pending) => {
            const left = Object.values(pending).reduce((sum, value) => sum + value, 0);
            most = Math.max(most, left);
            applying.update(most - left, most, Object.keys(pending)[0]);
          });
          applying.stop();
        }
        const document = { ...counts, seconds: Math.round(accepted * 1000) / 1000 };
        output.result(
          document,
          () =>
            `${count(counts.read)} lines read: ${count(counts.accepted)} accepted, ${count(counts.quarantined)} quarantined, in ${seconds(accepted)}.` +
            (counts.quarantined > 0 ? "\nSee why: tributary quarantine list" : ""),
        );
      });
    });
}
