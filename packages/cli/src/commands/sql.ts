import { Command } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { table } from "../output";

/** `tributary sql QUERY`: the lake under its Athena names. */
export function sqlCommand(): Command {
  return withCommonOptions(new Command("sql"))
    .description("query the lake, in Athena's dialect")
    .argument("<query>", "for example: select count(*) from curated.orders")
    .action(async (query: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const { columns, rows } = await runtime.query(query);
        const names = columns.map(({ name }) => name);
        output.result(
          rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]]))),
          () => table(names, rows),
        );
      });
    });
}
