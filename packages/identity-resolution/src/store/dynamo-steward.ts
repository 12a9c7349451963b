import {
  type Identifier,
  identifierItemKey,
  identifierOfKey,
  type StewardAction,
  stewardPart,
  stewardParts,
} from "@tributary/model";
import { batchWrite, graphItemKey } from "@tributary/runtime";
import type { StewardGraph } from "../functions/steward";
import { DynamoGraph } from "./dynamo-graph";

/** The identity graph with what stewards did, below each identifier that they named. */
export class DynamoStewardGraph extends DynamoGraph implements StewardGraph {
  async noteAction(action: StewardAction): Promise<void> {
    const part = stewardPart(action);
    const requests = [...new Set(action.identifiers)].map((key) => ({
      PutRequest: {
        Item: { ...graphItemKey(identifierItemKey(identifierOfKey(key)), part), action: { S: JSON.stringify(action) } },
      },
    }));
    await batchWrite(this.dynamo(), this.names.graph, requests);
  }

  async actions(identifiers: readonly Identifier[]): Promise<StewardAction[]> {
    const found = new Map<string, StewardAction>();
    for (const identifier of identifiers) {
      for (const { part, action } of await this.parts(identifierItemKey(identifier), stewardParts)) {
        if (action?.S !== undefined) found.set(part?.S ?? "", JSON.parse(action.S) as StewardAction);
      }
    }
    return [...found].sort((x, y) => (x[0] < y[0] ? -1 : 1)).map(([, action]) => action);
  }
}
