// Bundles each Lambda handler, `packages/<package>/src/handlers/<name>.ts`, to `packages/<package>/dist/handlers/<name>/`:
// `index.mjs` (ESM, minified, the AWS SDK inside) and its source map. What did not change is left as it is.
// What a handler reads at run time (`config.json`, `*.cjs` callbacks) is put beside it by the component, not here.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const packagesFolder = join(root, "packages");

/** Our own packages are bundled from source, so that what a handler does not use falls away. */
const workspaceSources = {
  name: "workspace-sources",
  setup(bundle) {
    bundle.onResolve({ filter: /^@tributary\/[a-z-]+$/ }, ({ path }) => ({
      path: join(packagesFolder, path.slice("@tributary/".length), "src", "index.ts"),
      sideEffects: false,
    }));
    // esbuild drops the unused part of `import * as z`, but not of the object `z` (24 KiB instead of 91, zipped).
    bundle.onLoad({ filter: /[\\/]packages[\\/][a-z-]+[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/^import \{ z \} from "zod";$/m, 'import * as z from "zod";'),
      loader: "ts",
    }));
  },
};

/** Lambda gives a function its role's credentials in the environment: the SDK's other sources (SSO, profiles, …) are 38 KiB of dead weight. */
const environmentCredentials = {
  name: "environment-credentials",
  setup(bundle) {
    bundle.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === "original") return undefined;
      const original = await bundle.resolve(path, { ...options, pluginData: "original" });
      return { path: original.path, namespace: "environment-credentials", errors: original.errors };
    });
    bundle.onLoad({ filter: /.*/, namespace: "environment-credentials" }, ({ path }) => ({
      contents: 'export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";',
      resolveDir: dirname(path),
    }));
  },
};

/**
 * A library that our own source imports dynamically is rarely needed: it becomes a file of its own beside `index.mjs`,
 * which a cold start does not read. Gives the plugin, and the names of the libraries that were met.
 */
function librariesBeside() {
  const met = new Set();
  const plugin = {
    name: "libraries-beside",
    setup(bundle) {
      bundle.onResolve({ filter: /^[a-z][\w.-]*$/ }, ({ path, kind, importer }) => {
        if (kind !== "dynamic-import" || !/[\\/]packages[\\/][a-z-]+[\\/]src[\\/]/.test(importer)) return undefined;
        met.add(path);
        return { path: `./${path}.mjs`, external: true };
      });
    },
  };
  return { plugin, met };
}

/**
 * An SDK client describes all its operations in one module of array literals with computed keys, which esbuild must keep
 * since a computed key could have effects. Marked as pure, those that no command of the handler needs fall away.
 */
const pureSchemas = {
  name: "pure-schemas",
  setup(bundle) {
    bundle.onLoad(
      { filter: /[\\/]@aws-sdk[\\/]client-[a-z0-9-]+[\\/]dist-es[\\/]schemas[\\/]schemas_\d+\.js$/ },
      ({ path }) => ({
        contents: readFileSync(path, "utf8").replace(
          /^((?:export )?(?:var|const) [\w$]+ = )(\[[^;]*?\n\]);$/gm,
          "$1/* @__PURE__ */ (() => $2)();",
        ),
        loader: "js",
      }),
    );
  },
};

/**
 * DynamoDB's client keeps endpoints that it discovered in an LRU cache (7 KiB with its typed arrays). Discovery is off
 * unless a function asks for it, and then finds one endpoint per Region: a map does.
 */
const endpointCache = {
  name: "endpoint-cache",
  setup(bundle) {
    bundle.onResolve({ filter: /^mnemonist\/lru-cache(\.js)?$/ }, ({ path }) => ({
      path,
      namespace: "endpoint-cache",
    }));
    bundle.onLoad({ filter: /.*/, namespace: "endpoint-cache" }, () => ({
      contents: "export default class extends Map { constructor() { super(); } peek(key) { return this.get(key); } }",
    }));
  },
};

/**
 * kafkajs comes whole, with consumer, administration and each version of each call (69 KiB zipped). A collector only
 * produces: what it never calls is left out, and says so if it were called after all.
 */
