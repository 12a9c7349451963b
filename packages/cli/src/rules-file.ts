import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, resolve } from "node:path";
import {
  defaultIdentityRules,
  type IdentityRules,
  type LintFinding,
  lint,
  type MatchRules,
  matchingSchema,
  resolverRules,
  ruleSetSchema,
} from "@tributary/model";
import type { core } from "zod";
import { CommandError, UsageError } from "./errors";

/** What a rules file says. */
export interface RulesFile {
  readonly matching: MatchRules;
  readonly identity: IdentityRules;
  readonly findings: readonly LintFinding[];
}

/**
 * Reads match rules: JSON, or a JavaScript or TypeScript module whose default export (or `rules`) they are. Either match
 * rules alone (`{ attributes, rules… }`), or a whole rule set with them under `matching`, as the program has it.
 *
 * @throws UsageError where there is no such file; CommandError with every fault of the rules, each with its path
 */
export async function readRulesFile(file: string): Promise<RulesFile> {
  const value = await readValue(file);
  const members = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const alone = members.includes("attributes") && !members.includes("matching");
  if (alone) {
    const parsed = matchingSchema.safeParse(value);
    if (!parsed.success) throw faultsOf(file, parsed.error.issues);
    return { matching: parsed.data, identity: defaultIdentityRules, findings: lint(parsed.data) };
  }
  const { identifiers, blocked } = defaultIdentityRules;
  const whole = members.includes("identifiers") ? value : { identifiers, blocked, ...(value as object) };
  const parsed = ruleSetSchema.safeParse(whole);
  if (!parsed.success) throw faultsOf(file, parsed.error.issues);
  const { matching } = parsed.data;
  if (!matching) {
    throw new CommandError(
      `${file} has no match rules. Give \`attributes\` (and \`rules\`), or a rule set with them under \`matching\`; \`tributary resolve INPUT --suggest\` writes a first one from your data.`,
    );
  }
  return { matching, identity: resolverRules(parsed.data), findings: lint(matching) };
}

function faultsOf(file: string, issues: readonly core.$ZodIssue[]): CommandError {
  const lines = issues.map(({ path, message }) => {
    const place = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
    return `  ${place.replace(/^\./, "") || "(the whole)"}: ${message}`;
  });
  return new CommandError(`${file}: ${issues.length} ${issues.length === 1 ? "fault" : "faults"}\n${lines.join("\n")}`);
}

async function readValue(file: string): Promise<unknown> {
  const path = resolve(file);
  const kind = extname(path).toLowerCase();
  try {
    if (/^\.[cm]?[jt]s$/.test(kind)) return exported(await loadModule(path));
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new UsageError(`There is no ${path}. Name the rules with --rules FILE.`);
    throw new CommandError(`${path} cannot be read as rules: ${message}`);
  }
}

/** A module's rules: its default export, else its member `rules` or `identityRules`. */
function exported(module: object): unknown {
  const members = module as Readonly<Record<string, unknown>>;
  const inner = members.default as Readonly<Record<string, unknown>> | undefined;
  return inner?.default ?? inner ?? members.rules ?? members.identityRules ?? module;
}

/** TypeScript or JavaScript of either module system; its packages are those beside the file. */
async function loadModule(path: string): Promise<object> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    platform: "node",
    format: "cjs",
    packages: "external",
    write: false,
    logLevel: "silent",
  });
  const module = { exports: {} };
  const run = new Function("module", "exports", "require", outputFiles[0]?.text ?? "");
  run(module, module.exports, createRequire(path));
  return module.exports;
}
