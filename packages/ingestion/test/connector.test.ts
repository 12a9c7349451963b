import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callbackText } from "@tributary/core";
import fc from "fast-check";
import {
  apiKey,
  basicAuth,
  type ConnectorDefinition,
  customAuth,
  defineConnector,
  type EntityDefinition,
  oauth2,
} from "../src/connector";
import { fieldsIn, holds, parseFilter, required } from "../src/domain/connector/filter";
import { handleConnectorRequest } from "../src/domain/connector/handle";
import type { Ports } from "../src/domain/connector/http";
import { crm as definition } from "./fixtures/crm/connector";
import { Crm } from "./fixtures/crm/server";

const crm = new Crm();
beforeAll(async () => {
  await crm.start();
});
afterAll(() => crm.stop());
beforeEach(() => {
  crm.contacts.clear();
  crm.done.clear();
  crm.calls.length = 0;
  crm.refusals.length = 0;
  secretText = JSON.stringify({ apiKey: crm.apiKey });
});

let secretText = "";
const reads: boolean[] = [];
const slept: number[] = [];
const ports: Ports = {
  fetch,
  secret: async (arn, fresh) => {
    expect(arn).toBe("arn:secret");
    reads.push(fresh);
    return fresh && secretText === "stale" ? JSON.stringify({ apiKey: crm.apiKey }) : secretText.replace("stale", "{}");
  },
  sleep: async (ms) => void slept.push(ms),
  now: () => Date.parse("2026-11-01T00:00:00Z"),
  random: () => 1,
  remaining: () => 60_000,
};
beforeEach(() => {
  reads.length = 0;
  slept.length = 0;
});

interface Answer extends Record<string, unknown> {
  isSuccess: boolean;
  errorDetails?: { errorCode: string; errorMessage: string; retryAfterSeconds?: number };
  records?: string[];
  nextToken?: string;
  writeRecordResults?: { isSuccess: boolean; recordId?: string; errorMessage?: string }[];
}
const credentials = { secretArn: "arn:secret", authenticationType: "ApiKey" };
const context = () => ({ credentials, apiVersion: "1", connectorRuntimeSettings: { instanceUrl: crm.url } });
/** A request as AppFlow sends it: optional members are there as null. */
const ask = async (type: string, request: object = {}, of: ConnectorDefinition = definition): Promise<Answer> => {
  const answer = await handleConnectorRequest({ type: `${type}Request`, ...request }, of, ports);
  expect(answer.type).toBe(`${type}Response`);
  return answer as Answer;
};
const about = (entityIdentifier: string, more: object = {}) => ({
  entityIdentifier,
  connectorContext: context(),
  ...more,
});
const rows = (answer: Answer) => (answer.records ?? []).map((text) => JSON.parse(text) as Record<string, unknown>);