const producerOnlyKafka = {
  name: "producer-only-kafka",
  setup(bundle) {
    const leftOut = 'module.exports = () => { throw new Error("left out of this bundle: it only produces"); };';
    bundle.onLoad({ filter: /[\\/]kafkajs[\\/]src[\\/](admin|consumer)[\\/]index\.js$/ }, () => ({
      contents: leftOut,
      loader: "js",
    }));
    const used = /^(produce|metadata|apiVersions|saslHandshake|saslAuthenticate|initProducerId)$/;
    bundle.onLoad({ filter: /[\\/]kafkajs[\\/]src[\\/]protocol[\\/]requests[\\/]\w+[\\/]index\.js$/ }, ({ path }) =>
      used.test(basename(dirname(path)))
        ? undefined
        : {
            contents: `module.exports = { versions: [], protocol: ${leftOut.slice("module.exports = ".length, -1)} };`,
            loader: "js",
          },
    );
  },
};

/** The SDK's reader of event streams (4 KiB zipped), for operations that no handler calls, such as SubscribeToShard and SelectObjectContent. */
const noEventStreams = {
  name: "no-event-streams",
  setup(bundle) {
    bundle.onResolve({ filter: /^@smithy\/core\/event-streams$/ }, ({ path }) => ({
      path,
      namespace: "no-event-streams",
    }));
    bundle.onLoad({ filter: /.*/, namespace: "no-event-streams" }, () => ({
      contents: `
        export const eventStreamSerdeProvider = undefined;
        export const resolveEventStreamSerdeConfig = (config) => config;
        export class EventStreamSerde {
          constructor() { throw new Error("left out of this bundle: it reads no event stream"); }
        }`,
    }));
  },
};

/** Of its own package.json a client tells its version to the service; the rest is dead weight (1 KiB zipped each). */
const versionAlone = {
  name: "version-alone",
  setup(bundle) {
    bundle.onLoad({ filter: /[\\/]@aws-sdk[\\/]client-[a-z0-9-]+[\\/]package\.json$/ }, ({ path }) => {
      const { name, version } = JSON.parse(readFileSync(path, "utf8"));
      return { contents: JSON.stringify({ name, version }), loader: "json" };
    });
  },
};

/**
 * A phone number is an identifier in E.164, which takes no country's ways of printing numbers: half of the metadata. With
 * and without them 73,500 numbers (each country's example with digits changed, dropped, prefixed) were read alike.
 */
const phoneWithoutFormats = {
  name: "phone-without-formats",
  setup(bundle) {
    bundle.onLoad({ filter: /[\\/]libphonenumber-js[\\/]metadata\.min\.json\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const metadata = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
      for (const country of [...Object.values(metadata.countries), ...Object.values(metadata.nonGeographic)]) {
        // In libphonenumber-js 1.x's metadata of version 4 the fifth of a country's values is its formats.
        if (metadata.version === 4 && Array.isArray(country[4])) country[4] = 0;
      }
      return { contents: `export default ${JSON.stringify(metadata)};`, loader: "js" };
    });
  },
};

const options = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  minify: true,
  mainFields: ["module", "main"],
  sourcemap: "linked",
  sourcesContent: false,
  metafile: true,
  legalComments: "none",
  logLevel: "silent",
  absWorkingDir: root,
  banner: {
    js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
  },
  plugins: [
    workspaceSources,
    environmentCredentials,
    pureSchemas,
    producerOnlyKafka,
    endpointCache,
    noEventStreams,
    versionAlone,
    phoneWithoutFormats,
  ],
};

/** `[{ package, name, entry, outfile }]` of every handler in the repository. */
export function listHandlers() {
  return readdirSync(packagesFolder).flatMap((name) => {
    const folder = join(packagesFolder, name, "src", "handlers");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
      .sort()
      .map((file) => ({
        package: name,
        name: basename(file, ".ts"),
        entry: join(folder, file),
        outfile: join(packagesFolder, name, "dist", "handlers", basename(file, ".ts"), "index.mjs"),
      }));
  });
}

