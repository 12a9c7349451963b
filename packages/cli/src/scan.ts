import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { RuntimeHandle } from "@tributary/local";

/** Every item of a table, in plain values; only the given attributes. */
export async function* scan(
  runtime: RuntimeHandle,
  tableName: string,
  attributes: readonly string[],
): AsyncGenerator<Record<string, unknown>> {
  const names = Object.fromEntries(attributes.map((attribute, index) => [`#a${index}`, attribute]));
  let start: Record<string, AttributeValue> | undefined;
  do {
    const page: { Items?: Record<string, AttributeValue>[]; LastEvaluatedKey?: Record<string, AttributeValue> } =
      await runtime.call("dynamodb", "Scan", {
        TableName: tableName,
        ExpressionAttributeNames: names,
        ProjectionExpression: Object.keys(names).join(", "),
        ExclusiveStartKey: start,
      });
    for (const item of page.Items ?? []) yield unmarshall(item);
    start = page.LastEvaluatedKey;
  } while (start);
}
