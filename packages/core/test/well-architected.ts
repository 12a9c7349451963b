import type { Graph } from "@tributary/testing";
import { identityAndNetworkRules } from "./rules/identity-network";
import { operationRules } from "./rules/operations";
import { storageRules } from "./rules/storage";
import type { Rule } from "./rules/support";

export { policies } from "./rules/support";

/** All rules; other component packages hold their graphs against them too. */
export const rules: readonly Rule[] = [...storageRules, ...identityAndNetworkRules, ...operationRules];

/** Ids of the rules that have something to look at. */
export function lookedAt(graph: Graph): string[] {
  const types = new Set(graph.types());
  return rules.filter(({ of }) => of.some((type) => types.has(type))).map(({ id }) => id);
}

/** Every violation of every rule but the named ones: `S4 a bucket denies plain HTTP: aws:s3/bucket:Bucket raw`. */
export function violations(graph: Graph, except: readonly string[] = []): string[] {
  return rules
    .filter(({ id }) => !except.includes(id))
    .flatMap(({ id, says, broken }) => broken(graph).map((what) => `${id} ${says}: ${what}`));
}
