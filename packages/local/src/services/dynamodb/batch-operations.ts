import type * as api from "@aws-sdk/client-dynamodb";
import { AwsError, type Kernel } from "../../kernel";
import { type Action, deleteAction, keyed, putAction, refuseLegacy } from "./actions";
import { consumed, readUnits, writeUnits } from "./capacity";
import { Expressions } from "./expressions/bind";
import { project } from "./expressions/project";
import { apply, notifyAll } from "./item-operations";
import type { Tables } from "./tables";
import { type Item, itemSize, refuse } from "./values";

type Plain<T> = Omit<T, "$metadata">;

const maxWrites = 25;
const maxReads = 100;
/** Of a batch request and of a batch response. */
const maxBytes = 16 * 2 ** 20;

/** `BatchGetItem` and `BatchWriteItem`. Nothing is throttled here, so nothing comes back unprocessed for that. */
export class BatchOperations {
  constructor(
    private readonly kernel: Kernel,
    private readonly tables: Tables,
  ) {}

  batchGetItem(input: api.BatchGetItemCommandInput): Plain<api.BatchGetItemCommandOutput> {
    const requests = entriesOf(input.RequestItems, "BatchGetItem");
    const total = requests.reduce((sum, [, { Keys }]) => sum + (Keys?.length ?? 0), 0);
    if (total === 0 || total > maxReads) throw refuse("Too many items requested for the BatchGetItem call");
    const responses: Record<string, Record<string, api.AttributeValue>[]> = {};
    const unprocessed: Record<string, api.KeysAndAttributes> = {};
    const capacity: api.ConsumedCapacity[] = [];
    let bytes = 0;
    for (const [name, request] of requests) {
      refuseLegacy(request);
      const table = this.tables.require(name);
      const expressions = new Expressions(request);
      const paths = expressions.projection(request.ProjectionExpression);
      expressions.finish();
      const places = (request.Keys ?? []).map((Key) => keyed(this.tables, { TableName: name, Key }).place);
      refuseRepeats(places.map((place) => place.join(" ")));
      const found: Item[] = [];
      const left: Record<string, api.AttributeValue>[] = [];
      let units = 0;
      places.forEach((place, at) => {
        const stored = bytes < maxBytes ? table.read(place) : undefined;
        if (bytes >= maxBytes) left.push((request.Keys ?? [])[at] ?? {});
        units += readUnits(stored?.z ?? 0, request.ConsistentRead);
        if (!stored) return;
        bytes += stored.z;
        found.push(paths ? project(stored.i, paths) : stored.i);
      });
      responses[name] = found as Record<string, api.AttributeValue>[];
      if (left.length > 0) unprocessed[name] = { ...request, Keys: left };
      const used = consumed(input.ReturnConsumedCapacity, table.name, units).ConsumedCapacity;
      if (used) capacity.push(used);
    }
    return {
      Responses: responses,
      UnprocessedKeys: unprocessed,
      ...(capacity.length > 0 ? { ConsumedCapacity: capacity } : {}),
    };
  }

  async batchWriteItem(input: api.BatchWriteItemCommandInput): Promise<Plain<api.BatchWriteItemCommandOutput>> {
    const requests = entriesOf(input.RequestItems, "BatchWriteItem");
    const total = requests.reduce((sum, [, writes]) => sum + writes.length, 0);
    if (total === 0 || total > maxWrites) throw refuse("Too many items requested for the BatchWriteItem call");
    const actions: Action[] = [];
    const capacity: api.ConsumedCapacity[] = [];
    let bytes = 0;
    for (const [TableName, writes] of requests) {
      const table = this.tables.require(TableName);
      const sizes: number[] = [];
      const own = writes.map(({ PutRequest, DeleteRequest }) => {
        if ((PutRequest === undefined) === (DeleteRequest === undefined)) {
          throw refuse(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of PutRequest and DeleteRequest",
          );
        }
        if (!PutRequest) return deleteAction(this.tables, { TableName, Key: DeleteRequest?.Key });
        sizes.push(itemSize((PutRequest.Item ?? {}) as Item));
        return putAction(this.tables, { TableName, Item: PutRequest.Item });
      });
      refuseRepeats(own.map(({ place }) => place.join(" ")));
      actions.push(...own);
      bytes += sizes.reduce((sum, size) => sum + size, 0);
      const units = sizes.reduce((sum, size) => sum + writeUnits(size), own.length - sizes.length);
      const used = consumed(input.ReturnConsumedCapacity, table.name, units).ConsumedCapacity;
      if (used) capacity.push(used);
    }
    if (bytes > maxBytes) throw refuse("The size of the batch request exceeds 16 MB");
    await this.kernel.store.write(() => {
      for (const action of actions) apply(action);
    });
    notifyAll(actions.map(({ table }) => table));
    return { UnprocessedItems: {}, ...(capacity.length > 0 ? { ConsumedCapacity: capacity } : {}) };
  }
}

function entriesOf<T>(requests: Record<string, T> | undefined, operation: string): [string, T][] {
  const entries = Object.entries(requests ?? {});
  if (entries.length > 0) return entries;
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1 (${operation})`,
  );
}

function refuseRepeats(places: readonly string[]): void {
  if (new Set(places).size !== places.length) throw refuse("Provided list of item keys contains duplicates");
}
