import type { ReceivedResource } from "./engine";
import { unknownValue } from "./engine/types";
import { LocalRuntime } from "./runtime";

/** What the engine receives from a program. */
export interface Graph {
  readonly resources: readonly Omit<ReceivedResource, "outputs">[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

export interface GraphOptions {
  readonly programDir: string;
  readonly stack: string;
  /** With outputs unknown, as in `pulumi preview`. */
  readonly preview: boolean;
  /** A folder that may be thrown away afterwards. */
  readonly scratch: string;
}

/** Values as JSON can hold them: an unknown one is `"<unknown>"`, a secret one `"<secret>"`. */
function printable(value: unknown): unknown {
  if (value === unknownValue) return "<unknown>";
  if (Array.isArray(value)) return value.map(printable);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, printable(member)]));
  }
  return value;
}

/** A property that holds a secret anywhere is not shown at all. */
function withoutSecrets({
  inputs,
  secretInputs,
}: Pick<ReceivedResource, "inputs" | "secretInputs">): Record<string, unknown> {
  const secret = new Set(secretInputs.map((path) => /^[^.[]+/.exec(path)?.[0]));
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [name, secret.has(name) ? "<secret>" : printable(value)]),
  );
}

/** Runs a program against a runtime of its own and returns what the engine received. */
export async function receivedGraph(options: GraphOptions): Promise<Graph> {
  const runtime = await LocalRuntime.open({ dataDir: options.scratch });
  try {
    const program = { programDir: options.programDir, stack: options.stack };
    const result = options.preview ? await runtime.preview(program) : await runtime.up(program);
    return {
      resources: result.resources.map(({ outputs: _, ...resource }) => ({
        ...resource,
        inputs: withoutSecrets(resource),
      })),
      outputs: Object.fromEntries(
        Object.entries(result.outputs).map(([name, value]) => [
          name,
          result.secretOutputs.includes(name) ? "<secret>" : printable(value),
        ]),
      ),
    };
  } finally {
    await runtime.close();
  }
}