describe("what the connector is", () => {
  test("DescribeConnectorConfiguration", async () => {
    expect(await ask("DescribeConnectorConfiguration", { locale: "en-US" })).toMatchObject({
      isSuccess: true,
      connectorOwner: "acme-crm",
      connectorName: "acme-crm",
      connectorVersion: "1.0",
      connectorModes: ["SOURCE", "DESTINATION"],
      authenticationConfig: {
        isApiKeyAuthSupported: true,
        isBasicAuthSupported: false,
        isOAuth2Supported: false,
        isCustomAuthSupported: true,
        customAuthConfig: [
          {
            authenticationType: "signed",
            authParameters: [
              { key: "keyId", sensitiveField: false },
              { key: "secret", sensitiveField: true },
            ],
          },
        ],
      },
      connectorRuntimeSetting: [{ key: "instanceUrl", dataType: "String", required: true, scope: "CONNECTOR_PROFILE" }],
      supportedApiVersions: ["1"],
      supportedWriteOperations: ["INSERT", "UPDATE", "UPSERT", "DELETE"],
    });
    const { auth: _, ...rest } = definition;
    const other = defineConnector({ ...rest, auth: [basicAuth(), oauth2({ tokenUrls: ["https://a.example/token"] })] });
    expect(await ask("DescribeConnectorConfiguration", {}, other)).toMatchObject({
      authenticationConfig: {
        isBasicAuthSupported: true,
        oAuth2Defaults: { tokenURL: ["https://a.example/token"], oAuth2GrantTypesSupported: ["CLIENT_CREDENTIALS"] },
      },
    });
  });

  test("ListEntities in pages, and none below a path", async () => {
    const first = await ask("ListEntities", {
      connectorContext: context(),
      entitiesPath: null,
      nextToken: null,
      maxResult: 1,
    });
    expect(first).toMatchObject({
      entities: [{ entityIdentifier: "contacts", hasNestedEntities: false, isWritable: true, label: "Contacts" }],
      nextToken: "1",
    });
    const second = await ask("ListEntities", { connectorContext: context(), nextToken: "1" });
    expect(second).toMatchObject({ entities: [{ entityIdentifier: "deals", isWritable: false }] });
    expect(second.nextToken).toBeUndefined();
    expect(await ask("ListEntities", { connectorContext: context(), entitiesPath: "contacts" })).toMatchObject({
      entities: [],
    });
  });

  test("DescribeEntity", async () => {
    const { entityDefinition } = (await ask("DescribeEntity", about("contacts"))) as unknown as {
      entityDefinition: { fields: { fieldName: string }[] };
    };
    const field = (name: string) => entityDefinition.fields.find(({ fieldName }) => fieldName === name);
    expect(field("id")).toMatchObject({
      dataType: "String",
      isPrimaryKey: true,
      writeProperties: { supportedWriteOperations: ["UPDATE", "UPSERT", "DELETE"] },
    });
    expect(field("updatedAt")).toMatchObject({
      readProperties: { isTimestampFieldForIncrementalQueries: true, isQueryable: true },
      writeProperties: { isUpdatable: false },
    });
    expect(field("tags")).toMatchObject({ dataType: "List", readProperties: { isQueryable: false } });
    expect(await ask("DescribeEntity", about("people"))).toMatchObject({
      isSuccess: false,
      errorDetails: { errorCode: "ResourceNotFoundError", errorMessage: expect.stringContaining("contacts, deals") },
    });
  });

  test("ValidateConnectorRuntimeSettings", async () => {
    const given = (connectorRuntimeSettings: object) =>
      ask("ValidateConnectorRuntimeSettings", { scope: "CONNECTOR_PROFILE", connectorRuntimeSettings });
    expect(await given({ instanceUrl: crm.url })).toMatchObject({ isSuccess: true });
    expect(await given({ instanceUr: crm.url })).toMatchObject({
      isSuccess: false,
      errorsByInputField: { instanceUrl: "is required", instanceUr: "is no setting of this connector" },
      errorDetails: { errorCode: "InvalidArgument" },
    });
  });

  test("ValidateCredentials", async () => {
    const settings = { connectorRuntimeSettings: { instanceUrl: crm.url } };
    expect(await ask("ValidateCredentials", { credentials, ...settings })).toMatchObject({ isSuccess: true });
    secretText = JSON.stringify({ apiKey: "wrong" });
    const refused = await ask("ValidateCredentials", { credentials, ...settings });
    expect(refused).toMatchObject({
      isSuccess: false,
      errorDetails: { errorCode: "InvalidCredentials", errorMessage: "GET /v1/me: status 401" },
    });
    secretText = JSON.stringify({ customCredentials: { keyId: "key-1", secret: crm.signingSecret } });
    expect(
      await ask("ValidateCredentials", {
        credentials: { ...credentials, authenticationType: "CustomAuth" },
        ...settings,
      }),
    ).toMatchObject({ isSuccess: true });
    expect(
      await ask("ValidateCredentials", {
        credentials: { ...credentials, authenticationType: "BasicAuth" },
        ...settings,
      }),
    ).toMatchObject({ errorDetails: { errorMessage: expect.stringContaining("does not sign in by BasicAuth") } });
  });

  test("what is no request is told as such", async () => {
    expect(await ask("Drop")).toMatchObject({ isSuccess: false, errorDetails: { errorCode: "InvalidArgument" } });
    expect(await ask("QueryData", { entityIdentifier: 7 })).toMatchObject({
      errorDetails: { errorMessage: expect.stringMatching(/entityIdentifier: .*connectorContext: /s) },
    });
    expect(await handleConnectorRequest(null, definition, ports)).toMatchObject({ isSuccess: false });
  });
});

