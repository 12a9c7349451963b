import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Kernel, type Realiser, type Resource } from "../../src/kernel";
import { type DynamoDbService, install, sweepExpired, trimStreams } from "../../src/services/dynamodb";

type Value = Record<string, unknown>;
type Item = Record<string, Value>;
interface Page {
  Items?: Item[];
  Count: number;
  ScannedCount: number;
  LastEvaluatedKey?: Item;
}

const tableType = "aws:dynamodb/table:Table";
const S = (value: string) => ({ S: value });
const N = (value: number | string) => ({ N: String(value) });

describe("dynamodb", () => {
  let dataDir: string;
  let now: number;
  let kernel: Kernel;
  let realisers: Map<string, Realiser>;

  const open = () => {
    kernel = new Kernel({ dataDir, now: () => now });
    realisers = new Map(install(kernel).map((realiser) => [realiser.type, realiser]));
  };
  const service = () => kernel.service("dynamodb") as unknown as DynamoDbService;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "tributary-dynamodb-"));
    now = Date.UTC(2026, 0, 1);
    open();
  });
  afterEach(async () => {
    await kernel.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const call = <O = Page>(operation: string, input: object) =>
    kernel.call<O>("dynamodb", operation, { TableName: "t", ...input });
  const put = (Item: Item, extra: object = {}) => call<{ Attributes?: Item }>("PutItem", { Item, ...extra });
  const get = async (Key: Item, extra: object = {}) => (await call<{ Item?: Item }>("GetItem", { Key, ...extra })).Item;
  const update = (Key: Item, UpdateExpression: string, extra: object = {}) =>
    call<{ Attributes?: Item }>("UpdateItem", { Key, UpdateExpression, ...extra });
  const all = async (operation: "Query" | "Scan", input: object): Promise<Item[]> => {
    const items: Item[] = [];
    let ExclusiveStartKey: Item | undefined;
    do {
      const page: Page = await call(operation, { ...input, ...(ExclusiveStartKey ? { ExclusiveStartKey } : {}) });
      items.push(...(page.Items ?? []));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return items;
  };
  const table = async (inputs: object = {}, previous?: Resource): Promise<Resource> => {
    const realiser = realisers.get(tableType);
    if (!realiser) throw new Error("no realiser");
    const registered = {
      urn: "urn:t",
      type: tableType,
      name: "t",
      inputs: {
        name: "t",
        hashKey: "pk",
        rangeKey: "sk",
        attributes: [
          { name: "pk", type: "S" },
          { name: "sk", type: "S" },
        ],
        billingMode: "PAY_PER_REQUEST",
        ...inputs,
      },
    };
    const { id, outputs } = await realiser.compute(registered, kernel, previous);
    const resource = { ...registered, id, outputs: { ...registered.inputs, ...outputs } };
    await realiser.attach?.(resource, kernel);
    return resource;
  };
  const key = (pk: string, sk: string) => ({ pk: S(pk), sk: S(sk) });
  const withStream = { streamEnabled: true, streamViewType: "NEW_AND_OLD_IMAGES" };
  const bySku = {
    attributes: [
      { name: "pk", type: "S" },
      { name: "sk", type: "S" },
      { name: "sku", type: "S" },
      { name: "at", type: "N" },
    ],
    globalSecondaryIndexes: [
      { name: "bySku", hashKey: "sku", rangeKey: "at", projectionType: "ALL" },
      { name: "keysOnly", hashKey: "sku", projectionType: "KEYS_ONLY" },
    ],
    localSecondaryIndexes: [{ name: "byTime", rangeKey: "at", projectionType: "INCLUDE", nonKeyAttributes: ["note"] }],
  };
  /** What a stream's records say, over all shards in order of their numbers. */
  const changes = (arn: string): Record<string, unknown>[] => {
    const log = kernel.logs.get(arn);
    if (!log) throw new Error(`no stream ${arn}`);
    return log
      .shards()
      .flatMap((shard) => log.read(shard, undefined, 1000).map((record) => log.toLambda(shard, record)))
      .sort((a, b) => (sequenceOf(a) < sequenceOf(b) ? -1 : 1));
  };
  const sequenceOf = (record: Record<string, unknown>) =>
    (record.dynamodb as { SequenceNumber: string }).SequenceNumber;

  describe("items", () => {
    it("puts, gets, projects and deletes, numbers in canonical form", async () => {
      await table();
      const item = { ...key("a", "1"), n: N("1.50"), deep: { M: { list: { L: [N(1), { B: new Uint8Array([7]) }] } } } };
      expect(await put(item)).toEqual({});
      const stored = { ...item, n: N("1.5") };
      expect(JSON.stringify(await get(key("a", "1")))).toBe(
        JSON.stringify({ ...stored, deep: { M: { list: { L: [N(1), { B: Buffer.from([7]) }] } } } }),
      );
      expect(await get(key("a", "1"), { ProjectionExpression: "n" })).toEqual({ n: N("1.5") });
      expect(await get(key("a", "2"))).toBeUndefined();
      expect((await put({ ...key("a", "1"), n: N(2) }, { ReturnValues: "ALL_OLD" })).Attributes?.n).toEqual(N("1.5"));
      const deleted = await call<{ Attributes?: Item }>("DeleteItem", { Key: key("a", "1"), ReturnValues: "ALL_OLD" });
      expect(deleted.Attributes).toEqual({ ...key("a", "1"), n: N(2) });
      expect(await get(key("a", "1"))).toBeUndefined();
    });

    it("writes only where the condition holds, and says what was there", async () => {
      await table();
      const first = { ...key("a", "1"), v: N(1) };
      const once = { ConditionExpression: "attribute_not_exists(pk)" };
      await put(first, once);
      await expect(put({ ...first, v: N(2) }, once)).rejects.toMatchObject({
        name: "ConditionalCheckFailedException",
        message: "The conditional request failed",
        details: {},
      });
      await expect(
        put({ ...first, v: N(2) }, { ...once, ReturnValuesOnConditionCheckFailure: "ALL_OLD" }),
      ).rejects.toMatchObject({ details: { Item: first } });
      expect(await get(key("a", "1"))).toEqual(first);
      const older = { ConditionExpression: "v < :v", ExpressionAttributeValues: { ":v": N(1) } };
      await expect(call("DeleteItem", { Key: key("a", "1"), ...older })).rejects.toMatchObject({
        name: "ConditionalCheckFailedException",
      });
      await expect(put(key("b", "1"), older)).rejects.toMatchObject({ name: "ConditionalCheckFailedException" });
    });

    it("lets exactly one of many concurrent conditional puts win", async () => {
      await table();
      const race = await Promise.allSettled(
        Array.from({ length: 40 }, (_, index) =>
          put({ ...key("a", "1"), by: N(index) }, { ConditionExpression: "attribute_not_exists(pk)" }),
        ),
      );
      expect(race.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    });

    it("updates in place, makes what is not there, and returns what is asked for", async () => {
      await table();
      const add = { ExpressionAttributeValues: { ":one": N(1) }, ReturnValues: "UPDATED_NEW" };
      expect(await update(key("a", "1"), "ADD hits :one SET first_at = if_not_exists(first_at, :one)", add)).toEqual({
        Attributes: { hits: N(1), first_at: N(1) },
      });
      await Promise.all(Array.from({ length: 50 }, () => update(key("a", "1"), "ADD hits :one", add)));
      expect(await get(key("a", "1"))).toEqual({ ...key("a", "1"), hits: N(51), first_at: N(1) });
      const replace = { ExpressionAttributeValues: { ":m": { M: { a: S("x"), b: S("y") } } }, ReturnValues: "NONE" };
      expect(await update(key("a", "1"), "SET doc = :m", replace)).toEqual({});
      const nested = { ExpressionAttributeValues: { ":z": S("z") } };
      expect(await update(key("a", "1"), "SET doc.a = :z", { ...nested, ReturnValues: "UPDATED_OLD" })).toEqual({
        Attributes: { doc: { M: { a: S("x") } } },
      });
      expect((await update(key("a", "1"), "REMOVE hits, first_at", { ReturnValues: "ALL_NEW" })).Attributes).toEqual({
        ...key("a", "1"),
        doc: { M: { a: S("z"), b: S("y") } },
      });
      expect(await update(key("a", "1"), "REMOVE gone", { ReturnValues: "UPDATED_NEW" })).toEqual({});
    });

    it.each([
      [
        "another key name",
        "GetItem",
        { Key: { id: S("a"), sk: S("1") } },
        "The provided key element does not match the schema",
      ],
      ["half a key", "GetItem", { Key: { pk: S("a") } }, "The provided key element does not match the schema"],
      [
        "a key of another type",
        "DeleteItem",
        { Key: { pk: N(1), sk: S("1") } },
        "The provided key element does not match the schema",
      ],
      ["an item without its key", "PutItem", { Item: { pk: S("a") } }, "Missing the key sk in the item"],
      [
        "an item with a key of another type",
        "PutItem",
        { Item: { pk: S("a"), sk: N(1) } },
        "Type mismatch for key sk expected: S actual: N",
      ],
      ["an empty key", "PutItem", { Item: { pk: S(""), sk: S("1") } }, "cannot contain an empty string value. Key: pk"],
      [
        "a key that is too long",
        "PutItem",
        { Item: { pk: S("a"), sk: S("x".repeat(1025)) } },
        "Size of rangekey has exceeded",
      ],
      [
        "an item of more than 400 KB",
        "PutItem",
        { Item: { ...key("a", "1"), x: S("x".repeat(409_600)) } },
        "Item size has exceeded the maximum allowed size",
      ],
      ["no item", "PutItem", {}, "Member must not be null"],
      [
        "a key in an update",
        "UpdateItem",
        { Key: key("a", "1"), UpdateExpression: "REMOVE sk" },
        "This attribute is part of the key",
      ],
      [
        "an unknown index",
        "Query",
        { IndexName: "none", KeyConditionExpression: "pk = :p" },
        "The table does not have the specified index: none",
      ],
      ["no key condition", "Query", {}, "KeyConditionExpression parameter must be specified"],
      [
        "a key condition without the partition key",
        "Query",
        { KeyConditionExpression: "sk = :p", ExpressionAttributeValues: { ":p": S("a") } },
        "Query condition missed key schema element: pk",
      ],
      [
        "a range on the partition key",
        "Query",
        { KeyConditionExpression: "pk > :p", ExpressionAttributeValues: { ":p": S("a") } },
        "Query key condition not supported",
      ],
      [
        "an OR in a key condition",
        "Query",
        { KeyConditionExpression: "pk = :p OR pk = :p", ExpressionAttributeValues: { ":p": S("a") } },
        "Invalid operator used in KeyConditionExpression: OR",
      ],
      [
        "a key in a filter",
        "Query",
        { KeyConditionExpression: "pk = :p", FilterExpression: "sk = :p", ExpressionAttributeValues: { ":p": S("a") } },
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
      ],
      ["a limit of 0", "Scan", { Limit: 0 }, "Member must have value greater than or equal to 1"],
      ["a foreign starting key", "Scan", { ExclusiveStartKey: { pk: S("a") } }, "The provided starting key is invalid"],
      ["a segment out of range", "Scan", { Segment: 4, TotalSegments: 4 }, "must be less than parameter TotalSegments"],
    ])("refuses %s", async (_, operation, input, message) => {
      await table();
      const error = { name: "ValidationException", message: expect.stringContaining(message) };
      await expect(call(operation, input)).rejects.toMatchObject(error);
    });

    it("names what it does not do and what is not there", async () => {
      await expect(put(key("a", "1"))).rejects.toMatchObject({
        name: "ResourceNotFoundException",
        message: "Requested resource not found",
      });
      await table();
      await expect(put(key("a", "1"), { Expected: {} })).rejects.toThrow(
        /NotSupportedLocally: dynamodb parameter Expected/,
      );
      await expect(call("ExecuteStatement", { Statement: "select" })).rejects.toMatchObject({
        name: "NotSupportedLocally",
      });
    });
  });

  describe("queries", () => {
    it("agrees with a naive filter and sort, for every operator, direction and page size", async () => {
      await table({
        attributes: [
          { name: "pk", type: "S" },
          { name: "sk", type: "N" },
        ],
      });
      const number = fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constantFrom(0.5, -0.5, 1e20, -1e20, 3.25));
      const condition = fc.oneof(
        fc.constantFrom("=", "<", "<=", ">", ">=").chain((op) => number.map((a) => ({ op, a, b: a }))),
        fc.tuple(number, number).map(([x, y]) => ({ op: "between", a: Math.min(x, y), b: Math.max(x, y) })),
        fc.constant({ op: "all", a: 0, b: 0 }),
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(number, { maxLength: 25 }),
          condition,
          fc.boolean(),
          fc.integer({ min: 1, max: 7 }),
          async (keys, { op, a, b }, forward, Limit) => {
            run += 1;
            const pk = S(`run ${run}`);
            await Promise.all(keys.map((sk) => put({ pk, sk: N(sk), even: { BOOL: sk % 2 === 0 } })));
            const wanted = (sk: number) =>
              op === "all" ||
              (op === "=" && sk === a) ||
              (op === "<" && sk < a) ||
              (op === "<=" && sk <= a) ||
              (op === ">" && sk > a) ||
              (op === ">=" && sk >= a) ||
              (op === "between" && sk >= a && sk <= b);
            const expected = keys.filter(wanted).sort((x, y) => (forward ? x - y : y - x));
            const range = op === "all" ? "" : op === "between" ? " AND sk BETWEEN :a AND :b" : ` AND sk ${op} :a`;
            const values = {
              ":p": pk,
              ...(op === "all" ? {} : { ":a": N(a) }),
              ...(op === "between" ? { ":b": N(b) } : {}),
            };
            const input = {
              KeyConditionExpression: `pk = :p${range}`,
              ExpressionAttributeValues: values,
              ScanIndexForward: forward,
            };
            const seen = (await all("Query", { ...input, Limit })).map(({ sk }) => Number(sk?.N));
            expect(seen).toEqual(expected);
            const filtered = await all("Query", {
              ...input,
              Limit,
              FilterExpression: "even = :t",
              ExpressionAttributeValues: { ...values, ":t": { BOOL: true } },
            });
            expect(filtered.map(({ sk }) => Number(sk?.N))).toEqual(expected.filter((sk) => sk % 2 === 0));
          },
        ),
        { numRuns: 60 },
      );
    });

    it("finds text prefixes in both directions, whatever the characters", async () => {
      await table();
      const keys = ["a", "ab", "ab\u0000", "ab\u0001c", "ab\uffff", "ab\u{10ffff}z", "ac", "b", "abé"];
      for (const sk of keys) await put(key("p", sk));
      const expected = keys
        .filter((each) => each.startsWith("ab"))
        .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const input = {
        KeyConditionExpression: "pk = :p AND begins_with(sk, :b)",
        ExpressionAttributeValues: { ":p": S("p"), ":b": S("ab") },
      };
      const forward = await all("Query", { ...input, Limit: 2 });
      expect(forward.map(({ sk }) => sk?.S)).toEqual(expected);
      const backward = await all("Query", { ...input, Limit: 2, ScanIndexForward: false });
      expect(backward.map(({ sk }) => sk?.S)).toEqual([...expected].reverse());
    });

    it("counts before the filter, pages at the limit and at 1 MB", async () => {
      await table();
      for (let index = 0; index < 5; index += 1) {
        await put({ ...key("p", `${index}`), odd: { BOOL: index % 2 === 1 }, fill: S("x".repeat(300_000)) });
      }
      const input = { KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": S("p") } };
      const first = await call("Query", { ...input, Select: "COUNT" });
      expect(first).toEqual({ Count: 4, ScannedCount: 4, LastEvaluatedKey: key("p", "3") });
      const rest = await call("Query", { ...input, ExclusiveStartKey: first.LastEvaluatedKey });
      expect(rest).toMatchObject({ Count: 1, ScannedCount: 1 });
      expect(rest.LastEvaluatedKey).toBeUndefined();
      const filtered = await call("Query", {
        KeyConditionExpression: "pk = :p",
        FilterExpression: "odd = :t",
        ExpressionAttributeValues: { ":p": S("p"), ":t": { BOOL: true } },
        ProjectionExpression: "sk",
        Limit: 3,
      });
      expect(filtered).toEqual({
        Items: [{ sk: S("1") }],
        Count: 1,
        ScannedCount: 3,
        LastEvaluatedKey: key("p", "2"),
      });
    });

    it("scans everything once, also in segments", async () => {
      await table();
      for (let index = 0; index < 60; index += 1) await put(key(`p${index % 20}`, `${index}`));
      const ids = (items: Item[]) => items.map(({ sk }) => Number(sk?.S)).sort((a, b) => a - b);
      const expected = Array.from({ length: 60 }, (_, index) => index);
      expect(ids(await all("Scan", { Limit: 7 }))).toEqual(expected);
      const segments = await Promise.all(
        [0, 1, 2].map((Segment) => all("Scan", { Segment, TotalSegments: 3, Limit: 5 })),
      );
      expect(ids(segments.flat())).toEqual(expected);
      expect(segments.every((segment) => segment.length > 0)).toBe(true);
    });

    it("queries a table without sort key in either direction", async () => {
      await table({ rangeKey: undefined, attributes: [{ name: "pk", type: "S" }] });
      await put({ pk: S("a"), v: N(1) });
      for (const ScanIndexForward of [true, false]) {
        const page = await call("Query", {
          KeyConditionExpression: "#p = :p",
          ExpressionAttributeNames: { "#p": "pk" },
          ExpressionAttributeValues: { ":p": S("a") },
          ScanIndexForward,
        });
        expect(page.Items).toEqual([{ pk: S("a"), v: N(1) }]);
      }
    });
  });

  describe("indexes", () => {
    const query = (IndexName: string, extra: object = {}) =>
      all("Query", {
        IndexName,
        KeyConditionExpression: "sku = :s",
        ExpressionAttributeValues: { ":s": S("red") },
        ...extra,
      });

    it("follow every change of their items, sparse and in order", async () => {
      await table(bySku);
      const order = (sk: string, sku: string, at: number, note = "n") => ({
        ...key("p", sk),
        sku: S(sku),
        at: N(at),
        note: S(note),
      });
      await put(order("1", "red", 10));
      await put(order("2", "red", 9));
      await put(order("3", "blue", 1));
      await put({ ...key("p", "4"), sku: S("red") });
      expect((await query("bySku")).map(({ sk }) => sk?.S)).toEqual(["2", "1"]);
      expect(await query("keysOnly", { Limit: 1 })).toHaveLength(3);
      expect((await query("keysOnly"))[0]).not.toHaveProperty("note");
      await put(order("1", "red", 8, "changed"));
      expect((await query("bySku")).map(({ sk }) => sk?.S)).toEqual(["1", "2"]);
      expect((await query("bySku"))[0]?.note).toEqual(S("changed"));
      await update(key("p", "2"), "SET sku = :b", { ExpressionAttributeValues: { ":b": S("blue") } });
      await update(key("p", "4"), "REMOVE sku");
      expect((await query("bySku")).map(({ sk }) => sk?.S)).toEqual(["1"]);
      expect(await query("keysOnly")).toHaveLength(1);
      await call("DeleteItem", { Key: key("p", "1") });
      expect(await query("bySku")).toEqual([]);
      expect(await all("Scan", { IndexName: "bySku", Limit: 1 })).toHaveLength(2);
    });

    it("tell items with equal index keys apart and page through them", async () => {
      await table(bySku);
      for (let index = 0; index < 9; index += 1)
        await put({ ...key(`p${index}`, "x".repeat(1000)), sku: S("red"), at: N(1) });
      const page = await call("Query", {
        IndexName: "bySku",
        KeyConditionExpression: "sku = :s AND #at <= :t",
        ExpressionAttributeNames: { "#at": "at" },
        ExpressionAttributeValues: { ":s": S("red"), ":t": N(1) },
        Limit: 4,
      });
      expect(Object.keys(page.LastEvaluatedKey ?? {}).sort()).toEqual(["at", "pk", "sk", "sku"]);
      for (const ScanIndexForward of [true, false]) {
        const items = await query("bySku", { Limit: 4, ScanIndexForward });
        expect(new Set(items.map(({ pk }) => pk?.S)).size).toBe(9);
        expect(items).toHaveLength(9);
      }
    });

    it("show what they hold: a local one fetches the rest on demand, a global one refuses", async () => {
      await table(bySku);
      await put({ ...key("p", "1"), sku: S("red"), at: N(1), note: S("kept"), misc: S("x") });
      const local = {
        IndexName: "byTime",
        KeyConditionExpression: "pk = :p",
        ExpressionAttributeValues: { ":p": S("p") },
      };
      expect(await all("Query", local)).toEqual([{ ...key("p", "1"), at: N(1), note: S("kept") }]);
      expect((await all("Query", { ...local, Select: "ALL_ATTRIBUTES" }))[0]).toHaveProperty("misc");
      await expect(query("keysOnly", { ProjectionExpression: "misc" })).rejects.toThrow("does not project [misc]");
      await expect(query("keysOnly", { Select: "ALL_ATTRIBUTES" })).rejects.toThrow("ALL_ATTRIBUTES is not supported");
      await expect(query("bySku", { ConsistentRead: true })).rejects.toThrow("Consistent reads are not supported");
      await expect(put({ ...key("p", "2"), sku: N(1) })).rejects.toThrow(
        "Type mismatch for Index Key sku Expected: S Actual: N",
      );
      await expect(put({ ...key("p", "2"), sku: S("") })).rejects.toThrow("empty string value. IndexName: bySku");
    });

    it("are built over what is there when they are added, and dropped when they go", async () => {
      const first = await table();
      for (let index = 0; index < 5; index += 1) await put({ ...key("p", `${index}`), sku: S("red"), at: N(index) });
      const { localSecondaryIndexes: _, ...global } = bySku;
      const second = await table(global, first);
      expect((await query("bySku")).map(({ at }) => Number(at?.N))).toEqual([0, 1, 2, 3, 4]);
      await table({}, second);
      await expect(query("bySku")).rejects.toThrow("does not have the specified index");
      expect(await all("Scan", {})).toHaveLength(5);
    });
  });

  describe("batches and transactions", () => {
    it("write and read many items over tables", async () => {
      await table();
      await call("CreateTable", {
        TableName: "other",
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "N" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        BillingMode: "PAY_PER_REQUEST",
      });
      await put(key("gone", "1"));
      const written = await call<object>("BatchWriteItem", {
        RequestItems: {
          t: [{ PutRequest: { Item: key("a", "1") } }, { DeleteRequest: { Key: key("gone", "1") } }],
          other: [{ PutRequest: { Item: { id: N(1) } } }],
        },
      });
      expect(written).toEqual({ UnprocessedItems: {} });
      const read = await call<{ Responses: Record<string, Item[]> }>("BatchGetItem", {
        RequestItems: { t: { Keys: [key("a", "1"), key("gone", "1")] }, other: { Keys: [{ id: N("1.0") }] } },
      });
      expect(read).toEqual({ Responses: { t: [key("a", "1")], other: [{ id: N(1) }] }, UnprocessedKeys: {} });
      const twice = {
        RequestItems: { t: [{ PutRequest: { Item: key("b", "1") } }, { DeleteRequest: { Key: key("b", "1") } }] },
      };
      await expect(call("BatchWriteItem", twice)).rejects.toThrow("Provided list of item keys contains duplicates");
      const many = Array.from({ length: 26 }, (_, index) => ({ PutRequest: { Item: key("b", `${index}`) } }));
      await expect(call("BatchWriteItem", { RequestItems: { t: many } })).rejects.toThrow("Too many items requested");
    });

    it("insert what is new, each item by itself; other statements are refused by name", async () => {
      const { outputs } = await table(withStream);
      await put({ ...key("a", "1"), v: N(1) });
      const before = changes(String(outputs.streamArn)).length;
      const Statement = `INSERT INTO "t" VALUE {'${Object.keys(key("a", "1")).join("': ?, '")}': ?, 'v': ?}`;
      const insert = (name: string, v: number) => ({
        Statement,
        Parameters: [...Object.values(key(name, "1")), N(v)],
      });
      const written = await call<object>("BatchExecuteStatement", {
        Statements: [insert("b", 2), insert("a", 3), insert("c", 4), insert("c", 5)],
      });
      const error = { Code: "DuplicateItem", Message: "Duplicate primary key exists in table" };
      expect(written).toEqual({
        Responses: [
          { TableName: "t" },
          { Error: error, TableName: "t" },
          { TableName: "t" },
          { Error: error, TableName: "t" },
        ],
      });
      expect(await Promise.all(["a", "b", "c"].map((name) => get(key(name, "1"))))).toEqual(
        ["a", "b", "c"].map((name, index) => ({ ...key(name, "1"), v: N([1, 2, 4][index] as number) })),
      );
      expect(changes(String(outputs.streamArn)).length).toBe(before + 2);
      const batch = (...Statements: object[]) => call("BatchExecuteStatement", { Statements });
      await expect(batch({ Statement: `DELETE FROM "t" WHERE x = ?` })).rejects.toThrow(/NotSupportedLocally.*DELETE/);
      await expect(batch({ Statement, Parameters: [] })).rejects.toThrow("Number of parameters");
      await expect(batch()).rejects.toThrow("between 1 and 25");
      expect(service().permissions("BatchExecuteStatement", { Statements: [insert("d", 1)] } as never)).toEqual([
        { action: "dynamodb:PartiQLInsert", resource: expect.stringMatching(/:table\/t$/) },
      ]);
    });

    it("do all or nothing, with a reason for each action", async () => {
      const { outputs } = await table(withStream);
      await put({ ...key("a", "1"), v: N(1), words: S("x") });
      const before = changes(String(outputs.streamArn)).length;
      const values = { ExpressionAttributeValues: { ":one": N(1) } };
      const transaction = {
        TransactItems: [
          { Put: { TableName: "t", Item: key("new", "1") } },
          { Update: { TableName: "t", Key: key("a", "1"), UpdateExpression: "SET n = words + :one", ...values } },
          {
            ConditionCheck: {
              TableName: "t",
              Key: key("a", "2"),
              ConditionExpression: "attribute_exists(pk)",
            },
          },
          {
            Delete: {
              TableName: "t",
              Key: key("b", "1"),
              ConditionExpression: "attribute_not_exists(pk)",
            },
          },
        ],
      };
      await expect(call("TransactWriteItems", transaction)).rejects.toMatchObject({
        name: "TransactionCanceledException",
        message:
          "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ValidationError, ConditionalCheckFailed, None]",
        details: {
          CancellationReasons: [
            { Code: "None" },
            { Code: "ValidationError", Message: "An operand in the update expression has an incorrect data type" },
            { Code: "ConditionalCheckFailed", Message: "The conditional request failed" },
            { Code: "None" },
          ],
        },
      });
      expect(await get(key("new", "1"))).toBeUndefined();
      expect(changes(String(outputs.streamArn))).toHaveLength(before);
      const good = {
        TransactItems: [
          { Put: { TableName: "t", Item: key("new", "1"), ConditionExpression: "attribute_not_exists(pk)" } },
          { Update: { TableName: "t", Key: key("a", "1"), UpdateExpression: "ADD v :one", ...values } },
        ],
        ClientRequestToken: "token-1",
      };
      expect(await call("TransactWriteItems", good)).toEqual({});
      // The same token again does nothing, as a retry after a lost answer must.
      expect(await call("TransactWriteItems", good)).toEqual({});
      expect((await get(key("a", "1")))?.v).toEqual(N(2));
      const other = { ...good, TransactItems: good.TransactItems.slice(0, 1) };
      await expect(call("TransactWriteItems", other)).rejects.toMatchObject({
        name: "IdempotentParameterMismatchException",
      });
      now += 600_001;
      await expect(call("TransactWriteItems", good)).rejects.toMatchObject({ name: "TransactionCanceledException" });
      const read = await call<{ Responses: { Item?: Item }[] }>("TransactGetItems", {
        TransactItems: [
          { Get: { TableName: "t", Key: key("new", "1") } },
          { Get: { TableName: "t", Key: key("no", "1") } },
        ],
      });
      expect(read.Responses).toEqual([{ Item: key("new", "1") }, {}]);
      const shared = [good.TransactItems[0], { Delete: { TableName: "t", Key: key("new", "1") } }];
      await expect(call("TransactWriteItems", { TransactItems: shared })).rejects.toThrow(
        "multiple operations on one item",
      );
    });
  });

  describe("streams", () => {
    it("tell of every change in Lambda's shape, and of nothing else", async () => {
      const { outputs } = await table(withStream);
      const arn = String(outputs.streamArn);
      expect(arn).toMatch(/^arn:aws:dynamodb:us-east-1:000000000000:table\/t\/stream\/2026-01-01T00:00:00\.000$/);
      const woken = jest.fn();
      kernel.onWake(arn, woken);
      const first = { ...key("a", "1"), n: N(1), raw: { B: new Uint8Array([1, 2]) } };
      await put(first);
      await put(first);
      await update(key("a", "1"), "SET n = n", {});
      await update(key("a", "1"), "REMOVE n");
      await call("DeleteItem", { Key: key("a", "1") });
      await call("DeleteItem", { Key: key("a", "1") });
      await expect(put(first, { ConditionExpression: "attribute_exists(pk)" })).rejects.toThrow();
      const records = changes(arn);
      const inJson = { ...first, raw: { B: "AQI=" } };
      const { n: _, ...without } = inJson;
      expect(records.map(({ eventName }) => eventName)).toEqual(["INSERT", "MODIFY", "REMOVE"]);
      expect(records[0]).toEqual({
        eventID: expect.stringMatching(/^[0-9a-f]{32}$/),
        eventName: "INSERT",
        eventVersion: "1.1",
        eventSource: "aws:dynamodb",
        awsRegion: "us-east-1",
        dynamodb: {
          ApproximateCreationDateTime: now / 1000,
          Keys: key("a", "1"),
          NewImage: inJson,
          SequenceNumber: expect.stringMatching(/^\d{21,40}$/),
          SizeBytes: expect.any(Number),
          StreamViewType: "NEW_AND_OLD_IMAGES",
        },
        eventSourceARN: arn,
      });
      expect(records[1]?.dynamodb).toMatchObject({ NewImage: without, OldImage: inJson });
      expect(records[2]?.dynamodb).toMatchObject({ OldImage: without });
      expect(records[2]?.dynamodb).not.toHaveProperty("NewImage");
      expect(woken.mock.calls.length).toBeGreaterThanOrEqual(3);
    });

    it.each([
      ["KEYS_ONLY", false, false],
      ["NEW_IMAGE", true, false],
      ["OLD_IMAGE", false, true],
    ])("show with %s what that view shows", async (streamViewType, fresh, old) => {
      const { outputs } = await table({ streamEnabled: true, streamViewType });
      await put({ ...key("a", "1"), v: N(1) });
      await put({ ...key("a", "1"), v: N(2) });
      const record = changes(String(outputs.streamArn))[1]?.dynamodb as Record<string, unknown>;
      expect(["NewImage" in record, "OldImage" in record]).toEqual([fresh, old]);
      expect(record.Keys).toEqual(key("a", "1"));
    });

    it("keep the changes of one item in one shard, in order", async () => {
      const { outputs } = await table(withStream);
      const arn = String(outputs.streamArn);
      await Promise.all(Array.from({ length: 200 }, (_, index) => put({ ...key(`p${index % 10}`, "1"), v: N(index) })));
      const log = kernel.logs.get(arn);
      const shardsOf = new Map<string, Set<string>>();
      const last = new Map<string, number>();
      if (!log) throw new Error("no stream");
      for (const shard of log.shards()) {
        for (const record of log.read(shard, undefined, 1000)) {
          const { dynamodb } = log.toLambda(shard, record) as { dynamodb: { Keys: Item; NewImage: Item } };
          const pk = String(dynamodb.Keys.pk?.S);
          shardsOf.set(pk, (shardsOf.get(pk) ?? new Set()).add(shard));
          const v = Number(dynamodb.NewImage.v?.N);
          expect(v).toBeGreaterThan(last.get(pk) ?? -1);
          last.set(pk, v);
        }
      }
      expect(log.shards()).toHaveLength(4);
      expect([...shardsOf.values()].every((shards) => shards.size === 1)).toBe(true);
      expect(new Set([...shardsOf.values()].flatMap((shards) => [...shards])).size).toBeGreaterThan(1);
    });

    it("are read through the streams API, and trimmed after a day", async () => {
      const { outputs } = await table(withStream);
      const StreamArn = String(outputs.streamArn);
      const streams = <O>(operation: string, input: object) => kernel.call<O>("dynamodb-streams", operation, input);
      await put({ ...key("a", "1"), raw: { B: new Uint8Array([9]) } });
      expect(await streams("ListStreams", { TableName: "t" })).toMatchObject({
        Streams: [{ StreamArn, TableName: "t" }],
      });
      const { StreamDescription } = await streams<{ StreamDescription: { Shards: { ShardId: string }[] } }>(
        "DescribeStream",
        { StreamArn },
      );
      const read = async (ShardIteratorType: string) => {
        const records: { dynamodb: { NewImage: Item; ApproximateCreationDateTime: Date } }[] = [];
        for (const { ShardId } of StreamDescription.Shards) {
          const { ShardIterator } = await streams<{ ShardIterator: string }>("GetShardIterator", {
            StreamArn,
            ShardId,
            ShardIteratorType,
          });
          records.push(...(await streams<{ Records: typeof records }>("GetRecords", { ShardIterator })).Records);
        }
        return records;
      };
      const [record, ...others] = await read("TRIM_HORIZON");
      expect(others).toEqual([]);
      expect(Array.from(record?.dynamodb.NewImage.raw?.B as Uint8Array)).toEqual([9]);
      expect(record?.dynamodb.ApproximateCreationDateTime).toEqual(new Date(now));
      expect(await read("LATEST")).toEqual([]);
      now += 24 * 3_600_000 + 1;
      await trimStreams(kernel, service().tables);
      expect(await read("TRIM_HORIZON")).toEqual([]);
    });
  });

  it("deletes what has expired, as the service, and nothing else", async () => {
    const { outputs } = await table({ ...withStream, ttl: { attributeName: "expires", enabled: true } });
    const seconds = now / 1000;
    await put({ ...key("a", "soon"), expires: N(seconds + 10) });
    await put({ ...key("a", "later"), expires: N(seconds + 1000) });
    await put({ ...key("a", "text"), expires: S("never") });
    await put({ ...key("a", "ancient"), expires: N(1) });
    await put(key("a", "none"));
    const left = async () => (await all("Scan", {})).map(({ sk }) => sk?.S).sort();
    const sweep = () => sweepExpired(kernel, service().tables);
    expect(await sweep()).toBe(0);
    now += 10_000;
    await kernel.close();
    open();
    expect(await sweep()).toBe(1);
    expect(await left()).toEqual(["ancient", "later", "none", "text"]);
    expect(changes(String(outputs.streamArn)).at(-1)).toMatchObject({
      eventName: "REMOVE",
      userIdentity: { type: "Service", principalId: "dynamodb.amazonaws.com" },
    });
    await put({ ...key("a", "new"), expires: N(seconds + 20) });
    now += 10_000;
    expect(await sweep()).toBe(1);
    now += 1_000_000;
    expect(await sweep()).toBe(1);
    expect(await left()).toEqual(["ancient", "none", "text"]);
  });

  it("finds items, indexes and streams again after a restart", async () => {
    const resource = await table({ ...bySku, ...withStream });
    await put({ ...key("a", "1"), sku: S("red"), at: N(1), raw: { B: new Uint8Array([1, 2, 3]) } });
    const streamArn = String(resource.outputs.streamArn);
    const before = changes(streamArn);
    await kernel.close();
    now += 5000;
    open();
    await realisers.get(tableType)?.attach?.(resource, kernel);
    expect(Array.from((await get(key("a", "1")))?.raw?.B as Uint8Array)).toEqual([1, 2, 3]);
    expect(changes(streamArn)).toEqual(before);
    await put({ ...key("a", "2"), sku: S("red"), at: N(2) });
    expect(changes(streamArn).map(({ eventName }) => eventName)).toEqual(["INSERT", "INSERT"]);
    const found = await all("Query", {
      IndexName: "bySku",
      KeyConditionExpression: "sku = :s",
      ExpressionAttributeValues: { ":s": S("red") },
    });
    expect(found).toHaveLength(2);
    expect((await table({ ...bySku, ...withStream }, resource)).outputs.streamArn).toBe(streamArn);
  });

  it("protects tables from deletion, and deletes unprotected ones with all they hold", async () => {
    const resource = await table({ ...bySku, ...withStream, deletionProtectionEnabled: true });
    await put({ ...key("a", "1"), sku: S("red"), at: N(1) });
    const realiser = realisers.get(tableType);
    await expect(realiser?.destroy?.(resource, kernel)).rejects.toThrow("currently protected against deletion");
    await expect(call("DeleteTable", {})).rejects.toMatchObject({ name: "ValidationException" });
    expect(await get(key("a", "1"))).toBeDefined();
    const free = await table({ ...bySku, ...withStream }, resource);
    await realiser?.destroy?.(free, kernel);
    expect(kernel.logs.has(String(free.outputs.streamArn))).toBe(false);
    await expect(get(key("a", "1"))).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    now += 1000;
    const again = await table({ ...bySku, ...withStream });
    expect(await all("Scan", {})).toEqual([]);
    expect(changes(String(again.outputs.streamArn))).toEqual([]);
    await expect(table({ hashKey: "sk", rangeKey: undefined }, again)).rejects.toThrow("exists with another key");
  });

  it("describes tables, time to live and backups", async () => {
    const { outputs } = await table({
      ...bySku,
      ...withStream,
      serverSideEncryption: { enabled: true, kmsKeyArn: "arn:key" },
    });
    await put({ ...key("a", "1"), sku: S("red"), at: N(1) });
    const { Table } = await call<{ Table: object }>("DescribeTable", {});
    expect(Table).toMatchObject({
      TableArn: outputs.arn,
      TableStatus: "ACTIVE",
      ItemCount: 1,
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      LatestStreamArn: outputs.streamArn,
      SSEDescription: { KMSMasterKeyArn: "arn:key" },
    });
    expect(await call("ListTables", {})).toEqual({ TableNames: ["t"] });
    const ttl = (Enabled: boolean) =>
      call("UpdateTimeToLive", { TimeToLiveSpecification: { Enabled, AttributeName: "e" } });
    await ttl(true);
    await expect(ttl(true)).rejects.toThrow("TimeToLive is already enabled");
    expect(await call("DescribeTimeToLive", {})).toEqual({
      TimeToLiveDescription: { TimeToLiveStatus: "ENABLED", AttributeName: "e" },
    });
    await call("UpdateTable", { StreamSpecification: { StreamEnabled: false } });
    expect(kernel.logs.has(String(outputs.streamArn))).toBe(false);
    await expect(call("DescribeTable", { TableName: "none" })).rejects.toThrow("Table: none not found");
  });

  it("names the permissions that each call needs", () => {
    const of = (operation: string, input: object) => service().permissions(operation, input as never);
    const arn = "arn:aws:dynamodb:us-east-1:000000000000:table/t";
    expect(of("PutItem", { TableName: "t" })).toEqual([{ action: "dynamodb:PutItem", resource: arn }]);
    expect(of("Query", { TableName: arn, IndexName: "i" })).toEqual([
      { action: "dynamodb:Query", resource: `${arn}/index/i` },
    ]);
    expect(of("BatchGetItem", { RequestItems: { t: {} } })).toEqual([
      { action: "dynamodb:BatchGetItem", resource: arn },
    ]);
    const members = [{ Put: { TableName: "t" } }, { Put: { TableName: "t" } }, { ConditionCheck: { TableName: "t" } }];
    expect(of("TransactWriteItems", { TransactItems: members })).toEqual([
      { action: "dynamodb:PutItem", resource: arn },
      { action: "dynamodb:ConditionCheckItem", resource: arn },
    ]);
  });
});
