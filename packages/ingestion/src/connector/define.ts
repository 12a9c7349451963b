import { authsOf, type ConnectorDefinition } from "./definition";
import { connectorFaults } from "./faults";

/**
 * Checks a connector's definition and gives it back, typed. It is handed to `appflow({ connector })`.
 * @throws with every fault: path, what is wrong, how to mend it
 */
export function defineConnector(definition: ConnectorDefinition): ConnectorDefinition {
  const faults = connectorFaults(definition);
  if (faults.length === 0) return definition;
  const lines = faults.map(({ path, reason }) => `  ${path}: ${reason}`);
  const name = typeof definition?.name === "string" ? ` "${definition.name}"` : "";
  throw new Error(`Connector${name} has ${faults.length} fault${faults.length === 1 ? "" : "s"}:\n${lines.join("\n")}`);
}

/** Types of the ways to sign in that a definition offers. */
export function authTypesOf(definition: ConnectorDefinition): string[] {
  return authsOf(definition).map(({ type }) => type);
}
