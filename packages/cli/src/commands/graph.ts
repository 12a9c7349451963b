import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { receivedGraph } from "@tributary/local";
import { Command } from "commander";
import { type CommonOptions, programDir, withCommonOptions } from "../context";
import { createOutput } from "../output";

/** `tributary graph`: what the engine receives from the program, as a tree or as JSON. Touches no data folder. */
export function graphCommand(): Command {
  return withCommonOptions(new Command("graph"))
    .description("print the resources that the program declares")
    .option("--preview", "with outputs unknown, as in `pulumi preview`")
    .action(async (options: CommonOptions & { preview?: boolean }) => {
      const scratch = mkdtempSync(join(tmpdir(), "tributary-graph-"));
      try {
        const graph = await receivedGraph({
          programDir: programDir(options, true),
          stack: options.stack,
          preview: options.preview ?? false,
          scratch,
        });
        createOutput(options.json ?? false).result(graph, () => tree(graph.resources));
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    });
}

interface Node {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly parent?: string;
}

function tree(resources: readonly Node[]): string {
  const children = new Map<string, Node[]>();
  for (const resource of resources) {
    const siblings = children.get(resource.parent ?? "") ?? [];
    siblings.push(resource);
    children.set(resource.parent ?? "", siblings);
  }
  const lines: string[] = [];
  const visit = (parent: string, depth: number) => {
    for (const { urn, type, name } of children.get(parent) ?? []) {
      lines.push(`${"  ".repeat(depth)}${name}  ${type}`);
      visit(urn, depth + 1);
    }
  };
  visit("", 0);
  return [...lines, "", `${resources.length} resources`].join("\n");
}
