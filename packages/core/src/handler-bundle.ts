import { existsSync } from "node:fs";
import * as path from "node:path";

/**
 * Folder of a package's prebuilt handler, found from `src` as from `dist`: `<package>/dist/handlers/<name>`, with
 * `index.mjs` inside.
 * @param from `__dirname` of a file of the package
 * @throws when the bundle was not built, with the command that builds it
 */
export function handlerBundle(from: string, name: string): string {
  const folder = path.join(packageRoot(from), "dist", "handlers", name);
  if (!existsSync(path.join(folder, "index.mjs"))) {
    throw new Error(`The handler bundle ${folder} is missing. Build it: node scripts/bundle-handlers.mjs`);
  }
  return folder;
}

/** The nearest folder at or above `from` that holds a package.json. */
export function packageRoot(from: string): string {
  let folder = path.resolve(from);
  while (!existsSync(path.join(folder, "package.json"))) {
    const above = path.dirname(folder);
    if (above === folder) throw new Error(`No package.json at or above ${from}.`);
    folder = above;
  }
  return folder;
}
