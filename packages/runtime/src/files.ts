import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { $ZodType, output } from "zod/v4/core";
import { DeploymentError, parseWith } from "./env";

/** The folder of the function's archive. Lambda, and the embedded runtime after it, sets LAMBDA_TASK_ROOT. */
function taskRoot(): string {
  return process.env.LAMBDA_TASK_ROOT ?? process.cwd();
}

/** Reads the static configuration that the component put beside the bundle. */
export function loadConfig<S extends $ZodType>(schema: S, folder: string = taskRoot()): output<S> {
  const path = join(folder, "config.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new DeploymentError(`config.json is missing from the function's archive: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DeploymentError(`config.json in the function's archive is not JSON: ${(error as Error).message}`);
  }
  return parseWith(schema, value, "config.json");
}

/**
 * Loads a user's callback that lies beside the bundle (`onEvent.cjs`); undefined where the component was given none.
 * The module is the function itself, or exports it as `default` or `handler`.
 */
export function loadCallback<F extends (...args: never[]) => unknown>(
  file: string,
  folder: string = taskRoot(),
): F | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  const loaded: unknown = createRequire(path)(path);
  const exported = loaded as { default?: unknown; handler?: unknown };
  const found = [loaded, exported?.default, exported?.handler].find((candidate) => typeof candidate === "function");
  if (!found) throw new DeploymentError(`${file} in the function's archive exports no function`);
  return found as F;
}
