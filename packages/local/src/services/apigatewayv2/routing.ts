/** A route of an API, ready to be matched. */
export interface CompiledRoute<T> {
  /** `POST /v1/{kind}`, `ANY /{proxy+}` or `$default`. */
  readonly key: string;
  readonly method: string;
  readonly segments: readonly Segment[];
  readonly target: T;
}

type Segment =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string }
  | { readonly kind: "greedy"; readonly name: string };

export interface RouteMatch<T> {
  readonly route: CompiledRoute<T>;
  readonly parameters: Readonly<Record<string, string>>;
}

/** @throws Error for a key that is none */
export function compileRoute<T>(key: string, target: T): CompiledRoute<T> {
  if (key === "$default") return { key, method: "ANY", segments: [], target };
  const match = /^([A-Z]+) (\/.*)$/.exec(key);
  if (!match) throw new Error(`"${key}" is no route key: write "METHOD /path" or "$default"`);
  const [, method = "", path = ""] = match;
  const segments = split(path).map((part): Segment => {
    const variable = /^\{([^{}+]+)(\+)?\}$/.exec(part);
    if (!variable) return { kind: "text", text: part };
    const [, name = "", plus] = variable;
    return plus ? { kind: "greedy", name } : { kind: "parameter", name };
  });
  return { key, method, segments, target };
}

/**
 * The most specific route: exact text before a parameter before a greedy one, segment by segment; then the method itself
 * before ANY; `$default` last. Source: "Routing API requests" of HTTP APIs in the API Gateway developer guide.
 * @param path decoded, without the stage
 */
export function matchRoute<T>(
  routes: readonly CompiledRoute<T>[],
  method: string,
  path: string,
): RouteMatch<T> | undefined {
  const parts = split(path);
  let best: RouteMatch<T> | undefined;
  for (const route of routes) {
    if (route.method !== method && route.method !== "ANY") continue;
    const parameters = parametersOf(route, parts);
    if (parameters && (!best || isMoreSpecific(route, best.route))) best = { route, parameters };
  }
  return best;
}

function split(path: string): string[] {
  return path.split("/").slice(1);
}

function parametersOf<T>(route: CompiledRoute<T>, parts: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  if (route.key === "$default") return parameters;
  for (const [index, segment] of route.segments.entries()) {
    const part = parts[index];
    if (part === undefined) return undefined;
    if (segment.kind === "greedy") {
      const rest = parts.slice(index).join("/");
      if (rest === "") return undefined;
      parameters[segment.name] = rest;
      return parameters;
    }
    if (segment.kind === "parameter") {
      if (part === "") return undefined;
      parameters[segment.name] = part;
    } else if (segment.text !== part) return undefined;
  }
  return parts.length === route.segments.length ? parameters : undefined;
}

const rank = { text: 0, parameter: 1, greedy: 2 };

function isMoreSpecific<T>(a: CompiledRoute<T>, b: CompiledRoute<T>): boolean {
  if (b.key === "$default") return true;
  if (a.key === "$default") return false;
  for (let index = 0; index < Math.max(a.segments.length, b.segments.length); index += 1) {
    const left = a.segments[index];
    const right = b.segments[index];
    // Both match the same path, so where one ended the other is greedy.
    if (!left || !right) return left === undefined;
    if (rank[left.kind] !== rank[right.kind]) return rank[left.kind] < rank[right.kind];
  }
  return a.method !== "ANY" && b.method === "ANY";
}
