import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, isAbsolute, join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { LocalRuntimeError } from "../kernel/errors";

const projectSchema = z.looseObject({
  name: z.string().min(1),
  main: z.string().optional(),
  runtime: z.union([
    z.string(),
    z.looseObject({ name: z.string(), options: z.looseObject({ typescript: z.boolean().optional() }).optional() }),
  ]),
  config: z.record(z.string(), z.unknown()).optional(),
  stackConfigDir: z.string().optional(),
});

export interface Project {
  readonly name: string;
  /** The folder with `Pulumi.yaml`. */
  readonly root: string;
  /** The folder that the program runs in. */
  readonly workingDir: string;
  /** What to run there: `.` or a file name. */
  readonly main: string;
  /** Whether TypeScript has to be compiled on the way. */
  readonly typescript: boolean;
  /** Project-wide configuration of `Pulumi.yaml`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly stackConfigDir: string;
}

/** Reads `Pulumi.yaml`; `main` may name a folder or a file, as for Pulumi's CLI. */
export function readProject(folder: string): Project {
  const root = resolve(folder);
  const file = ["Pulumi.yaml", "Pulumi.yml"].map((name) => join(root, name)).find(existsSync);
  if (!file)
    throw new LocalRuntimeError(`there is no Pulumi.yaml in ${root}`, "Point --program at the folder that has it.");
  const parsed = projectSchema.safeParse(readYaml(file));
  if (!parsed.success) {
    throw new LocalRuntimeError(`${file} is not a Pulumi project: ${z.prettifyError(parsed.error)}`, "Mend the file.");
  }
  const { name, main, runtime, config = {}, stackConfigDir } = parsed.data;
  const runtimeName = typeof runtime === "string" ? runtime : runtime.name;
  if (runtimeName !== "nodejs") {
    throw new LocalRuntimeError(
      `${file} has the runtime "${runtimeName}"`,
      'The embedded runtime runs programs of the runtime "nodejs" (TypeScript, JavaScript).',
    );
  }
  const place = entry(root, main, file);
  const wanted = typeof runtime === "string" ? undefined : runtime.options?.typescript;
  return {
    name,
    root,
    ...place,
    typescript: wanted ?? needsTypeScript(place),
    config,
    stackConfigDir: stackConfigDir ? resolve(root, stackConfigDir) : root,
  };
}

export function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new LocalRuntimeError(`${file} can not be read: ${(error as Error).message}`, "Mend the file.");
  }
}

function entry(root: string, main: string | undefined, file: string): { workingDir: string; main: string } {
  if (!main) return { workingDir: root, main: "." };
  const path = isAbsolute(main) ? main : join(root, main);
  if (!existsSync(path)) {
    throw new LocalRuntimeError(
      `${file} names the main "${main}", which is not there`,
      "Mend main, or add the program.",
    );
  }
  return statSync(path).isDirectory()
    ? { workingDir: path, main: "." }
    : { workingDir: dirname(path), main: basename(path) };
}

/** Loading the TypeScript compiler costs half a second: only where there is something to compile. */
function needsTypeScript({ workingDir, main }: { workingDir: string; main: string }): boolean {
  if (main !== "." && extname(main) !== "") return /\.[cm]?tsx?$/.test(main);
  return readdirSync(workingDir).some((name) => /(?<!\.d)\.[cm]?tsx?$/.test(name));
}
