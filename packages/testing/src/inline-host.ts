import { setAllConfig } from "@pulumi/pulumi/runtime/config";
import { disconnect, resetOptions } from "@pulumi/pulumi/runtime/settings";
import { runInPulumiStack } from "@pulumi/pulumi/runtime/stack";
import type { HostOptions } from "@tributary/local/engine";

/** A program as a function: what it returns (or a promise of it) are the stack's outputs. */
export type InlineProgram = () => unknown;

/** Runs a function as a Pulumi program in this process, against the engine at an address. */
export async function runInline(program: InlineProgram, options: HostOptions): Promise<number> {
  const { project, stack, parallel, address, preview, organization, config } = options;
  resetOptions(project.name, stack, parallel, address, address, preview, organization);
  setAllConfig({ ...config.values }, [...config.secretKeys]);
  let thrown: { error: unknown } | undefined;
  // The SDK hangs the outcome of the program on several promises that nobody awaits: an error must not get there.
  await runInPulumiStack(async () => {
    try {
      return (await program()) as Record<string, unknown>;
    } catch (error) {
      thrown = { error };
      return {};
    }
  });
  await disconnect(thrown === undefined);
  if (thrown) throw thrown.error;
  return 0;
}
