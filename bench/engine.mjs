// The engine against bare `setMocks`: seconds of a program with 10, 100 and 400 resources, first and second run.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { execute, median, root, scratch } from "./support.mjs";

const runs = 3;
const program = (count) => `
const kinesis = require("@pulumi/aws/kinesis");
for (let i = 0; i < ${count}; i++) new kinesis.Stream("stream-" + i, { shardCount: 1 });
`;

export async function bench() {
  const rows = [];
  const require = createRequire(join(root, "packages/local/package.json"));
  for (const count of [10, 100, 400]) {
    const { path, remove } = scratch();
    try {
      mkdirSync(join(path, "program"));
      symlinkSync(join(root, "packages/local/node_modules"), join(path, "program/node_modules"));
      writeFileSync(join(path, "program/Pulumi.yaml"), "name: bench\nruntime: nodejs\n");
      writeFileSync(join(path, "program/package.json"), '{"main":"index.js"}');
      writeFileSync(join(path, "program/index.js"), program(count));
      writeFileSync(
        join(path, "mocks.cjs"),
        `const pulumi = require(${JSON.stringify(require.resolve("@pulumi/pulumi"))});
        pulumi.runtime.setMocks({ newResource: (a) => ({ id: a.name, state: a.inputs }), call: (a) => a.inputs }, "bench", "dev", false);
        (async () => { require(${JSON.stringify(join(path, "program/index.js"))}); await pulumi.runtime.disconnect(); })();`,
      );
      const mocks = [];
      for (let run = 0; run < runs; run++) mocks.push((await execute([join(path, "mocks.cjs")])).seconds);
      const ups = [];
      const again = [];
      for (let run = 0; run < runs; run++) {
        const data = join(path, `data-${run}`);
        const args = [
          join(root, "packages/cli/bin/tributary.js"),
          "dev",
          "--exit",
          "--json",
          "--program",
          join(path, "program"),
          "--data",
          data,
        ];
        ups.push((await execute(args)).seconds);
        again.push((await execute(args)).seconds);
      }
      const [mock, up, same] = [median(mocks), median(ups), median(again)];
      rows.push(
        `${count} resources: mocks ${mock.toFixed(2)} s; up ${up.toFixed(2)} s (${(up / mock).toFixed(2)} ×); up again, all same ${same.toFixed(2)} s (${(same / mock).toFixed(2)} ×)`,
      );
    } finally {
      remove();
    }
  }
  return rows;
}