const sha256 = (...parts) =>
  parts.reduce((hash, part) => hash.update(part).update("\0"), createHash("sha256")).digest("hex");

/** Everything that a bundle depends on: this script, the locked versions of dependencies, and the sources that went into it. */
function fingerprint(inputs) {
  const contents = inputs.map((input) => (existsSync(join(root, input)) ? readFileSync(join(root, input)) : "gone"));
  const dependencies = readFileSync(join(root, "pnpm-lock.yaml"));
  return sha256(
    readFileSync(fileURLToPath(import.meta.url)),
    dependencies,
    ...inputs.flatMap((input, i) => [input, contents[i]]),
  );
}

const stampFile = (handler) => join(dirname(dirname(handler.outfile)), ".stamps", `${handler.name}.json`);

function readStamp(handler) {
  if (!existsSync(handler.outfile) || !existsSync(stampFile(handler))) return undefined;
  const stamp = JSON.parse(readFileSync(stampFile(handler), "utf8"));
  return fingerprint(stamp.inputs) === stamp.fingerprint ? stamp : undefined;
}

async function bundleOne(handler) {
  const fresh = readStamp(handler);
  if (fresh) return { ...handler, bytes: fresh.bytes, zippedBytes: fresh.zippedBytes, unchanged: true };
  const folder = dirname(handler.outfile);
  const { plugin, met } = librariesBeside();
  const plugins = [plugin, ...options.plugins];
  const { metafile } = await build({ ...options, plugins, entryPoints: [handler.entry], outfile: handler.outfile });
  for (const library of met) {
    const stdin = { contents: `export * from ${JSON.stringify(library)};`, resolveDir: dirname(handler.entry) };
    await build({ ...options, stdin, outfile: join(folder, `${library}.mjs`) });
  }
  const code = readFileSync(handler.outfile);
  const inputs = Object.keys(metafile.inputs)
    .filter((input) => !input.includes("node_modules/") && !input.includes(":"))
    .map((input) => relative(root, join(root, input)))
    .sort();
  const stamp = {
    fingerprint: fingerprint(inputs),
    bytes: code.length,
    zippedBytes: deflateRawSync(code, { level: 9 }).length,
    inputs,
  };
  mkdirSync(dirname(stampFile(handler)), { recursive: true });
  writeFileSync(stampFile(handler), JSON.stringify(stamp));
  return { ...handler, bytes: stamp.bytes, zippedBytes: stamp.zippedBytes, unchanged: false };
}

/**
 * Bundles what changed and returns `[{ package, name, outfile, bytes, zippedBytes, unchanged }]`. A handler that does not
 * compile does not hold up the others: all are tried, then the faults are thrown together.
 */
export async function bundleHandlers({ log = () => {} } = {}) {
  const results = await Promise.allSettled(listHandlers().map(bundleOne));
  const faults = results.filter((result) => result.status === "rejected").map((result) => result.reason);
  const bundles = results.filter((result) => result.status === "fulfilled").map((result) => result.value);
  const kib = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;
  for (const bundle of bundles) {
    if (bundle.unchanged) continue;
    log(`bundled ${bundle.package}/${bundle.name}: ${kib(bundle.bytes)}, zipped ${kib(bundle.zippedBytes)}`);
  }
  for (const { package: name } of bundles) removeLeftOvers(name);
  if (faults.length > 0) throw new AggregateError(faults, faults.map((fault) => fault.message).join("\n"));
  return bundles;
}

/** Bundles of handlers that are no more would travel with the package. */
function removeLeftOvers(packageName) {
  const folder = join(packagesFolder, packageName, "dist", "handlers");
  const wanted = new Set(
    listHandlers()
      .filter((handler) => handler.package === packageName)
      .map((handler) => handler.name),
  );
  // `tsc` compiles handlers too (files in the same folder); only folders are bundles.
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === ".stamps" || wanted.has(entry.name)) continue;
    if (existsSync(join(folder, entry.name, "index.mjs"))) rmSync(join(folder, entry.name), { recursive: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await bundleHandlers({ log: (line) => console.error(line) });
}
