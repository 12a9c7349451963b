// npm run bench [-- name …]: the figures of the hot paths, as ratios in one run on one machine.
// Each bench measures something next to a yardstick (bare Node, bare mocks), since absolute times differ by machine.
import { cpus } from "node:os";
import { build, install } from "../scripts/prepare.mjs";

install();
await build();

const benches = {
  engine: () => import("./engine.mjs"),
  bundles: () => import("./bundles.mjs"),
  collector: () => import("./collector.mjs"),
  profiles: () => import("./profiles.mjs"),
  "identity-store": () => import("./identity-store.mjs"),
  traits: () => import("./traits.mjs"),
  "online-retail": () => import("./online-retail.mjs"),
  faults: () => import("./faults.mjs"),
  identity: () => import("./identity.mjs"),
  lake: () => import("./lake.mjs"),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(", ")}; there is: ${Object.keys(benches).join(", ")}.`);
  process.exit(2);
}

console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}`);
for (const [name, load] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n## ${name}`);
  const { bench } = await load();
  for (const row of await bench()) console.log(row);
}