describe("reading", () => {
  const readAll = async (entity: string, request: object, of = definition) => {
    const all: Record<string, unknown>[] = [];
    let nextToken: string | null = null;
    let pages = 0;
    do {
      const answer: Answer = await ask(
        "QueryData",
        about(entity, { selectedFieldNames: null, filterExpression: null, ...request, nextToken }),
        of,
      );
      expect(answer.errorDetails).toBeUndefined();
      all.push(...rows(answer));
      nextToken = answer.nextToken ?? null;
      pages += 1;
    } while (nextToken !== null);
    return { all, pages };
  };

  test("every page, each record once, whatever maxResults is", async () => {
    crm.add(250);
    const expected = [...crm.contacts.keys()];
    for (const maxResults of [1000, 100, 33]) {
      const { all, pages } = await readAll("contacts", { maxResults });
      expect(all.map(({ id }) => id)).toEqual(expected);
      expect(pages).toBe(Math.ceil(250 / maxResults));
    }
    expect((await readAll("contacts", {})).all[0]).toEqual({
      id: expected[0],
      email: `${expected[0]}@example.com`,
      name: `Person ${expected[0]}`,
      visits: 0,
      tags: [],
      updatedAt: "2026-10-01T12:00:00.000Z",
    });
  });

  test("numbered pages end at the short one", async () => {
    crm.deals.splice(
      0,
      Number.POSITIVE_INFINITY,
      ...Array.from({ length: 15 }, (_, number) => ({ number, amount: number / 2, closedAt: "2026-01-01" })),
    );
    const { all } = await readAll("deals", { filterExpression: "amount >= 3.5 and not number = 9" });
    expect(all.map(({ number }) => number)).toEqual([7, 8, 10, 11, 12, 13, 14]);
  });

  test("filters go to the API where it knows them, and every record is checked", async () => {
    crm.add(60);
    const filterExpression = "updatedAt between 2026-10-05T00:00:00.000Z and 2026-10-06T23:59:59.000Z AND visits > 10";
    const { all } = await readAll("contacts", { filterExpression, selectedFieldNames: ["id", "updatedAt"] });
    expect(all.length).toBeGreaterThan(0);
    for (const record of all) expect(Object.keys(record)).toEqual(["id", "updatedAt"]);
    expect(new Set(all.map(({ updatedAt }) => String(updatedAt).slice(0, 10)))).toEqual(
      new Set(["2026-10-05", "2026-10-06"]),
    );
    expect(crm.calls[0]).toContain(
      "updated_since=2026-10-05T00%3A00%3A00.000Z&updated_until=2026-10-06T23%3A59%3A59.000Z",
    );
    const exclusive = await readAll("contacts", {
      filterExpression: "updatedAt > 2026-10-05T12:00:00.000Z and updatedAt <= 2026-10-06T12:00:00.000Z",
    });
    expect(exclusive.all.every(({ updatedAt }) => updatedAt === "2026-10-06T12:00:00.000Z")).toBe(true);
    expect(await ask("QueryData", about("contacts", { filterExpression: "mail = 'x'" }))).toMatchObject({
      errorDetails: { errorMessage: expect.stringContaining("contacts has no field mail") },
    });
  });

  test("an answer that would be too large goes on in the next", async () => {
    crm.add(90, () => ({ name: "x".repeat(100_000) }));
    const { all, pages } = await readAll("contacts", {});
    expect(new Set(all.map(({ id }) => id)).size).toBe(90);
    expect(pages).toBe(3);
  });

  test("RetrieveData by identifier and by another field", async () => {
    crm.add(5);
    const byId = await ask(
      "RetrieveData",
      about("contacts", {
        selectedFieldNames: ["email"],
        idFieldName: null,
        ids: ["c00001", "gone", ...[...crm.contacts.keys()].slice(0, 2)],
      }),
    );
    expect(rows(byId)).toHaveLength(2);
    const [email] = [...crm.contacts.values()].map((contact) => contact.email);
    const byEmail = await ask(
      "RetrieveData",
      about("contacts", { selectedFieldNames: ["id", "email"], idFieldName: "email", ids: [email] }),
    );
    expect(rows(byEmail)).toEqual([{ id: [...crm.contacts.keys()][0], email }]);
    expect(crm.calls.at(-1)).toContain("email=");
  });

  test("refusals for now are waited for, those for good are told by their code", async () => {
    crm.add(1);
    const query = () => ask("QueryData", about("contacts"));
    crm.refusals.push({ status: 429, retryAfter: "2" }, { status: 503 }, { status: 500 });
    expect((await query()).isSuccess).toBe(true);
    expect(slept).toEqual([2_000, 2_000, 4_000]);
    crm.refusals.push(...Array.from({ length: 4 }, () => ({ status: 429, retryAfter: "7" })));
    expect(await query()).toMatchObject({
      isSuccess: false,
      errorDetails: { errorCode: "RateLimitExceeded", retryAfterSeconds: 7 },
    });
    const before = slept.length;
    crm.refusals.push({ status: 429, retryAfter: "3600" });
    expect(await query()).toMatchObject({ errorDetails: { errorCode: "RateLimitExceeded", retryAfterSeconds: 3600 } });
    expect(slept).toHaveLength(before);
    for (const [status, errorCode] of [
      [400, "InvalidArgument"],
      [403, "AccessDenied"],
      [409, "ClientError"],
      [302, "ClientError"],
    ] as const) {
      crm.refusals.push({ status });
      expect(await query()).toMatchObject({ errorDetails: { errorCode } });
    }
  });

  test("a token that was renewed meanwhile is read again, once", async () => {
    crm.add(1);
    secretText = "stale";
    expect(await ask("QueryData", about("contacts"))).toMatchObject({
      isSuccess: false,
      errorDetails: { errorCode: "InvalidCredentials" },
    });
    secretText = JSON.stringify({ apiKey: "expired" });
    const renewed: Ports = {
      ...ports,
      secret: async (_, fresh) => JSON.stringify({ apiKey: fresh ? crm.apiKey : "expired" }),
    };
    const answer = await handleConnectorRequest(
      { type: "QueryDataRequest", ...about("contacts") },
      definition,
      renewed,
    );
    expect(answer).toMatchObject({ isSuccess: true });
  });

  test("credentials go to the definition's host alone, and never into a message", async () => {
    const elsewhere = defineConnector({
      ...definition,
      entities: {
        contacts: {
          ...(definition.entities.contacts as EntityDefinition),
          list: { path: "/contacts", records: "data", paging: { kind: "url", next: "data.0.email" } },
        },
      },
    });
    crm.add(1, () => ({ email: "https://evil.example/next" }));
    expect(await ask("QueryData", about("contacts"), elsewhere)).toMatchObject({
      errorDetails: { errorCode: "ServerError", errorMessage: expect.stringContaining("another host (evil.example)") },
    });
    secretText = "not json s3cret";
    const told = await ask("QueryData", about("contacts"));
    expect(JSON.stringify(told)).not.toContain("s3cret");
    expect(
      await ask("QueryData", {
        entityIdentifier: "contacts",
        connectorContext: { ...context(), connectorRuntimeSettings: { instanceUrl: "http://crm.example.com" } },
      }),
    ).toMatchObject({ errorDetails: { errorMessage: expect.stringContaining("in the clear") } });
  });
});

