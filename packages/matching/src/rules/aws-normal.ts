import { DuckDBScalarFunction, type DuckDBVector, VARCHAR } from "@duckdb/node-api";
import { type AwsNormalisation, awsNormalise, type MatchAttribute, recordReader } from "@tributary/model";
import type { Session } from "../session";

/**
 * Registers an SQL function that brings the columns of one value to the form that Entity Resolution gives them, by the
 * model's own code: slower than SQL, and the same to the letter.
 *
 * @param members - the value's columns, more than one where they are a group
 * @returns the function's name; its arguments are the members' columns, then the country's or null
 */
export function registerAwsNormaliser(
  session: Session,
  name: string,
  members: readonly MatchAttribute[],
  source: AwsNormalisation,
): string {
  const country = "\u0000country";
  const fields = members.map((member) => ({ ...member, matchKey: name }));
  const read = recordReader([...fields, { column: country, type: "ADDRESS_COUNTRY" }], (value, type, options) =>
    awsNormalise(value, type, { source, ...options }),
  );
  session.connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name,
      parameterTypes: [...members, country].map(() => VARCHAR),
      returnType: VARCHAR,
      specialHandling: true,
      mainFunction: (_info, input, output) => {
        const columns = [...members.map(({ column }) => column), country];
        const vectors = new Map(columns.map((column, index) => [column, input.getColumnVector(index)]));
        for (let row = 0; row < input.rowCount; row++) {
          const cell = (column: string): string => ((vectors.get(column) as DuckDBVector).getItem(row) as string) ?? "";
          output.setItem(row, read("", cell).keys[name]?.[0]?.value || null);
        }
        output.flush();
      },
    }),
  );
  return name;
}
