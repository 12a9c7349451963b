import type { RuntimeHandle } from "@tributary/local";
import { type PlatformContract, platformContract } from "@tributary/model";
import { CommandError } from "./errors";

/**
 * The platform that the stack publishes as its output `platform`: the handles that the commands need. Fails with what
 * is missing when the program publishes none.
 */
export async function platformOf(runtime: RuntimeHandle): Promise<PlatformContract> {
  const { outputs, project, stack } = await runtime.status();
  const parsed = platformContract.safeParse(outputs.platform);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `  platform.${path.join(".")}: ${message}`);
  throw new CommandError(
    outputs.platform === undefined
      ? `Stack ${project}/${stack} has no output "platform". Export one: \`export const platform = publish(platformContract, { … })\`.`
      : `The output "platform" of stack ${project}/${stack} is not what this command reads:\n${faults.join("\n")}`,
  );
}
