import { AwsError } from "../../kernel";

/** What a target gets instead of the whole event; at most one member is set. */
export interface TargetInput {
  readonly input?: string;
  readonly inputPath?: string;
  readonly transformer?: { readonly paths: Readonly<Record<string, string>>; readonly template: string };
}

/** The payload of a target: the event, a part of it, a constant, or a filled-in template. */
export function targetPayload({ input, inputPath, transformer }: TargetInput, event: Record<string, unknown>): unknown {
  if (input !== undefined) return jsonOrText(input);
  if (inputPath !== undefined) return at(event, inputPath) ?? null;
  return transformer ? fill(transformer, event) : event;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `$.detail.items[0].id`: the JSON paths that EventBridge allows. */
export function at(event: unknown, path: string): unknown {
  if (!/^\$((\.[A-Za-z0-9_-]+)|(\[\d+\])|(\['[^']+'\]))*$/.test(path)) {
    throw new AwsError("ValidationException", `Invalid JSON path: ${path}`);
  }
  let value = event;
  for (const [, name, index, quoted] of path.matchAll(/\.([A-Za-z0-9_-]+)|\[(\d+)\]|\['([^']+)'\]/g)) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[name ?? index ?? quoted ?? ""];
  }
  return value;
}

/**
 * `<name>` in a template stands for a value: inside a quoted string as text, elsewhere as JSON. `<aws.events.event>` is
 * the whole event.
 */
function fill({ paths, template }: NonNullable<TargetInput["transformer"]>, event: Record<string, unknown>): unknown {
  const valueNamed = (name: string): unknown => {
    if (name === "aws.events.event" || name === "aws.events.event.json") return event;
    if (name === "aws.events.event.ingestion-time") return event.time;
    const path = paths[name];
    if (path === undefined) throw new AwsError("ValidationException", `InputTemplate: <${name}> is not in inputPaths`);
    return at(event, path);
  };
  let quoted = false;
  let filled = "";
  for (const [part] of template.matchAll(/<[A-Za-z0-9_.-]+>|\\.|"|[^<"\\]+|</gs)) {
    if (part === '"') quoted = !quoted;
    if (!/^<.+>$/.test(part)) {
      filled += part;
      continue;
    }
    const value = valueNamed(part.slice(1, -1));
    if (!quoted) filled += JSON.stringify(value ?? null);
    else filled += JSON.stringify(typeof value === "string" ? value : (JSON.stringify(value) ?? "")).slice(1, -1);
  }
  return jsonOrText(filled);
}
