import { AwsError, type Kernel, type Table as StoreTable } from "../../kernel";
import type { IndexDefinition, KeySchema, TableDefinition, ViewType } from "./schema";
import { type ItemTables, itemTables, Table, tableArn, tableNotFound } from "./table";

/** A table as its owner declares it; the registry adds ids and times. */
export interface TableDeclaration extends KeySchema {
  readonly name: string;
  readonly indexes: readonly Omit<IndexDefinition, "id">[];
  readonly stream?: ViewType;
  readonly ttl?: string;
  readonly billing: TableDefinition["billing"];
  readonly deletionProtection: boolean;
  readonly pointInTimeRecovery: boolean;
  readonly keyArn?: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** The tables that exist, on disk and at work. */
export class Tables {
  private readonly definitions: StoreTable<TableDefinition>;
  private readonly counters: StoreTable<number>;
  private readonly items: ItemTables;
  private readonly tables = new Map<string, Table>();

  constructor(private readonly kernel: Kernel) {
    this.definitions = kernel.store.table<TableDefinition>("dynamodb.tables");
    this.counters = kernel.store.table<number>("dynamodb.counters");
    this.items = itemTables(kernel);
    for (const { value } of this.definitions.entries()) this.open(value);
  }

  list(): Table[] {
    return [...this.tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): Table | undefined {
    return this.tables.get(name);
  }

  /** The table of a `TableName`, which may be an ARN. */
  require(nameOrArn: unknown): Table {
    if (typeof nameOrArn !== "string" || nameOrArn === "") {
      throw new AwsError(
        "ValidationException",
        "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null",
      );
    }
    const name = tableNameOf(nameOrArn);
    const table = this.tables.get(name);
    if (!table || (nameOrArn.startsWith("arn:") && nameOrArn !== tableArn(this.kernel, name))) throw tableNotFound();
    return table;
  }

  async create(declared: TableDeclaration): Promise<Table> {
    const definition = await this.kernel.store.write(() => {
      const definition = this.define(declared);
      this.definitions.put(definition.name, definition);
      return definition;
    });
    return this.open(definition);
  }

  /**
   * Makes a table what is declared: builds new indexes, drops old ones, starts or stops its stream. The key cannot
   * change.
   */
  async update(table: Table, declared: TableDeclaration): Promise<void> {
    const before = table.definition;
    if (JSON.stringify([before.hash, before.range]) !== JSON.stringify([declared.hash, declared.range])) {
      throw new AwsError(
        "ResourceInUseException",
        `Table ${before.name} exists with another key (${describeKey(before)}, declared: ${describeKey(declared)}). Delete it, or give the new one another name.`,
      );
    }
    const after = await this.kernel.store.write(() => {
      const after = this.define(declared, before);
      this.definitions.put(after.name, after);
      const kept = new Set(after.indexes.map(({ id }) => id));
      for (const index of before.indexes) if (!kept.has(index.id)) table.clearIndex(index);
      const known = new Set(before.indexes.map(({ id }) => id));
      for (const index of after.indexes) if (!known.has(index.id)) table.buildIndex(index);
      // A time to live set on existing items: let the next sweep look at all of them.
      if (after.ttl !== undefined && after.ttl !== before.ttl) table.setNextExpiry(0);
      if (before.stream && before.stream.id !== after.stream?.id) table.stream?.log.clear();
      return after;
    });
    table.definition = after;
  }

  async remove(table: Table): Promise<void> {
    if (table.definition.deletionProtection) {
      throw new AwsError(
        "ValidationException",
        `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first. (table ${table.name})`,
      );
    }
    this.tables.delete(table.name);
    if (table.stream) this.kernel.logs.delete(table.stream.arn);
    await this.kernel.store.write(() => {
      this.definitions.remove(table.name);
      table.clear();
    });
  }

  private define(declared: TableDeclaration, before?: TableDefinition): TableDefinition {
    const { stream: view, indexes, ...rest } = declared;
    const now = this.kernel.now();
    const stream =
      view === undefined || view === before?.stream?.view
        ? view && before?.stream
        : { id: this.nextId(), label: new Date(now).toISOString().slice(0, -1), view };
    return {
      ...rest,
      id: before?.id ?? this.nextId(),
      createdAt: before?.createdAt ?? now,
      indexes: indexes.map((index) => {
        const same = before?.indexes.find(({ id, ...old }) => JSON.stringify(old) === JSON.stringify(index));
        return { ...index, id: same?.id ?? this.nextId() };
      }),
      ...(stream ? { stream } : {}),
    };
  }

  /** A number that no table, index or stream of this data folder had before; inside `Store.write`. */
  private nextId(): number {
    const id = (this.counters.get("id") ?? 0) + 1;
    this.counters.put("id", id);
    return id;
  }

  private open(definition: TableDefinition): Table {
    const table = new Table(definition, this.kernel, this.items);
    this.tables.set(definition.name, table);
    return table;
  }
}

/** `arn:aws:dynamodb:…:table/orders` or `orders` → `orders`. */
export function tableNameOf(nameOrArn: string): string {
  return nameOrArn.replace(/^arn:.*:table\/([^/]+).*$/, "$1");
}

function describeKey({ hash, range }: KeySchema): string {
  return [hash, ...(range ? [range] : [])].map(({ name, type }) => `${name} ${type}`).join(", ");
}
