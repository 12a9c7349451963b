// Splink from PyPI, in a virtual environment in the cache: the pinned version, run beside us on the same machine.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support.mjs";
import { cache } from "./data.mjs";

const packages = ["splink==5.0.0", "duckdb==2.0.0"];

/** Gives a function that runs Splink on a set; or says why there is none. */
export function splink() {
  const folder = join(cache, `splink-${packages.join("-").replaceAll("==", "-")}`);
  const python = join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  if (!existsSync(join(folder, "ready"))) {
    mkdirSync(cache, { recursive: true });
    const made = spawnSync("python3", ["-m", "venv", folder], { encoding: "utf8" });
    if (made.status !== 0) {
      return { absent: `Splink is not run beside us: there is no Python 3 with venv here (${said(made)})` };
    }
    const installed = spawnSync(python, ["-m", "pip", "install", "--quiet", ...packages], {
      encoding: "utf8",
      timeout: 600_000,
    });
    if (installed.status !== 0) {
      rmSync(folder, { recursive: true, force: true });
      return { absent: `Splink is not run beside us: ${packages.join(", ")} cannot be installed (${said(installed)})` };
    }
    mkdirSync(join(folder, "ready"));
  }
  const script = join(root, "bench/identity/run_splink.py");
  return {
    /** `more`: a Parquet file to write, and "timed" to leave scoring out. */
    run: (name, path, ...more) => {
      const ran = spawnSync(python, [script, name, path, ...more], { encoding: "utf8", timeout: 1_800_000 });
      const line = ran.stdout?.trim().split("\n").at(-1) ?? "";
      return ran.status === 0 ? JSON.parse(line) : { failed: said(ran) };
    },
  };
}

const said = ({ stderr, error }) => (error?.message ?? stderr ?? "").trim().split("\n").at(-1)?.slice(0, 200);
