// Makes a checkout ready to run: installs when the lockfile or a manifest changed, builds what changed.
// Everything it prints goes to stderr, so that stdout belongs to the command that follows.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const pnpmVersion = "10";

/** Runs a command with its output on stderr; ends this process with the command's own code when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], env: environment(), ...options });
  if (result.error) fail(`${command} could not be started: ${result.error.message}`);
  if (result.status !== 0) {
    console.error(
      `\n${[command, ...args].join(" ")} failed${result.status === null ? "" : ` with code ${result.status}`}.`,
    );
    process.exit(result.status ?? 1);
  }
}

/** The environment without npm's own log level (our .npmrc silences npm's banner, not pnpm's errors). */
function environment() {
  const { npm_config_loglevel: _, ...rest } = process.env;
  return rest;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old: Tributary needs 20.19 or newer (22 and 24 are recommended).`);
  }
}

function manifests() {
  const folders = ["packages", "examples", "examples/team-stacks"];
  return [
    "package.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ...folders
      .filter((folder) => existsSync(join(root, folder)))
      .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}/package.json`)),
  ].filter((file) => existsSync(join(root, file)));
}

/** Installs with pnpm (through npx: nothing global is needed) unless the last install was of these very files. */
export function install() {
  checkNode();
  const hash = createHash("sha256").update(process.versions.node);
  for (const file of manifests()) hash.update(file).update(readFileSync(join(root, file)));
  const digest = hash.digest("hex");
  const marker = join(root, "node_modules", ".tributary-install");
  if (existsSync(marker) && readFileSync(marker, "utf8") === digest) return;
  console.error("Installing (once)…");
  run(process.platform === "win32" ? "npx.cmd" : "npx", [
    "--yes",
    `pnpm@${pnpmVersion}`,
    "install",
    "--frozen-lockfile",
    "--prefer-offline",
    "--reporter=append-only",
    "--loglevel=error",
  ]);
  mkdirSync(dirname(marker), { recursive: true });
  writeFileSync(marker, digest);
}

export async function build() {
  run(process.execPath, [join(root, "scripts", "build.mjs")]);
}
