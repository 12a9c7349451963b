import { Command } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { platformOf } from "../platform";
import { explain, getProfile } from "../profile-api-client";

const pretty = (document: unknown) => () => JSON.stringify(document, null, 2);

/** `tributary profile` and `tributary explain`: one person, and why. */
export function profileCommands(): Command[] {
  const profile = withCommonOptions(new Command("profile"))
    .description("look at a person")
    .argument("<identifier>", "type:value such as user_id:u-17 or email:ann@example.com, or a profile id")
    .action(async (identifier: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const document = await getProfile(runtime, await platformOf(runtime), identifier);
        output.result(document, pretty(document));
      });
    });
  const explainCommand = withCommonOptions(new Command("explain"))
    .description("why two identifiers are one person, or what keeps them apart")
    .argument("<a>", "an identifier, type:value")
    .argument("<b>", "another one")
    .action(async (a: string, b: string, options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const document = await explain(runtime, await platformOf(runtime), a, b);
        output.result(document, pretty(document));
      });
    });
  return [profile, explainCommand];
}
