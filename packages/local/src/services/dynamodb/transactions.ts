import { hash } from "node:crypto";
import type * as api from "@aws-sdk/client-dynamodb";
import { AwsError, type Kernel, type Table as StoreTable } from "../../kernel";
import { type Action, checkAction, deleteAction, keyed, putAction, updateAction } from "./actions";
import { consumed, readUnits, writeUnits } from "./capacity";
import { Expressions } from "./expressions/bind";
import { project } from "./expressions/project";
import { notifyAll } from "./item-operations";
import type { Tables } from "./tables";
import { type Item, refuse } from "./values";

type Plain<T> = Omit<T, "$metadata">;

interface Token {
  readonly hash: string;
  /** Epoch milliseconds. */
  readonly expires: number;
}

const maxActions = 100;
const maxBytes = 4 * 2 ** 20;
/** How long a `ClientRequestToken` makes a repeated transaction do nothing. */
const tokenMs = 600_000;

/**
 * `TransactWriteItems` and `TransactGetItems`. Writes are serialised here, so that `TransactionConflict` does not
 * occur.
 */
export class Transactions {
  private readonly tokens: StoreTable<Token>;

  constructor(
    private readonly kernel: Kernel,
    private readonly tables: Tables,
  ) {
    this.tokens = kernel.store.table<Token>("dynamodb.tokens");
  }

  async write(input: api.TransactWriteItemsCommandInput): Promise<Plain<api.TransactWriteItemsCommandOutput>> {
    const requests = bounded(input.TransactItems);
    const actions = requests.map((request) => this.action(request));
    refuseSharedItems(actions.map(({ table, place }) => `${table.name} ${place.join(" ")}`));
    const token = input.ClientRequestToken;
    const digest = token === undefined ? "" : hash("sha256", JSON.stringify(input.TransactItems));
    const units = await this.kernel.store.write(() => {
      if (token !== undefined && this.isRepeat(token, digest)) return undefined;
      return this.commit(actions);
    });
    notifyAll(actions.map(({ table }) => table));
    return capacityOf(input.ReturnConsumedCapacity, units ?? new Map());
  }

  get(input: api.TransactGetItemsCommandInput): Plain<api.TransactGetItemsCommandOutput> {
    const units = new Map<string, number>();
    const gets = bounded(input.TransactItems).map(({ Get }) => {
      if (!Get) throw refuse("Each TransactGetItem must contain Get");
      const { table, place } = keyed(this.tables, Get);
      const expressions = new Expressions(Get);
      const paths = expressions.projection(Get.ProjectionExpression);
      expressions.finish();
      return { table, place, paths };
    });
    refuseSharedItems(gets.map(({ table, place }) => `${table.name} ${place.join(" ")}`));
    let bytes = 0;
    const responses = gets.map(({ table, place, paths }) => {
      const stored = table.read(place);
      bytes += stored?.z ?? 0;
      units.set(table.name, (units.get(table.name) ?? 0) + 2 * readUnits(stored?.z ?? 0, true));
      if (!stored) return {};
      return { Item: (paths ? project(stored.i, paths) : stored.i) as Record<string, api.AttributeValue> };
    });
    if (bytes > maxBytes) throw refuse("The aggregate size of the items in the transaction exceeds 4 MB");
    return { Responses: responses, ...capacityOf(input.ReturnConsumedCapacity, units) };
  }

  /** Forgets request tokens past their time. */
  async forgetTokens(): Promise<void> {
    const now = this.kernel.now();
    const expired = [...this.tokens.entries()].filter(({ value }) => value.expires <= now);
    if (expired.length === 0) return;
    await this.kernel.store.write(() => {
      for (const { key } of expired) this.tokens.remove(key);
    });
  }

  private action(request: api.TransactWriteItem): Action {
    const { Put, Update, Delete, ConditionCheck } = request;
    const given = [Put, Update, Delete, ConditionCheck].filter((each) => each !== undefined);
    if (given.length !== 1) {
      throw refuse(
        "TransactItems can only contain one of Check, Put, Update or Delete; each of its members must contain exactly one",
      );
    }
    if (Put) return putAction(this.tables, Put);
    if (Update) return updateAction(this.tables, Update);
    return Delete ? deleteAction(this.tables, Delete) : checkAction(this.tables, ConditionCheck ?? {});
  }

  /** Inside `Store.write`: checks everything, then changes everything, or throws with a reason for each action. */
  private commit(actions: readonly Action[]): Map<string, number> {
    const units = new Map<string, number>();
    const reasons: api.CancellationReason[] = [];
    const changes: { action: Action; old: Item | undefined; item: Item | undefined; size: number }[] = [];
    let bytes = 0;
    for (const action of actions) {
      const old = action.table.read(action.place)?.i;
      try {
        const { item, size } = action.next(old);
        changes.push({ action, old, item, size });
        reasons.push({ Code: "None" });
        bytes += size;
        const name = action.table.name;
        units.set(name, (units.get(name) ?? 0) + 2 * writeUnits(size));
      } catch (error) {
        reasons.push(reasonOf(error));
      }
    }
    if (reasons.some(({ Code }) => Code !== "None")) {
      const codes = reasons.map(({ Code }) => Code).join(", ");
      throw new AwsError(
        "TransactionCanceledException",
        `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
        { details: { CancellationReasons: reasons } },
      );
    }
    if (bytes > maxBytes) throw refuse("The aggregate size of the items in the transaction exceeds 4 MB");
    for (const { action, old, item, size } of changes) {
      if (action.check || (item === undefined && old === undefined)) continue;
      action.table.write(action.place, old, item, size);
    }
    return units;
  }

  /** Inside `Store.write`: whether this very request was already done; remembers it where not. */
  private isRepeat(token: string, digest: string): boolean {
    const now = this.kernel.now();
    const known = this.tokens.get(token);
    if (known && known.expires > now) {
      if (known.hash === digest) return true;
      throw new AwsError(
        "IdempotentParameterMismatchException",
        "The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical",
      );
    }
    this.tokens.put(token, { hash: digest, expires: now + tokenMs });
    return false;
  }
}

/** What AWS would blame on an action becomes its reason; everything else is thrown on. */
function reasonOf(error: unknown): api.CancellationReason {
  if (!(error instanceof AwsError)) throw error;
  if (error.name === "ConditionalCheckFailedException") {
    return { Code: "ConditionalCheckFailed", Message: error.message, ...error.details };
  }
  if (error.name === "ValidationException") return { Code: "ValidationError", Message: error.message };
  throw error;
}

function bounded<T>(items: T[] | undefined): T[] {
  if (Array.isArray(items) && items.length > 0 && items.length <= maxActions) return items;
  throw refuse(
    `1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length between 1 and ${maxActions}`,
  );
}

function refuseSharedItems(places: readonly string[]): void {
  if (new Set(places).size !== places.length) {
    throw refuse("Transaction request cannot include multiple operations on one item");
  }
}

function capacityOf(wanted: string | undefined, units: ReadonlyMap<string, number>) {
  const list = [...units].flatMap(([name, count]) => consumed(wanted, name, count).ConsumedCapacity ?? []);
  return list.length > 0 ? { ConsumedCapacity: list } : {};
}
