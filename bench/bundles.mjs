// Handler bundles: size as Lambda stores them, and module load time in a fresh process.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { deflateRawSync } from "node:zlib";
import { execute, median, root } from "./support.mjs";

const runs = 7;

export async function bench() {
  const rows = [];
  const empty = [];
  for (let run = 0; run < runs; run++) empty.push((await execute(["-e", "0"])).seconds * 1000);
  for (const name of readdirSync(join(root, "packages"))) {
    const handlers = join(root, "packages", name, "dist/handlers");
    if (!existsSync(handlers)) continue;
    for (const handler of readdirSync(handlers)) {
      const file = join(handlers, handler, "index.mjs");
      if (!existsSync(file)) continue;
      const bytes = readFileSync(file);
      // Up to the handler's reading of its deployment, which is not there: any other failure is one.
      const script = `const t=performance.now();import(${JSON.stringify(pathToFileURL(file).href)}).catch((e)=>{if(e.name!=="DeploymentError")throw e}).then(()=>console.log(performance.now()-t))`;
      const times = [];
      for (let run = 0; run < runs; run++)
        times.push(Number((await execute(["--input-type=module", "-e", script])).stdout));
      rows.push(
        `${name}/${handler}: ${(deflateRawSync(bytes, { level: 9 }).length / 1024).toFixed(0)} KiB zipped, ` +
          `loads in ${median(times).toFixed(0)} ms (${(median(times) / median(empty)).toFixed(2)} × an empty Node process)`,
      );
    }
  }
  return rows;
}
