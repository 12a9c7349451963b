import type { Callback } from "@tributary/core";
import { isRecord } from "@tributary/core";
import type { Mapping } from "@tributary/model";
import { authsOf, type ConnectorDefinition, fieldOf } from "../connector/definition";
import {
  type AppflowEntity,
  type AppflowSource,
  appflowDefaults,
  type NativeConnector,
  nativeConnectors,
} from "./appflow-args";

/** A source's connector, told apart. */
export type PlannedConnector =
  | {
      readonly kind: "own";
      readonly definition: ConnectorDefinition;
      readonly code: Callback<() => ConnectorDefinition>;
    }
  | { readonly kind: "registered"; readonly label: string }
  | { readonly kind: "native"; readonly type: NativeConnector };

export interface PlannedFlow {
  readonly entity: string;
  readonly incremental: string | undefined;
  readonly fields: readonly string[] | undefined;
  readonly mapping: Mapping | undefined;
}

/** What is to be made, all of it plain. */
export interface AppflowPlan {
  readonly connector: PlannedConnector;
  readonly flows: readonly PlannedFlow[];
  /** Undefined: on demand. */
  readonly schedule: string | undefined;
  readonly format: "jsonl" | "parquet";
  readonly apiVersion: string | undefined;
}

/**
 * The definition of a source's own connector, from the object or from the module.
 * @throws where the module cannot be loaded or gives no definition
 */
export function loadDefinition(given: unknown): ConnectorDefinition | undefined {
  if (!isRecord(given) || "existing" in given) return undefined;
  if (typeof given.module !== "string") return given as unknown as ConnectorDefinition;
  const name = typeof given.export === "string" ? given.export : "default";
  const loaded = require(given.module) as Record<string, unknown>;
  const made = name === "default" ? (loaded.default ?? loaded) : loaded[name];
  if (typeof made === "function") return (made as () => ConnectorDefinition)();
  throw new Error(`its export "${name}" is no function that gives a definition`);
}

/** Decides what a source makes. Only for arguments without faults. */
export function planAppflow(source: AppflowSource): AppflowPlan {
  const connector = plannedConnector(source.connector);
  const definition = connector.kind === "own" ? connector.definition : undefined;
  const entities = Array.isArray(source.entities)
    ? Object.fromEntries((source.entities as readonly string[]).map((name): [string, AppflowEntity] => [name, {}]))
    : (source.entities as Readonly<Record<string, AppflowEntity>>);
  const schedule = source.schedule ?? appflowDefaults.schedule;
  const onDemand = schedule === "on-demand";
  return {
    connector,
    flows: Object.entries(entities).map(([entity, { incremental, fields, mapping }]) => {
      const by = incremental ?? incrementalField(definition, entity);
      // AppFlow pulls increments in scheduled flows alone.
      return {
        entity,
        fields,
        mapping: mapping ?? source.mapping,
        incremental: by === false || onDemand ? undefined : by,
      };
    }),
    schedule: onDemand ? undefined : schedule,
    format: source.format ?? appflowDefaults.format,
    apiVersion: source.apiVersion ?? (definition ? (definition.apiVersions?.[0] ?? "1") : undefined),
  };
}

function plannedConnector(given: AppflowSource["connector"]): PlannedConnector {
  if (typeof given === "string") return { kind: "native", type: given };
  if ("existing" in given) return { kind: "registered", label: given.existing };
  const definition = loadDefinition(given);
  if (!definition) throw new TypeError("the connector is no definition");
  return { kind: "own", definition, code: "module" in given ? given : () => definition };
}

function incrementalField(definition: ConnectorDefinition | undefined, entity: string): string | undefined {
  const fields = Object.entries(definition?.entities[entity]?.fields ?? {});
  return fields.find(([, field]) => fieldOf(field).incremental)?.[0];
}

/** Names of all ways to sign in that a connector of ours offers. */
export function offeredAuth(definition: ConnectorDefinition): readonly string[] {
  return authsOf(definition).map(({ type }) => type);
}

/** The key under which a connector's properties stand in `aws.appflow.Flow`. */
export function propertyKey(connector: PlannedConnector): string {
  return connector.kind === "native" ? nativeConnectors[connector.type] : "customConnector";
}
