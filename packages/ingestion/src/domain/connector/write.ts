import type { ConnectorRecord, EntityDefinition, WriteDefinition, WriteOperation } from "../../connector/definition";
import { placeholders } from "../../connector/faults";
import type { RequestOf } from "./contract";
import { asFailure, ConnectorFailure, type ErrorDetails } from "./failure";
import { at, type Client, fill } from "./http";

export interface WriteRecordResult {
  readonly isSuccess: boolean;
  readonly recordId?: string;
  readonly errorMessage?: string;
}

export interface WriteResult {
  readonly isSuccess: boolean;
  readonly errorDetails?: ErrorDetails;
  readonly writeRecordResults: readonly WriteRecordResult[];
}

export interface WriteParts {
  readonly client: Client;
  readonly entity: EntityDefinition;
  readonly concurrency: number;
  /** Makes the same key of the same text: AppFlow sends a call that it repeats with the records in the same places. */
  readonly keyOf: (text: string) => string;
  readonly goOn: () => boolean;
}

/** Writes each record by a call of its own and says of each what became of it, in the order they were sent. */
export async function writeRecords(parts: WriteParts, request: RequestOf<"WriteDataRequest">): Promise<WriteResult> {
  const { entity } = parts;
  const definition = entity.write?.[request.operation];
  if (!definition) {
    const offered = Object.keys(entity.write ?? {}).join(", ") || "none: it is only read";
    throw new ConnectorFailure(
      "InvalidArgument",
      `${request.entityIdentifier} cannot be written by ${request.operation}; there is ${offered}`,
    );
  }
  const ids = request.idFieldNames?.length ? request.idFieldNames : [entity.identifier];
  const failures: ConnectorFailure[] = [];
  const results: WriteRecordResult[] = new Array(request.records.length);
  const stop = () => (request.allOrNone === true && failures.length > 0) || !parts.goOn();
  let next = 0;
  const work = async () => {
    for (let index = next++; index < request.records.length; index = next++) {
      if (stop()) {
        // Refused aloud: AppFlow hands a record on as failed, never as written.
        failures.push(new ConnectorFailure("RequestTimeout", "not written"));
        results[index] = {
          isSuccess: false,
          errorMessage: request.allOrNone ? "not written, as another record failed" : "not written: no time was left",
        };
        continue;
      }
      try {
        const recordId = await writeOne(parts, definition, request.operation, ids, request.records[index] ?? "", index);
        results[index] = { isSuccess: true, ...(recordId === undefined ? {} : { recordId }) };
      } catch (error) {
        const failure = asFailure(error);
        failures.push(failure);
        results[index] = { isSuccess: false, errorMessage: failure.message };
      }
    }
  };
  // One at a time where the first failure must end it.
  const workers = request.allOrNone === true ? 1 : parts.concurrency;
  await Promise.all(Array.from({ length: Math.min(workers, request.records.length) }, work));
  const [first] = failures;
  if (!first) return { isSuccess: true, writeRecordResults: results };
  // AppFlow repeats the whole call after these, which is right only where nothing was written.
  const whole = failures.length === results.length && failures.every(({ code }) => code === first.code);
  const errorDetails: ErrorDetails = whole
    ? first.details
    : {
        errorCode: "PartialWriteFailure",
        errorMessage: `${failures.length} of ${results.length} records were not written; the first: ${first.message}`,
      };
  return { isSuccess: false, errorDetails, writeRecordResults: results };
}

async function writeOne(
  { client, entity, keyOf }: WriteParts,
  definition: WriteDefinition,
  operation: WriteOperation,
  ids: readonly string[],
  text: string,
  index: number,
): Promise<string | undefined> {
  const record = parsedRecord(text);
  const inPath = placeholders(definition.path);
  const path = fill(definition.path, {
    ...record,
    [entity.identifier]: record[entity.identifier] ?? record[ids[0] ?? ""],
  });
  const body = bodyOf(definition, operation, record, inPath);
  const answer = await client.call({
    method: definition.method,
    path,
    ...(body === undefined ? {} : { body }),
    ...(definition.idempotencyHeader === undefined
      ? {}
      : { headers: { [definition.idempotencyHeader]: keyOf(`${index} ${operation} ${path} ${text}`) } }),
    // PUT and DELETE are the same twice (RFC 9110), and so is setting the same values by PATCH.
    repeatable: definition.method !== "POST" || definition.idempotencyHeader !== undefined,
  });
  const id =
    (definition.id === undefined ? undefined : at(answer.body, definition.id)) ??
    record[entity.identifier] ??
    record[ids[0] ?? ""];
  return id === undefined || id === null ? undefined : String(id);
}

function parsedRecord(text: string): ConnectorRecord {
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record === "object" && record !== null && !Array.isArray(record)) return record as ConnectorRecord;
  } catch {
    // The text may be personal data: it stands in no message.
  }
  throw new ConnectorFailure("InvalidArgument", "the record is no JSON object");
}

function bodyOf(
  { body }: WriteDefinition,
  operation: WriteOperation,
  record: ConnectorRecord,
  inPath: readonly string[],
): unknown {
  if (body) return body(record);
  if (operation === "DELETE") return undefined;
  return Object.fromEntries(Object.entries(record).filter(([name]) => !inPath.includes(name)));
}
