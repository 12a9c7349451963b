import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../scripts/prepare.mjs";

export { root };

const command = join(root, "packages/cli/bin/tributary.js");

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
export const per = (count, seconds) => Math.round(count / seconds);

export function scratch() {
  const path = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs a process; resolves with its output, seconds and peak memory in MB. */
export function execute(args, options = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });
    let stdout = "";
    let stderr = "";
    let peak = 0;
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      stderr += chunk;
    });
    const watch = setInterval(() => {
      peak = Math.max(peak, peakMegabytes(child.pid));
    }, 100);
    child.on("close", (code) => {
      clearInterval(watch);
      if (code === 0) resolve({ stdout, stderr, seconds: (performance.now() - began) / 1000, megabytes: peak });
      else reject(new Error(`${args.join(" ")} ended with ${code}:\n${stderr}`));
    });
  });
}

export function peakMegabytes(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0; // No /proc here: the figure is missing, not wrong.
  }
}

export const tributary = (...args) => execute([command, ...args, "--json"]);

/** Starts `tributary dev` on a data folder; resolves when it is ready. */
export function dev(data) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, "dev", "--data", data, "--json"], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      try {
        resolve({
          ready: JSON.parse(text),
          child,
          stop: () => new Promise((done) => child.on("close", done) && child.kill("SIGINT")),
        });
      } catch {
        // Not the whole document yet.
      }
    });
    child.on("close", (code) => reject(new Error(`tributary dev ended with ${code} before it was ready`)));
  });
}