describe("writing", () => {
  const write = (operation: string, records: object[], more: object = {}) =>
    ask(
      "WriteData",
      about("contacts", {
        operation,
        idFieldNames: null,
        records: records.map((record) => JSON.stringify(record)),
        allOrNone: null,
        ...more,
      }),
    );

  test("each operation, with a result per record", async () => {
    const inserted = await write("INSERT", [{ email: "a@example.com" }, { email: "b@example.com" }]);
    expect(inserted).toMatchObject({ isSuccess: true, writeRecordResults: [{ isSuccess: true }, { isSuccess: true }] });
    const [a, b] = (inserted.writeRecordResults ?? []).map(({ recordId }) => recordId);
    expect(crm.contacts.get(a ?? "")).toMatchObject({ email: expect.stringMatching(/^[ab]@/) });
    expect(await write("UPDATE", [{ id: a, name: "Ann" }])).toMatchObject({
      isSuccess: true,
      writeRecordResults: [{ recordId: a }],
    });
    expect(await write("UPSERT", [{ id: "mine/1", email: "c@example.com" }])).toMatchObject({ isSuccess: true });
    expect(crm.contacts.get("mine/1")).toMatchObject({ email: "c@example.com" });
    expect(await write("DELETE", [{ id: ".." }])).toMatchObject({
      errorDetails: { errorMessage: "id must not be dots alone" },
    });
    expect(await write("DELETE", [{ id: b }])).toMatchObject({ isSuccess: true });
    expect(crm.contacts.has(b ?? "")).toBe(false);
    expect(crm.contacts.get(a ?? "")).toMatchObject({ name: "Ann" });
  });

  test("what cannot be written is named; the rest is", async () => {
    const answer = await write("INSERT", [{ email: "a@example.com" }, { name: "no mail" }]);
    expect(answer).toMatchObject({
      isSuccess: false,
      errorDetails: { errorCode: "PartialWriteFailure", errorMessage: expect.stringContaining("1 of 2 records") },
      writeRecordResults: [{ isSuccess: true }, { isSuccess: false, errorMessage: "POST /v1/contacts: status 422" }],
    });
    expect(await write("UPDATE", [{ name: "no id" }])).toMatchObject({
      isSuccess: false,
      errorDetails: { errorCode: "InvalidArgument", errorMessage: "id is missing" },
    });
    const stopped = await write("INSERT", [{ email: "1@example.com" }, {}, { email: "3@example.com" }], {
      allOrNone: true,
    });
    expect(stopped.writeRecordResults).toEqual([
      expect.objectContaining({ isSuccess: true }),
      expect.objectContaining({ isSuccess: false }),
      { isSuccess: false, errorMessage: "not written, as another record failed" },
    ]);
    expect([...crm.contacts.values()].map(({ email }) => email)).toEqual(["a@example.com", "1@example.com"]);
    expect(await ask("WriteData", about("deals", { operation: "INSERT", records: ["{}"] }))).toMatchObject({
      errorDetails: { errorMessage: expect.stringContaining("only read") },
    });
  });

  test("a lost answer doubles nothing", async () => {
    crm.refusals.push({ status: 500, afterDoing: true });
    expect(await write("INSERT", [{ email: "once@example.com" }])).toMatchObject({ isSuccess: true });
    expect(crm.calls).toHaveLength(2);
    expect(crm.contacts.size).toBe(1);
    const { contacts } = definition.entities;
    const bare = defineConnector({
      ...definition,
      entities: {
        contacts: { ...(contacts as EntityDefinition), write: { INSERT: { method: "POST", path: "/contacts" } } },
      },
    });
    crm.refusals.push({ status: 500 });
    const request = about("contacts", { operation: "INSERT", records: ['{"email":"x@example.com"}'] });
    expect(await ask("WriteData", request, bare)).toMatchObject({
      isSuccess: false,
      errorDetails: { errorCode: "ServerError" },
    });
    expect(crm.calls).toHaveLength(3);
  });
});

