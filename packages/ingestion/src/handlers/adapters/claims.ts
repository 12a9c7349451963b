import {
  BatchExecuteStatementCommand,
  BatchGetItemCommand,
  type BatchStatementError,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { shortHash } from "@tributary/model";
import { mapLimit } from "@tributary/runtime";
import type { Claim, ClaimAnswer, Claims } from "../../domain/archive";

/** BatchExecuteStatement's limit. */
const maxStatements = 25;
/** Calls at a time. */
const concurrency = 16;

/**
 * The table of what is archived: an id belongs to the position in the stream that inserted it first. Ids are inserted 25
 * to a call, each with an answer of its own; a call a claim would take as long to make as all else that the function does.
 */
export function claimTable(client: DynamoDBClient, table: string, retentionDays: number): Claims {
  const Statement = `INSERT INTO "${table}" VALUE {'id': ?, 'position': ?, 'expiresAt': ?}`;

  const insert = async (claims: readonly Claim[]): Promise<readonly (BatchStatementError | undefined)[]> => {
    const expiresAt = { N: String(Math.floor(Date.now() / 1000) + retentionDays * 86_400) };
    const { Responses = [] } = await client.send(
      new BatchExecuteStatementCommand({
        Statements: claims.map(({ id, position }) => ({
          Statement,
          Parameters: [{ S: id }, { S: placeOf(position) }, expiresAt],
        })),
      }),
    );
    return claims.map((_, index) => {
      const response = Responses[index];
      return response ? response.Error : { Code: "InternalServerError", Message: "no answer" };
    });
  };

  /** By id, the place that it belongs to; what is not known now is left out. */
  const owners = async (ids: readonly string[]): Promise<ReadonlyMap<string, string | undefined>> => {
    const request = { Keys: ids.map((id) => ({ id: { S: id } })), ConsistentRead: true };
    const { Responses } = await client.send(new BatchGetItemCommand({ RequestItems: { [table]: request } }));
    return new Map(Responses?.[table]?.map(({ id, position }) => [id?.S ?? "", position?.S]));
  };

  const answers = async (claims: readonly Claim[]): Promise<readonly ClaimAnswer[]> => {
    try {
      const errors = await insert(claims);
      const taken = claims.filter((_, index) => errors[index]?.Code === "DuplicateItem").map(({ id }) => id);
      const known = taken.length === 0 ? undefined : await owners(taken);
      return claims.map(({ id, position }, index): ClaimAnswer => {
        const error = errors[index];
        if (error === undefined) return "ours";
        if (error.Code !== "DuplicateItem") return busyOrThrow({ ...error, name: error.Code ?? "", table });
        // Not there now: expired in between, or left over by a busy table.
        if (!known?.has(id)) return "busy";
        return known.get(id) === placeOf(position) ? "ours" : "taken";
      });
    } catch (error) {
      if (isPassing(error)) return claims.map(() => "busy");
      throw error;
    }
  };

  return {
    async claim(claims) {
      const chunks: Claim[][] = [];
      for (let at = 0; at < claims.length; at += maxStatements) chunks.push(claims.slice(at, at + maxStatements));
      return (await mapLimit(chunks, concurrency, answers)).flat();
    },
  };
}

/** Told apart from others, and short: a table of claims is mostly these. */
function placeOf(position: string): string {
  return shortHash(position, 16);
}

interface Failure {
  readonly name?: string;
  readonly $fault?: string;
}

/** A statement's own error: passing, or thrown. */
function busyOrThrow(error: BatchStatementError & { readonly name: string; readonly table: string }): "busy" {
  if (isPassing(error)) return "busy";
  const message = `DynamoDB refused a claim in ${error.table}: ${error.Code}: ${error.Message ?? ""}`;
  throw Object.assign(new Error(message), { name: error.name });
}

/** Throttled, or away for now. A role that lacks a statement or a table that is not there does not pass. */
function isPassing(error: unknown): boolean {
  const { name = "", $fault } = error as Failure;
  return (
    $fault === "server" ||
    /Throttl|ThroughputExceeded|RequestLimitExceeded|Timeout|InternalServerError|TransactionConflict/.test(name)
  );
}
