import { Command, CommanderError } from "commander";
import { auditCommands } from "./commands/audit";
import { devCommand } from "./commands/dev";
import { graphCommand } from "./commands/graph";
import { loadCommand } from "./commands/load";
import { pipelineCommand } from "./commands/pipeline";
import { planCommand } from "./commands/plan";
import { profileCommands } from "./commands/profile";
import { quarantineCommand } from "./commands/quarantine";
import { resolveCommand } from "./commands/resolve";
import { sqlCommand } from "./commands/sql";
import { stewardCommands } from "./commands/steward";
import { UsageError } from "./errors";

function tributary(): Command {
  const program = new Command("tributary")
    .description("A customer data platform that is a Pulumi program, whole on your laptop.")
    .showHelpAfterError("(add --help for the options)")
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  for (const command of [
    devCommand(),
    graphCommand(),
    loadCommand(),
    pipelineCommand(),
    planCommand(),
    ...profileCommands(),
    ...stewardCommands(),
    resolveCommand(),
    sqlCommand(),
    quarantineCommand(),
    ...auditCommands(),
  ]) {
    program.addCommand(command.exitOverride());
    for (const child of command.commands) child.exitOverride();
  }
  return program;
}

/** Runs the command line: exit code 0 done, 1 failed, 2 wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await tributary().parseAsync(argv);
  } catch (error) {
    process.exitCode = reportAndExit(error);
  }
}

/** Says on stderr what went wrong and returns the exit code. */
export function reportAndExit(error: unknown): number {
  if (error instanceof CommanderError) {
    const shown = error.code === "commander.helpDisplayed" || error.code === "commander.version";
    return shown ? 0 : error.code === "commander.help" ? (error.exitCode === 0 ? 0 : 2) : 2;
  }
  const { message, stack, name } = error instanceof Error ? error : new Error(String(error));
  const expected = [
    "UsageError",
    "CommandError",
    "LocalRuntimeError",
    "RunFailed",
    "ProgramError",
    "InputPropertiesError",
    "NotSupportedLocally",
  ];
  process.stderr.write(`${expected.includes(name) || process.env.TRIBUTARY_DEBUG === undefined ? message : stack}\n`);
  return error instanceof UsageError ? 2 : 1;
}
