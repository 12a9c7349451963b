import { createHash } from "node:crypto";
import {
  type ConnectorDefinition,
  type ConnectorRecord,
  type EntityDefinition,
  fieldOf,
} from "../../connector/definition";
import { defaultMaxResults, type RequestOf, type RequestType, requestSchemas } from "./contract";
import { describeConnector, describeEntity, entityHead, settingFaults } from "./describe";
import { asFailure, ConnectorFailure } from "./failure";
import { type Expression, fieldsIn, parseFilter } from "./filter";
import { at, Client, fill, type Ports } from "./http";
import { checkFields, readRecords, recordOf, selected } from "./pages";
import { writeRecords } from "./write";

/** AppFlow's metadata cache: a new deployment's entities are seen within this time. */
const cacheControl = { timeToLive: 600, timeToLiveUnit: "SECONDS" };
/** Lambda's answers have at most 6 MB, in which every record's text is quoted once more. */
const mostBytes = 4 * 2 ** 20;
/** Time that one more page, or one more record, may take. */
const pageMs = 30_000;

type Respond = (
  request: never,
  definition: ConnectorDefinition,
  ports: Ports,
) => Promise<Record<string, unknown>> | Record<string, unknown>;

const respond: Readonly<Record<RequestType, Respond>> = {
  DescribeConnectorConfigurationRequest: (_: unknown, definition) => describeConnector(definition),
  ValidateConnectorRuntimeSettingsRequest(request: RequestOf<"ValidateConnectorRuntimeSettingsRequest">, definition) {
    const errorsByInputField = settingFaults(definition, request);
    const faults = Object.entries(errorsByInputField).map(([key, reason]) => `${key} ${reason}`);
    if (faults.length === 0) return { isSuccess: true };
    const errorDetails = new ConnectorFailure("InvalidArgument", faults.join("; ")).details;
    return { isSuccess: false, errorDetails, errorsByInputField };
  },
  async ValidateCredentialsRequest(request: RequestOf<"ValidateCredentialsRequest">, definition, ports) {
    const { credentials, connectorRuntimeSettings } = request;
    const client = new Client(definition, { credentials, connectorRuntimeSettings }, ports);
    const [first] = Object.values(definition.entities);
    const list = first?.list;
    const query = definition.check
      ? {}
      : { ...list?.query, ...(list?.pageSize ? { [list.pageSize.parameter]: "1" } : {}) };
    await client.call({ method: "GET", path: definition.check?.path ?? list?.path ?? "/", query, repeatable: true });
    return { isSuccess: true };
  },
  ListEntitiesRequest(request: RequestOf<"ListEntitiesRequest">, definition) {
    // No entity lies within another: below any path there is nothing.
    const all = request.entitiesPath ? [] : Object.entries(definition.entities);
    const from = request.nextToken ? Number(request.nextToken) : 0;
    if (!Number.isInteger(from) || from < 0)
      throw new ConnectorFailure("InvalidArgument", "nextToken is none that this connector gave");
    const end = from + (request.maxResult ?? defaultMaxResults);
    const entities = all.slice(from, end).map(([name, entity]) => entityHead(name, entity));
    return { isSuccess: true, entities, ...(end < all.length ? { nextToken: String(end) } : {}), cacheControl };
  },
  DescribeEntityRequest(request: RequestOf<"DescribeEntityRequest">, definition) {
    const entity = entityNamed(definition, request.entityIdentifier);
    return { isSuccess: true, entityDefinition: describeEntity(request.entityIdentifier, entity), cacheControl };
  },
  async QueryDataRequest(request: RequestOf<"QueryDataRequest">, definition, ports) {
    const entity = entityNamed(definition, request.entityIdentifier);
    const filter = parseFilter(request.filterExpression);
    checkFields(entity, request.entityIdentifier, [...(request.selectedFieldNames ?? []), ...fieldsIn(filter)]);
    const client = new Client(definition, request.connectorContext, ports);
    const result = await readRecords(client, entity, {
      filter,
      fields: request.selectedFieldNames ?? undefined,
      token: request.nextToken ?? undefined,
      most: request.maxResults ?? defaultMaxResults,
      bytes: mostBytes,
      goOn: () => ports.remaining() > pageMs,
    });
    return { isSuccess: true, ...result };
  },
  async RetrieveDataRequest(request: RequestOf<"RetrieveDataRequest">, definition, ports) {
    const entity = entityNamed(definition, request.entityIdentifier);
    const idField = request.idFieldName ?? entity.identifier;
    checkFields(entity, request.entityIdentifier, [...(request.selectedFieldNames ?? []), idField]);
    const client = new Client(definition, request.connectorContext, ports);
    const ids = request.ids ?? [];
    const read =
      entity.get && idField === entity.identifier ? getOne(client, entity) : findOne(client, entity, idField, ports);
    const found = await inOrder(ids, definition.limits?.concurrency ?? 4, read);
    return {
      isSuccess: true,
      records: found.flat().map((record) => JSON.stringify(selected(record, request.selectedFieldNames))),
    };
  },
  async WriteDataRequest(request: RequestOf<"WriteDataRequest">, definition, ports) {
    const entity = entityNamed(definition, request.entityIdentifier);
    return {
      ...(await writeRecords(
        {
          client: new Client(definition, request.connectorContext, ports),
          entity,
          concurrency: definition.limits?.concurrency ?? 4,
          keyOf: (text) => createHash("sha256").update(text).digest("hex").slice(0, 32),
          goOn: () => ports.remaining() > 10_000,
        },
        request,
      )),
    };
  },
};

