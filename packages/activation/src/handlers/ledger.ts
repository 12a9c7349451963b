import { loadConfig, parseEnv } from "@tributary/runtime";
import { ledgerRequest } from "../domain/messages";
import { ledgerConfig, ledgerEnv } from "../env";
import { computeBy } from "../store/computed-profiles";
import { DynamoLedger } from "../store/dynamo-ledger";

const env = parseEnv(ledgerEnv);
const { computed } = loadConfig(ledgerConfig);
const ledger = new DynamoLedger(
  {
    memberships: env.MEMBERSHIPS_TABLE,
    deliveries: env.DELIVERIES_TABLE,
    profiles: env.PROFILES_TABLE,
    graph: env.GRAPH_TABLE,
  },
  { compute: computeBy(env, computed) },
);

/** Answers deliveries: what a destination should know and what it knows; keeps what it was told. */
export async function handler(event: unknown): Promise<object> {
  const request = ledgerRequest.parse(event);
  if (request.operation === "load") return { entries: await ledger.load(request.destination, request.places) };
  return { kept: await ledger.record(request.destination, request.entries) };
}
