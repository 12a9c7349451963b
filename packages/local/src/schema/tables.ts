import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** `s` string, `n` number, `b` boolean, `asset`, `archive`, `any`, or a list as scripts/make-schema.mjs describes. */
export type TypeCode = string | readonly [string, ...(string | TypeCode)[]];
/** Property types by name; the name of a required property ends in `!`. */
export type ObjectTable = Readonly<Record<string, TypeCode>>;

interface ModuleTable {
  readonly resources: Readonly<Record<string, ObjectTable>>;
  readonly types: Readonly<Record<string, ObjectTable>>;
}

const packageRoot = join(__dirname, "..", "..");
const folder = join(packageRoot, "dist", "schema");
const modules = new Map<string, ModuleTable | undefined>();
let version: string | undefined;

/** The version of @pulumi/aws that the tables are made from. */
export function schemaVersion(): string {
  version ??= readVersion();
  return version;
}

/** The table of a resource's arguments, or undefined where the tables do not have the type. */
export function resourceTable(type: string): { table: ObjectTable; types: ModuleTable["types"] } | undefined {
  const [, name = ""] = /^aws:([^/:]+)\//.exec(type) ?? [];
  const module = moduleTable(name);
  const table = module?.resources[type];
  return module && table ? { table, types: module.types } : undefined;
}

function moduleTable(name: string): ModuleTable | undefined {
  if (modules.has(name)) return modules.get(name);
  schemaVersion();
  const file = join(folder, `${name}.json`);
  const table = name && existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ModuleTable) : undefined;
  modules.set(name, table);
  return table;
}

/** The build makes the tables; a checkout that is not built makes them on first use (a second's work). */
function readVersion(): string {
  const file = join(folder, "version.json");
  if (!existsSync(file))
    execFileSync(process.execPath, [join(packageRoot, "scripts", "make-schema.mjs")], { stdio: "pipe" });
  return (JSON.parse(readFileSync(file, "utf8")) as { aws: string }).aws;
}