describe("filter expressions", () => {
  test.each([
    ["a = 1 or b = 2 and c = 3", { a: 1 }, true],
    ["(a = 1 or b = 2) and c = 3", { a: 1 }, false],
    ["NOT (a = 'x') AND b = true", { a: "y", b: true }, true],
    ["a contains 'ell'", { a: "hello" }, true],
    ["a in ('x', 'it\\'s')", { a: "it's" }, true],
    ['a = "in \\"quotes\\""', { a: 'in "quotes"' }, true],
    ["a != null", {}, false],
    ["a = null", {}, true],
    ["a < 10", { a: 9 }, true],
    ["a < '10'", { a: "9" }, false],
    ["at >= 2026-01-01", { at: "2026-01-01T00:00:00+00:00" }, true],
    ["at > 2026-01-01T00:00:00Z", { at: "2026-01-01T01:00:00+01:00" }, false],
    ["n > -5.5", { n: -5 }, true],
  ])("%s", (text, record, wanted) => expect(holds(parseFilter(text), record)).toBe(wanted));

  test.each(["a =", "= 1", "a = 'x", "a = 1 b = 2", "a between 1", "a in (1", "(a = 1", "a = b", "a = 1 LIMIT 5"])(
    "%s is refused with its place",
    (text) => expect(() => parseFilter(text)).toThrow(/filterExpression, character \d+ of \d+/),
  );

  const seed = 7;
  test(`any expression means what it is made of (seed ${seed})`, () => {
    const name = fc.constantFrom("a", "b", "c");
    const leaf = fc.tuple(name, fc.constantFrom("=", "!=", ">", ">=", "<", "<="), fc.integer({ min: -3, max: 3 }));
    type Tree = { readonly text: string; readonly means: (record: Record<string, number>) => boolean };
    const simple = leaf.map(([field, is, value]): Tree => {
      const means = (record: Record<string, number>) => {
        const found = record[field] ?? 0;
        const verdicts = {
          "=": found === value,
          "!=": found !== value,
          ">": found > value,
          ">=": found >= value,
          "<": found < value,
          "<=": found <= value,
        };
        return verdicts[is as keyof typeof verdicts];
      };
      return { text: `${field} ${is} ${value}`, means };
    });
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        simple,
        fc.tuple(tie("tree"), tie("tree"), fc.constantFrom("and", "OR")).map(
          ([left, right, by]): Tree => ({
            text: `(${left.text}) ${by} (${right.text})`,
            means: (record) =>
              by === "and" ? left.means(record) && right.means(record) : left.means(record) || right.means(record),
          }),
        ),
        tie("tree").map((inner): Tree => ({ text: `not (${inner.text})`, means: (record) => !inner.means(record) })),
      ),
    }));
    const small = fc.integer({ min: -3, max: 3 });
    fc.assert(
      fc.property(tree, fc.record({ a: small, b: small, c: small }), ({ text, means }, record) => {
        const parsed = parseFilter(text);
        expect(holds(parsed, record)).toBe(means(record));
        // What may be left to the API holds for every wanted record.
        if (means(record))
          for (const condition of required(parsed)) expect(holds({ kind: "is", condition }, record)).toBe(true);
        expect(fieldsIn(parsed).every((field) => text.includes(field))).toBe(true);
      }),
      { seed, numRuns: 300 },
    );
  });
});

