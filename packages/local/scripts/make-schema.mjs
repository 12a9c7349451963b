// Makes the tables that resource arguments are checked against (src/schema) from the type declarations of @pulumi/aws:
// `node scripts/make-schema.mjs [out folder]`. Purely syntactic: one file per provider module, loaded lazily.
//
// A type is a string (`s` string, `n` number, `b` boolean, `asset`, `archive`, `any`) or a list: ["a", T] array, ["m", T]
// map, ["o", name] object type, ["u", T…] union, ["e", value…] enum. An object type is `{ property: T }`, where the
// name of a required property ends in `!`.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const aws = dirname(createRequire(join(packageRoot, "package.json")).resolve("@pulumi/aws/package.json"));
const { version } = JSON.parse(readFileSync(join(aws, "package.json"), "utf8"));

/** Interfaces of types/input.d.ts by qualified name (`lambda.FunctionEnvironment`), as syntax. */
const inputTypes = new Map();
/** Values of string enums by qualified name. */
const enums = new Map();

function parse(name, text) {
  return ts.createSourceFile(name, text, {
    languageVersion: ts.ScriptTarget.Latest,
    jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
  });
}

function collectInterfaces(statements, prefix) {
  for (const statement of statements) {
    if (ts.isInterfaceDeclaration(statement)) inputTypes.set(prefix + statement.name.text, statement);
    else if (ts.isModuleDeclaration(statement)) {
      collectInterfaces(statement.body.statements, `${prefix}${statement.name.text}.`);
    }
  }
}

function collectEnums() {
  const folder = join(aws, "types", "enums");
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const file = join(folder, entry.name, "index.d.ts");
    for (const statement of parse(file, readFileSync(file, "utf8")).statements) {
      if (!ts.isVariableStatement(statement)) continue;
      for (const { name, type } of statement.declarationList.declarations) {
        if (!type || !ts.isTypeLiteralNode(type)) continue;
        const literals = type.members.map((member) => member.type?.literal?.text).filter((text) => text !== undefined);
        enums.set(`${entry.name}.${name.text}`, literals);
      }
    }
  }
}

function nameOf(node) {
  return ts.isQualifiedName(node) ? `${nameOf(node.left)}.${node.right.text}` : node.text;
}

function isNothing(node) {
  return (
    node.kind === ts.SyntaxKind.UndefinedKeyword ||
    (ts.isLiteralTypeNode(node) && node.literal.kind === ts.SyntaxKind.NullKeyword)
  );
}

/** The table's form of a type; adds the object types it names to `needed`. */
function encode(node, needed) {
  switch (node.kind) {
    case ts.SyntaxKind.StringKeyword:
      return "s";
    case ts.SyntaxKind.NumberKeyword:
      return "n";
    case ts.SyntaxKind.BooleanKeyword:
      return "b";
    case ts.SyntaxKind.AnyKeyword:
      return "any";
  }
  if (ts.isArrayTypeNode(node)) return ["a", encode(node.elementType, needed)];
  if (ts.isParenthesizedTypeNode(node)) return encode(node.type, needed);
  if (ts.isLiteralTypeNode(node) && ts.isStringLiteral(node.literal)) return ["e", node.literal.text];
  if (ts.isTypeLiteralNode(node)) {
    const [index] = node.members;
    return index && ts.isIndexSignatureDeclaration(index) ? ["m", encode(index.type, needed)] : "any";
  }
  if (ts.isUnionTypeNode(node))
    return union(node.types.filter((type) => !isNothing(type)).map((type) => encode(type, needed)));
  if (ts.isTypeReferenceNode(node)) return reference(node, needed);
  throw new Error(`a type that this script does not know: ${ts.SyntaxKind[node.kind]}`);
}

function union(types) {
  if (types.includes("any")) return "any";
  // A string may be anything, the known values of an enum beside it are only a help to the reader.
  const kept = types.includes("s") ? types.filter((type) => type[0] !== "e") : types;
  const distinct = [...new Map(kept.map((type) => [JSON.stringify(type), type])).values()];
  return distinct.length === 1 ? distinct[0] : ["u", ...distinct];
}

function reference(node, needed) {
  const name = nameOf(node.typeName);
  if (name === "pulumi.Input") return encode(node.typeArguments[0], needed);
  if (name === "pulumi.asset.Asset") return "asset";
  if (name === "pulumi.asset.Archive") return "archive";
  if (name === "Promise" || name === "pulumi.Output") return encode(node.typeArguments[0], needed);
  const input = /^(?:types\.)?inputs?\.(.*)$/.exec(name)?.[1];
  if (input) {
    needed.add(input);
    return ["o", input];
  }
  const choice = /^enums\.(.*)$/.exec(name)?.[1];
  if (choice) return enums.has(choice) ? ["e", ...enums.get(choice)] : "s";
  // Another resource: it travels as its id or ARN.
  return "s";
}

function encodeInterface(node, needed) {
  const properties = {};
  for (const member of node.members) {
    if (!ts.isPropertySignature(member) || !member.type) continue;
    properties[member.name.text + (member.questionToken ? "" : "!")] = encode(member.type, needed);
  }
  return properties;
}

/** The arguments of the resource that a declaration file declares, if any. */
function resourceOf(folder, file) {
  const script = readFileSync(join(folder, file.replace(/\.d\.ts$/, ".js")), "utf8");
  const token = /static __pulumiType = '([^']+)'/.exec(script)?.[1] ?? /\.__pulumiType = '([^']+)'/.exec(script)?.[1];
  if (!token?.startsWith("aws:")) return undefined;
  const text = readFileSync(join(folder, file), "utf8");
  const name = `${token.split(":").at(-1)}Args`;
  const start = text.indexOf(`export interface ${name} {`);
  if (start < 0) return undefined;
  const [statement] = parse(file, text.slice(start)).statements;
  return { token, args: statement };
}

function makeModule(name) {
  const folder = join(aws, name);
  const needed = new Set();
  const table = { resources: {}, types: {} };
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith(".d.ts"))) {
    const resource = resourceOf(folder, file);
    if (resource) table.resources[resource.token] = encodeInterface(resource.args, needed);
  }
  // Set iteration also visits what is added on the way: the closure.
  for (const type of needed) {
    const node = inputTypes.get(type);
    if (!node) throw new Error(`@pulumi/aws has no input type ${type}, which ${name} uses`);
    table.types[type] = encodeInterface(node, needed);
  }
  return table;
}

const out = resolve(process.argv[2] ?? join(packageRoot, "dist", "schema"));
const inputFile = join(aws, "types", "input.d.ts");
collectInterfaces(parse(inputFile, readFileSync(inputFile, "utf8")).statements, "");
collectEnums();

mkdirSync(out, { recursive: true });
const draft = mkdtempSync(join(out, ".draft-"));
let count = 0;
const modules = readdirSync(aws, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !["types", "node_modules", "config"].includes(entry.name))
  .map((entry) => entry.name);
for (const name of modules) {
  const table = makeModule(name);
  if (Object.keys(table.resources).length === 0) continue;
  count += Object.keys(table.resources).length;
  writeFileSync(join(draft, `${name}.json`), JSON.stringify(table));
}
// One by one, the version last: a reader sees the version only when everything is there.
for (const file of readdirSync(draft)) renameSync(join(draft, file), join(out, file));
rmSync(draft, { recursive: true });
writeFileSync(
  join(out, ".version.json.new"),
  JSON.stringify({ aws: version, resources: count, modules: modules.sort() }),
);
renameSync(join(out, ".version.json.new"), join(out, "version.json"));
process.stderr.write(`schema of @pulumi/aws ${version}: ${count} resources\n`);
