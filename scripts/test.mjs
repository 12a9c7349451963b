// npm test: install, build, then every check; ends with the totals of all of them.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, install, root } from "./prepare.mjs";

install();
await build();

const totals = { passed: 0, failed: 0, skipped: 0 };
const bin = (path) => join(root, "node_modules", path);

/** A check that passes or fails as a whole. */
function check(name, args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  console.log(`${status === 0 ? "ok  " : "FAIL"} ${name}`);
  totals[status === 0 ? "passed" : "failed"] += 1;
}

check("lint and format (biome)", [bin("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."]);
check("types of tests and examples (tsc)", [bin("typescript/bin/tsc"), "-p", "tsconfig.test.json"]);
check("layers (design: which package may know which)", [join(root, "scripts/check-layers.mjs")]);
check("reference (docs made from the code)", [join(root, "scripts/reference.mjs"), "--check"]);

const report = join(tmpdir(), `tributary-jest-${process.pid}.json`);
const jest = spawnSync(
  process.execPath,
  [bin("jest/bin/jest.js"), "--json", `--outputFile=${report}`, "--maxWorkers=2", ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
const result = JSON.parse(readFileSync(report, "utf8"));
totals.passed += result.numPassedTests;
totals.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
totals.skipped += result.numPendingTests + result.numTodoTests;
if (jest.status !== 0 && totals.failed === 0) totals.failed += 1;

console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
