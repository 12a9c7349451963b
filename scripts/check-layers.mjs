// The arrows of the architecture: which package may import which. Fails on an import against them, and on a cycle
// between files' packages by construction (the table below has none).
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const components = ["ingestion", "data-lake", "identity-resolution", "activation", "governance"];

/** Workspace packages that a package's own source may import. */
const allowed = {
  model: [],
  runtime: ["model"],
  core: ["model"],
  matching: ["model"],
  local: ["model", "runtime"],
  cli: ["local", "matching", "model"],
  testing: ["local", "model"],
};
for (const component of components) allowed[component] = ["core", "model"];

/** Third-party modules that a package's source must not import. */
const forbidden = {
  model: /^(@aws-sdk|@smithy|@pulumi|@aws-lambda-powertools|node:(fs|net|http|https|child_process))/,
  runtime: /^@pulumi/,
  matching: /^(@aws-sdk|@smithy|@pulumi)/,
  cli: /^@pulumi/,
};

const faults = [];
const files = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" || entry.name === "dist" ? [] : files(path);
    return /\.[cm]?tsx?$/.test(entry.name) ? [path] : [];
  });

function imports(file) {
  const text = readFileSync(file, "utf8");
  const found = [];
  const pattern =
    /(?:\bimport|\bexport)\s+(type\s+)?[^"';]*?\bfrom\s+"([^"]+)"|\bimport\s*\(\s*"([^"]+)"|\brequire\(\s*"([^"]+)"|\bimport\s+"([^"]+)"/g;
  for (const match of text.matchAll(pattern)) found.push(match[2] ?? match[3] ?? match[4] ?? match[5]);
  return found;
}

for (const [name, may] of Object.entries(allowed)) {
  const source = join(root, "packages", name, "src");
  for (const file of files(source)) {
    const inside = relative(source, file).split("\\").join("/");
    const where = relative(root, file);
    const component = components.includes(name);
    // In a component these run in Lambda (runtime, model); everything else runs in Pulumi (core, model).
    const handlerSide = component && /^(handlers|functions|domain|store)\//.test(inside);
    const mayHere = handlerSide ? ["runtime", "model"] : may;
    for (const target of imports(file)) {
      const workspace = /^@tributary\/([a-z-]+)(\/.*)?$/.exec(target);
      if (workspace && !mayHere.includes(workspace[1]))
        faults.push(
          `${where}: imports ${target}; ${name}${handlerSide ? "'s handlers" : ""} may import ${mayHere.join(", ") || "no other package"}`,
        );
      if (forbidden[name]?.test(target)) faults.push(`${where}: imports ${target}, which ${name} must not know`);
      if (handlerSide && /^@pulumi/.test(target)) faults.push(`${where}: a handler imports ${target}`);
      if (component && !handlerSide && /^(@aws-sdk|@aws-lambda-powertools)/.test(target))
        faults.push(`${where}: the infrastructure side imports ${target}`);
      if (component && !handlerSide && /(^|\/)(handlers|functions|store)\//.test(target))
        faults.push(`${where}: the infrastructure side imports the handler ${target}`);
      if (target.startsWith(".")) {
        const resolved = relative(source, join(dirname(file), target));
        if (resolved.startsWith("..")) faults.push(`${where}: imports ${target}, outside its package's source`);
      }
    }
  }
}

const examples = join(root, "examples");
for (const file of files(examples)) {
  for (const target of imports(file)) {
    if (/^@tributary\/[a-z-]+\/./.test(target))
      faults.push(`${relative(root, file)}: imports ${target}; examples use public exports only`);
  }
}

for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
