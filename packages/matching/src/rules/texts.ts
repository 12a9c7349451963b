import type { DuckDBVector } from "@duckdb/node-api";
import type { Session } from "../session";

/** A column's texts, each once, and which of them a record has: −1 where nothing is known. */
export interface TextColumn {
  readonly texts: readonly string[];
  readonly of: Int32Array;
}

/** Reads an expression over `source` as texts, each held once. */
export async function readTexts(session: Session, expression: string, records: number): Promise<TextColumn> {
  const of = new Int32Array(records).fill(-1);
  const texts: string[] = [];
  const numbers = new Map<string, number>();
  await session.stream(`select rowid::INTEGER, ${expression} from source`, (chunk) => {
    const { items: rows } = chunk.getColumnVector(0) as unknown as { items: Int32Array };
    const values = chunk.getColumnVector(1) as DuckDBVector;
    for (let index = 0; index < chunk.rowCount; index++) {
      const text = values.getItem(index) as string | null;
      if (text === null) continue;
      let number = numbers.get(text);
      if (number === undefined) {
        number = texts.push(text) - 1;
        numbers.set(text, number);
      }
      of[rows[index] as number] = number;
    }
  });
  return { texts, of };
}
