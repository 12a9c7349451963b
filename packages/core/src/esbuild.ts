import type { BuildResult } from "esbuild";

/**
 * Bundles one CommonJS source with everything it requires. esbuild is an optional peer: only callbacks that need
 * packages, or that are given as a module, need it.
 * @param what names the source in errors
 */
export async function bundleCommonJs(what: string, source: string): Promise<string> {
  const esbuild = await loadEsbuild(what);
  let result: BuildResult<{ write: false }>;
  try {
    result = await esbuild.build({
      stdin: { contents: source, resolveDir: process.cwd(), loader: "js", sourcefile: "callback.cjs" },
      bundle: true,
      write: false,
      platform: "node",
      target: "node22",
      format: "cjs",
      mainFields: ["module", "main"],
      // Our packages' small doors: what a callback needs of them, without Pulumi.
      conditions: ["tributary-callback", "module"],
      // Serialised closures use `with`: a "use strict" on top would not even load.
      tsconfigRaw: { compilerOptions: { alwaysStrict: false, strict: false } },
      logLevel: "silent",
    });
  } catch (error) {
    throw new Error(`The ${what} cannot be bundled: ${error instanceof Error ? error.message : String(error)}`);
  }
  const text = result.outputFiles[0]?.text;
  if (text === undefined) throw new Error(`The ${what} was bundled into nothing.`);
  return text;
}

async function loadEsbuild(what: string): Promise<typeof import("esbuild")> {
  try {
    return await import("esbuild");
  } catch (error) {
    throw new Error(
      `The ${what} needs packages, and esbuild bundles them: add it to the program's dependencies (npm install esbuild). ` +
        `(${error instanceof Error ? error.message : String(error)})`,
    );
  }
}
