import type { AliasSpec } from "./registration";
import { makeUrn, parseUrn } from "./urn";

interface Subject {
  readonly stack: string;
  readonly project: string;
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  readonly aliases: readonly AliasSpec[];
}

/**
 * Every URN that a resource may have had: by its own aliases, and by those of its parent (a child follows its parent's
 * renames, and where its name begins with the parent's, the name follows too). The current URN is not among them.
 *
 * @param parentAliases earlier URNs of the parent
 */
export function formerUrns(subject: Subject, parentAliases: readonly string[]): string[] {
  const found = new Set<string>();
  for (const alias of [...subject.aliases, {}]) {
    if (alias.urn) {
      found.add(alias.urn);
      continue;
    }
    for (const urn of fromSpec(subject, alias, parentAliases)) found.add(urn);
  }
  found.delete(subject.urn);
  return [...found];
}

function fromSpec(subject: Subject, alias: AliasSpec, parentAliases: readonly string[]): string[] {
  const stack = alias.stack || subject.stack;
  const project = alias.project || subject.project;
  const type = alias.type || subject.type;
  const name = alias.name || subject.name;
  if (alias.noParent) return [makeUrn(stack, project, "", type, name)];
  const parent = alias.parentUrn || subject.parent;
  const direct = makeUrn(stack, project, parent, type, name);
  if (parent !== subject.parent) return [direct];
  const parentName = parent ? parseUrn(parent).name : "";
  const inherited = parentAliases.map((former) => {
    const formerName = parseUrn(former).name;
    const follows = !alias.name && parentName !== "" && name.startsWith(parentName);
    return makeUrn(stack, project, former, type, follows ? formerName + name.slice(parentName.length) : name);
  });
  return [direct, ...inherited];
}
