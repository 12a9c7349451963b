// docs/reference/<component>.md, made from the components' own types and comments. `--check` fails where one is stale.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { tablesPage } from "./table-reference.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const components = {
  governance: "Governance",
  "data-lake": "DataLake",
  ingestion: "Ingestion",
  "identity-resolution": "IdentityResolution",
  activation: "Activation",
};

const sourcesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/\/(handlers|functions|domain|store)\//.test(file))
    .sort();

/** A node's comment as text, and its `@default`. */
function commentOf(node) {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = (part) => (ts.getTextOfJSDocComment(part) ?? "").replace(/\s+/g, " ").trim();
  const tag = doc?.tags?.find(({ tagName }) => tagName.text === "default");
  return { text: doc ? text(doc.comment) : "", example: exampleIn(doc), preset: tag ? text(tag.comment) : "" };
}

/** Code blocks keep their lines: `getTextOfJSDocComment` is joined above. */
function exampleIn(doc) {
  const raw = doc ? (ts.getTextOfJSDocComment(doc.comment) ?? "") : "";
  return /```ts\n([\s\S]*?)```/.exec(raw)?.[1]?.trim();
}

const cell = (text) => text.replace(/\s+/g, " ").replace(/\|/g, "\\|").trim();
const code = (text) => (text === "" ? "" : `\`${cell(text).replace(/`/g, "")}\``);

function tableOf(members, source, head) {
  const rows = members.map((member) => {
    const { text, preset } = commentOf(member);
    const name = member.name.getText(source);
    const wanted = "questionToken" in member && member.questionToken ? "" : " *";
    const type =
      member.type
        ?.getText(source)
        .replace(/\/\*\*[\s\S]*?\*\//g, "")
        .replace(/\breadonly /g, "") ?? "";
    return [`${code(name)}${head === "argument" ? wanted : ""}`, code(type), cell(preset), cell(text)];
  });
  const titles = head === "argument" ? [head, "type", "default", "meaning"] : [head, "type", "", "meaning"];
  return [titles, titles.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function pageOf(name, className) {
  const folder = join(root, "packages", name, "src");
  const interfaces = [];
  let component;
  for (const file of sourcesIn(folder)) {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
    ts.forEachChild(source, (node) => {
      const exported =
        ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword);
      if (ts.isClassDeclaration(node) && node.name?.text === className) component = { node, source };
      if (!exported || !ts.isInterfaceDeclaration(node) || !/(Args|Source|Callbacks|Transforms)$/.test(node.name.text))
        return;
      if (/\/resources\//.test(file)) return;
      interfaces.push({ node, source, file });
    });
  }
  if (!component) throw new Error(`${name} has no class ${className}`);
  const { text, example } = commentOf(component.node);
  const outputs = component.node.members.filter(
    (member) =>
      (ts.isPropertyDeclaration(member) || ts.isGetAccessorDeclaration(member)) && !ts.isPrivateIdentifier(member.name),
  );
  const parts = [
    `# ${className}`,
    "",
    `Made from \`packages/${name}/src\` by \`npm run reference\`; \`*\` marks what must be given.`,
    "",
    text.replace(/```ts[\s\S]*?```/g, "").trim(),
    ...(example ? ["", "```ts", example, "```"] : []),
    "",
    "## Outputs",
    "",
    tableOf(outputs, component.source, "output"),
  ];
  const first = ({ node }) =>
    node.name.text === `${className}Args` ? 0 : node.name.text.startsWith(className) ? 1 : 2;
  for (const { node, source } of interfaces.sort((a, b) => first(a) - first(b))) {
    const members = node.members.filter(ts.isPropertySignature);
    const parents = node.heritageClauses?.flatMap(({ types }) => types.map((type) => type.getText(source))) ?? [];
    if (members.length === 0 && parents.length === 0) continue;
    const comment = commentOf(node).text;
    parts.push("", `## ${node.name.text}`, "");
    if (comment) parts.push(comment, "");
    if (parents.length > 0) parts.push(`With all of ${parents.map(code).join(" and ")}.`, "");
    if (members.length > 0) parts.push(tableOf(members, source, "argument"));
  }
  return `${parts
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd()}\n`;
}

const check = process.argv.includes("--check");
const stale = [];
const pages = Object.entries(components).map(([name, className]) => [name, () => pageOf(name, className)]);
for (const [name, make] of [...pages, ["tables", () => tablesPage(root)]]) {
  const file = join(root, "docs", "reference", `${name}.md`);
  const page = make();
  if (page === undefined) throw new Error("The packages are not built: npm run build");
  if (existsSync(file) && readFileSync(file, "utf8") === page) continue;
  if (check) stale.push(relative(root, file));
  else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, page);
  }
}
if (stale.length > 0) {
  console.error(`Not as the code is: ${stale.join(", ")}. Run: npm run reference`);
  process.exit(1);
}