describe("the definition", () => {
  test("every fault at once, with its path and what to do", () => {
    const wrong = {
      name: "a b",
      version: "",
      baseUrl: "http://api.example.com/{shop}",
      auth: [{ type: "Magic" }, customAuth({ name: "", parameters: {}, apply: undefined as never })],
      entities: {
        x: {
          fields: { "a.b": "String", n: "Int" },
          identifier: "id",
          list: { path: "/x", paging: { kind: "page", parameter: "p" }, filters: { q: { "~": "q" } } },
          write: { INSERT: { method: "POST", path: "/{q}" }, MERGE: {} },
        },
      },
    };
    let message = "";
    try {
      defineConnector(wrong as unknown as ConnectorDefinition);
    } catch (error) {
      message = String(error);
    }
    for (const path of [
      "name: ",
      "version: ",
      "baseUrl: has {shop}",
      "baseUrl: would send",
      'auth: "Magic"',
      "auth: customAuth() needs a name",
      "needs apply",
      "fields.a.b",
      '"Int" is no type',
      'identifier: "id"',
      "list.pageSize",
      "filters.q: is no field",
      "~: is no comparison",
      "write.INSERT.path: has {q}",
      "write.MERGE: is no operation",
    ])
      expect(message).toContain(path);
    expect(() => defineConnector(undefined as never)).toThrow("must be an object");
    expect(defineConnector({ ...definition, auth: apiKey() }).auth).toEqual({ type: "ApiKey" });
  });

  test("embedded as a closure and as a module it does the same in Node alone", async () => {
    crm.add(3);
    const texts = [
      await callbackText("connector", () => definition),
      await callbackText("connector", { module: require.resolve("./fixtures/crm/connector"), export: "connector" }),
    ];
    for (const [index, text] of texts.entries()) {
      const file = join(mkdtempSync(join(tmpdir(), "tributary-connector-")), `connector-${index}.cjs`);
      writeFileSync(file, text);
      const alone = execFileSync(process.execPath, ["-e", `console.log(require(${JSON.stringify(file)})().name)`], {
        encoding: "utf8",
      });
      expect(alone.trim()).toBe("acme-crm");
      const loaded = (createRequire(file)(file) as () => ConnectorDefinition)();
      expect(rows(await ask("QueryData", about("contacts"), loaded))).toHaveLength(3);
      secretText = JSON.stringify({ keyId: "key-1", secret: crm.signingSecret });
      const signed = { ...context(), credentials: { ...credentials, authenticationType: "CustomAuth" } };
      expect(await ask("QueryData", { entityIdentifier: "contacts", connectorContext: signed }, loaded)).toMatchObject({
        isSuccess: true,
      });
      secretText = JSON.stringify({ apiKey: crm.apiKey });
    }
  });
});
