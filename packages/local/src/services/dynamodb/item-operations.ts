import type * as api from "@aws-sdk/client-dynamodb";
import type { Kernel } from "../../kernel";
import { type Action, deleteAction, keyed, putAction, refuseLegacy, updateAction } from "./actions";
import { consumed, readUnits, writeUnits } from "./capacity";
import { Expressions } from "./expressions/bind";
import { project } from "./expressions/project";
import type { Table } from "./table";
import type { Tables } from "./tables";
import { type Item, refuse } from "./values";

type Plain<T> = Omit<T, "$metadata">;
type Attributes = Record<string, api.AttributeValue>;

/** What a change leaves behind. */
interface Outcome {
  readonly old: Item | undefined;
  readonly item: Item | undefined;
  readonly size: number;
}

/** The operations on single items. */
export class ItemOperations {
  constructor(
    private readonly kernel: Kernel,
    private readonly tables: Tables,
  ) {}

  getItem(input: api.GetItemCommandInput): Plain<api.GetItemCommandOutput> {
    refuseLegacy(input);
    const { table, place } = keyed(this.tables, input);
    const expressions = new Expressions(input);
    const paths = expressions.projection(input.ProjectionExpression);
    expressions.finish();
    const stored = table.read(place);
    const units = () => readUnits(stored?.z ?? 0, input.ConsistentRead);
    return {
      ...(stored ? { Item: (paths ? project(stored.i, paths) : stored.i) as Attributes } : {}),
      ...(input.ReturnConsumedCapacity ? consumed(input.ReturnConsumedCapacity, table.name, units()) : {}),
    };
  }

  async putItem(input: api.PutItemCommandInput): Promise<Plain<api.PutItemCommandOutput>> {
    return this.oldOnly(putAction(this.tables, input), input);
  }

  async deleteItem(input: api.DeleteItemCommandInput): Promise<Plain<api.DeleteItemCommandOutput>> {
    return this.oldOnly(deleteAction(this.tables, input), input);
  }

  async updateItem(input: api.UpdateItemCommandInput): Promise<Plain<api.UpdateItemCommandOutput>> {
    const action = updateAction(this.tables, input);
    const { old, item, size } = await this.run(action, true);
    const attributes = returned(input.ReturnValues, action, old, item);
    return {
      ...(attributes ? { Attributes: attributes as Attributes } : {}),
      ...consumed(input.ReturnConsumedCapacity, action.table.name, writeUnits(size)),
    };
  }

  /** Put and delete: they return the old item or nothing. */
  private async oldOnly(
    action: Action,
    input: { ReturnValues?: string | undefined; ReturnConsumedCapacity?: string | undefined },
  ) {
    const wanted = input.ReturnValues ?? "NONE";
    if (wanted !== "NONE" && wanted !== "ALL_OLD") throw refuse("Return values set to invalid value");
    const { old, size } = await this.run(action, wanted === "ALL_OLD");
    return {
      ...(wanted === "ALL_OLD" && old ? { Attributes: old as Attributes } : {}),
      ...consumed(input.ReturnConsumedCapacity, action.table.name, writeUnits(size)),
    };
  }

  private async run(action: Action, wantsOld: boolean): Promise<Outcome> {
    const { table } = action;
    const outcome = await this.kernel.store.write(() => apply(action, wantsOld));
    table.notify();
    return outcome;
  }
}

/** Carries an action out, inside `Store.write`. */
export function apply(action: Action, wantsOld = false): Outcome {
  const { table, place } = action;
  const old = action.needsOld || wantsOld ? table.read(place)?.i : undefined;
  const { item, size } = action.next(old);
  // Deleting what is not there changes nothing.
  if (item !== undefined || old !== undefined || !action.needsOld) table.write(place, old, item, size);
  return { old, item, size };
}

/** Wakes the readers of every table's stream, once each. */
export function notifyAll(tables: Iterable<Table>): void {
  for (const table of new Set(tables)) table.notify();
}

function returned(wanted = "NONE", action: Action, old: Item | undefined, item: Item | undefined): Item | undefined {
  const part = (from: Item | undefined) => {
    if (!from) return undefined;
    const kept = project(from, action.changed ?? []);
    return Object.keys(kept).length > 0 ? kept : undefined;
  };
  switch (wanted) {
    case "NONE":
      return undefined;
    case "ALL_OLD":
      return old;
    case "ALL_NEW":
      return item;
    case "UPDATED_OLD":
      return part(old);
    case "UPDATED_NEW":
      return part(item);
    default:
      throw refuse(
        `1 validation error detected: Value '${wanted}' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]`,
      );
  }
}
