import { userInfo } from "node:os";
import type { Json } from "@tributary/model";
import { Command } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { UsageError } from "../errors";
import { explanationText, linksTable } from "../explanation";
import { count, table } from "../output";
import { platformOf } from "../platform";
import { askSteward } from "../steward-client";

interface WordOptions extends CommonOptions {
  readonly by: string;
  readonly reason?: string;
}

const withWord = (command: Command): Command =>
  withCommonOptions(command)
    .option("--by <name>", "who says so, for the record", userInfo().username)
    .option("--reason <text>", "why, for the record");

const said = ({ by, reason }: WordOptions) => ({ by, ...(reason === undefined ? {} : { reason }) });

/** `link`, `unlink`, `pin`, `retract`, `history`: a steward's word on who is who. */
export function stewardCommands(): Command[] {
  return [tie("link"), tie("unlink"), pinCommand(), retractCommand(), historyCommand()];
}

function tie(action: "link" | "unlink"): Command {
  const what = { link: "hold two identifiers for one person's", unlink: "keep two identifiers' people apart" }[action];
  return withWord(new Command(action))
    .description(`${what}, whatever events and matches say`)
    .argument("<a>", "an identifier, type:value")
    .argument("<b>", "another one")
    .option("--withdraw", "take the last word on the two back: all is as if it had not been said")
    .action(async (a: string, b: string, options: WordOptions & { withdraw?: boolean }) => {
      await withRuntime(options, async (runtime, output) => {
        const request = { action: options.withdraw ? "withdraw" : action, a, b, ...said(options) } as const;
        const answer = await askSteward(runtime, await platformOf(runtime), request);
        if (runtime.embedded) await runtime.quiesce();
        output.result(answer, () =>
          [
            answer.changed ? "Done." : "It was so already.",
            explanationText(answer.explanation),
            ...(options.withdraw ? [] : [`Take it back: tributary ${action} ${a} ${b} --withdraw`]),
          ].join("\n"),
        );
      });
    });
}

function pinCommand(): Command {
  return withWord(new Command("pin"))
    .description("fix a trait of a person's golden record, whatever sources state")
    .argument("<identifier>", "any identifier of the person, type:value")
    .argument("<trait>", "the trait")
    .argument("[value]", "its value: JSON, or a text")
    .option("--withdraw", "take the pin back")
    .action(async (identifier: string, trait: string, value: string | undefined, options: PinOptions) => {
      if ((value === undefined) !== (options.withdraw === true)) {
        throw new UsageError("Give a value, or --withdraw.");
      }
      await withRuntime(options, async (runtime, output) => {
        const answer = await askSteward(runtime, await platformOf(runtime), {
          action: "pin",
          identifier,
          trait,
          value: value === undefined ? null : jsonOrText(value),
          ...said(options),
        });
        if (runtime.embedded) await runtime.quiesce();
        output.result(
          answer,
          () => `Done. The profile: ${answer.profileId ?? "none, the identifier belongs to nobody"}.`,
        );
      });
    });
}

interface PinOptions extends WordOptions {
  readonly withdraw?: boolean;
}

/** `7`, `true`, `["a"]` and `"7"` are JSON; `Ann Miller` is a text. */
function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

interface RetractOptions extends WordOptions {
  readonly source: string;
  readonly message?: string;
  readonly from?: string;
  readonly to?: string;
}

function retractCommand(): Command {
  return withWord(new Command("retract"))
    .description("take a person's events back: all is as if they had never come, also when they are sent again")
    .argument("<identifier>", "any identifier of the person, type:value")
    .requiredOption("--source <id>", "the source that sent them")
    .option("--message <id>", "one event, by its message id")
    .option("--from <time>", "all events of the source from this time, ISO 8601")
    .option("--to <time>", "to this time")
    .action(async (identifier: string, options: RetractOptions) => {
      const { message: messageId, from, to } = options;
      if ((messageId === undefined) === (from === undefined || to === undefined)) {
        throw new UsageError("Say which events: --message ID, or --from TIME and --to TIME.");
      }
      const which = messageId === undefined ? { from, to } : { messageId };
      await withRuntime(options, async (runtime, output) => {
        const answer = await askSteward(runtime, await platformOf(runtime), {
          action: "retract",
          identifier,
          sourceId: options.source,
          ...which,
          ...said(options),
        });
        if (runtime.embedded) await runtime.quiesce();
        output.result(
          answer,
          () =>
            `${count(answer.events)} ${answer.events === 1 ? "event" : "events"} taken back. Profiles now: ${answer.profileIds.join(", ") || "none"}.`,
        );
      });
    });
}

function historyCommand(): Command {
  return withCommonOptions(new Command("history"))
    .description("what made a person's profile: its links by time, and what stewards said")
    .argument("<identifier>", "type:value")
    .action(async (identifier: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const answer = await askSteward(runtime, await platformOf(runtime), { action: "history", identifier });
        const actions = answer.actions.map(({ at, action, trait, identifiers, by, reason }) => [
          at,
          [action, trait].filter(Boolean).join(" "),
          identifiers.join(" "),
          by,
          reason,
        ]);
        output.result(answer, () =>
          [
            linksTable(answer.links),
            ...(actions.length > 0 ? [table(["time", "steward did", "to", "by", "why"], actions)] : []),
          ].join("\n"),
        );
      });
    });
}