/**
 * Answers any request of AppFlow's connector contract. Whatever goes wrong is an answer with `isSuccess: false` and
 * AppFlow's code, never a failed invocation: that AppFlow could not tell from a broken connector.
 * @param failed told of every failure, for the log
 */
export async function handleConnectorRequest(
  event: unknown,
  definition: ConnectorDefinition,
  ports: Ports,
  failed: (type: string, failure: ConnectorFailure) => void = () => {},
): Promise<Record<string, unknown>> {
  const given = (event as { type?: unknown } | null)?.type;
  const type = typeof given === "string" ? given : "no type";
  const answerType = { type: type.replace(/Request$/, "Response") };
  try {
    const schema = Object.hasOwn(requestSchemas, type) ? requestSchemas[type as RequestType] : undefined;
    if (!schema)
      throw new ConnectorFailure(
        "InvalidArgument",
        `${type} is no request; there is ${Object.keys(requestSchemas).join(", ")}`,
      );
    const request = schema.safeParse(event);
    if (!request.success) {
      const faults = request.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
      throw new ConnectorFailure("InvalidArgument", `${type}: ${faults.join("; ")}`);
    }
    return { ...answerType, ...(await respond[type as RequestType](request.data as never, definition, ports)) };
  } catch (error) {
    const failure = asFailure(error);
    failed(type, failure);
    return { ...answerType, isSuccess: false, errorDetails: failure.details };
  }
}

function entityNamed(definition: ConnectorDefinition, name: string): EntityDefinition {
  const entity = Object.hasOwn(definition.entities, name) ? definition.entities[name] : undefined;
  if (entity) return entity;
  throw new ConnectorFailure(
    "ResourceNotFoundError",
    `there is no entity ${name}; there is ${Object.keys(definition.entities).join(", ")}`,
  );
}

/** By the record's own address. One that is gone is no failure: AppFlow asks for what changed a while ago. */
function getOne(client: Client, entity: EntityDefinition): (id: string) => Promise<ConnectorRecord[]> {
  const { path = "", record } = entity.get ?? {};
  return async (id) => {
    try {
      const answer = await client.call({
        method: "GET",
        path: fill(path, { [entity.identifier]: id }),
        repeatable: true,
      });
      return [recordOf(entity, at(answer.body, record))];
    } catch (error) {
      const failure = asFailure(error);
      if (failure.status === 404 || failure.status === 410) return [];
      throw failure;
    }
  };
}

/** By the list, filtered: by the API where it can, by us where not. */
function findOne(
  client: Client,
  entity: EntityDefinition,
  field: string,
  ports: Ports,
): (id: string) => Promise<ConnectorRecord[]> {
  const given = entity.fields[field];
  const numeric = given !== undefined && /^(Integer|Long|Short|Float|Double)$/.test(fieldOf(given).type);
  return async (id) => {
    const filter: Expression = { kind: "is", condition: { field, is: "=", value: numeric ? Number(id) : id } };
    const found: ConnectorRecord[] = [];
    let token: string | undefined;
    do {
      const options = {
        filter,
        fields: undefined,
        token,
        most: defaultMaxResults,
        bytes: mostBytes,
        goOn: () => ports.remaining() > pageMs,
      };
      const { records, nextToken } = await readRecords(client, entity, options);
      found.push(...records.map((text) => JSON.parse(text) as ConnectorRecord));
      token = nextToken;
      if (token !== undefined && !options.goOn())
        throw new ConnectorFailure(
          "RequestTimeout",
          `${entity.list.path}: no time was left to look through every page; give the entity a get`,
        );
    } while (token !== undefined);
    return found;
  };
}

async function inOrder<T, R>(items: readonly T[], concurrency: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return results;
}
