/**
 * Escape hatch: changes a child's arguments after our defaults and before our security invariants. Either properties to
 * lay over the defaults, or a function of them. It exposes the provider's types, which are outside our versioning.
 */
export type Transform<T> = Partial<T> | ((defaults: T) => T);

/** The defaults, changed by the transform if there is one. */
export function applyTransform<T extends object>(defaults: T, transform: Transform<T> | undefined): T {
  if (transform === undefined) return defaults;
  return typeof transform === "function" ? transform(defaults) : { ...defaults, ...transform };
}
