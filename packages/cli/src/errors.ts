/** The command was used wrongly: exit code 2, with the remedy in the message. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command ran and could not do what was asked: exit code 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
