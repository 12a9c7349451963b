import type { Json } from "@tributary/model";
import { z } from "zod";
import { AwsError, type Kernel } from "../../kernel";
import { type Operation, operation } from "../support";
import { executionsOf } from "./executions";
import { onResource } from "./operation-support";

const token = z.string().min(1).max(2048);

/** The calls that answer a task which waits for a token. */
export function taskOperations(kernel: Kernel): Record<string, Operation> {
  const { tokens } = executionsOf(kernel);
  const needs =
    (action: string) =>
    ({ taskToken }: { taskToken: string }) =>
      onResource(action, tokens.machineOf(taskToken));
  return {
    SendTaskSuccess: operation(
      z.object({ taskToken: token, output: z.string().max(262_144) }),
      needs("SendTaskSuccess"),
      async ({ taskToken, output }) => {
        await tokens.settle(taskToken, { output: parsed(output) });
        return {};
      },
    ),
    SendTaskFailure: operation(
      z.object({ taskToken: token, error: z.string().max(256).optional(), cause: z.string().max(32_768).optional() }),
      needs("SendTaskFailure"),
      async ({ taskToken, error = "", cause = "" }) => {
        await tokens.settle(taskToken, { error, cause });
        return {};
      },
    ),
    SendTaskHeartbeat: operation(z.object({ taskToken: token }), needs("SendTaskHeartbeat"), ({ taskToken }) => {
      tokens.beat(taskToken);
      return {};
    }),
  };
}

function parsed(output: string): Json {
  try {
    return JSON.parse(output) as Json;
  } catch (error) {
    throw new AwsError("InvalidOutput", `Invalid Output: ${error instanceof Error ? error.message : String(error)}`);
  }
}
