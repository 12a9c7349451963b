import { Command } from "commander";
import { type CommonOptions, withCommonOptions, withRuntime } from "../context";
import { count } from "../output";
import { platformOf } from "../platform";
import { stateHash } from "../state-hash";

/** `tributary state-hash`: two platforms that got the same events print the same. */
export function auditCommands(): Command[] {
  const hash = withCommonOptions(new Command("state-hash"))
    .description("one hash over events, profiles and memberships, once everything under way is done")
    .action(async (options: CommonOptions) => {
      await withRuntime(options, async (runtime, output) => {
        const platform = await platformOf(runtime);
        await runtime.quiesce();
        const state = await stateHash(runtime, platform);
        output.result(state, () => `${state.hash}  ${count(state.profiles)} profiles, ${count(state.events)} events`);
      });
    });
  return [hash];
}
