import type { RuntimeHandle } from "@tributary/local";
import type { PlatformContract, Profile } from "@tributary/model";
import { Command } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { CommandError } from "../errors";
import { explanationText } from "../explanation";
import { platformOf } from "../platform";
import { explain, getProfile } from "../profile-api-client";
import { askSteward } from "../steward-client";

const pretty = (document: unknown) => () => JSON.stringify(document, null, 2);

/** `tributary profile` and `tributary explain`: one person, and why. */
export function profileCommands(): Command[] {
  const profile = withCommonOptions(new Command("profile"))
    .description("look at a person")
    .argument("<identifier>", "type:value such as user_id:u-17 or email:ann@example.com, or a profile id")
    .option("--as-of <time>", "as it was by what had happened until then, ISO 8601; the identifier must be type:value")
    .action(async (identifier: string, options: CommonOptions & { asOf?: string }) => {
      await withRuntime(options, async (runtime, output) => {
        const platform = await platformOf(runtime);
        const document =
          options.asOf === undefined
            ? await getProfile(runtime, platform, identifier)
            : await profileAsOf(runtime, platform, identifier, options.asOf);
        output.result(document, pretty(document));
      });
    });
  const explainCommand = withCommonOptions(new Command("explain"))
    .description("why two identifiers are one person, or what keeps them apart")
    .argument("<a>", "an identifier, type:value")
    .argument("<b>", "another one")
    .action(async (a: string, b: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const explanation = await explain(runtime, await platformOf(runtime), a, b);
        output.result(explanation, () => explanationText(explanation));
      });
    });
  return [profile, explainCommand];
}

async function profileAsOf(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  identifier: string,
  at: string,
): Promise<Profile> {
  const answer = await askSteward(runtime, platform, { action: "as-of", identifier, at });
  if (answer.profile) return answer.profile;
  throw new CommandError(`Nobody had ${identifier} by ${answer.at}.`);
}
