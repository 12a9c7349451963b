// Builds what changed: packages by tsc (project references), resource schemas, handler bundles.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./prepare.mjs";

run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"]);
run(process.execPath, [join(root, "packages/local/scripts/make-schema.mjs")]);
if (existsSync(join(root, "scripts/bundle-handlers.mjs"))) {
  const { bundleHandlers } = await import("./bundle-handlers.mjs");
  await bundleHandlers({ log: (line) => console.error(line) });
}
