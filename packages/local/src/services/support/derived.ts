import type { Kernel, Resource } from "../../kernel";

/** A value computed from the stack's resources, computed again only after they have changed. */
export function derived<T>(kernel: Kernel, build: (resources: Iterable<Resource>) => T): () => T {
  let version = -1;
  let value: T;
  return () => {
    if (version !== kernel.resources.version) {
      value = build(kernel.resources.values());
      version = kernel.resources.version;
    }
    return value;
  };
}

/** One object per kernel, made on first use: how a service's realisers, operations and exports share their state. */
export function perKernel<T>(make: (kernel: Kernel) => T): (kernel: Kernel) => T {
  const instances = new WeakMap<Kernel, { value: T }>();
  return (kernel) => {
    let instance = instances.get(kernel);
    if (!instance) {
      instance = { value: make(kernel) };
      instances.set(kernel, instance);
    }
    return instance.value;
  };
}
