import type { MatchRules } from "@tributary/model";
import type { LimitColumns, VetoColumn } from "./cluster/components";
import type { ValueLimit, Veto } from "./cluster/constraints";
import { contradicts } from "./cluster/vetoes";
import { MatchingError } from "./faults";
import type { Source } from "./input/load";
import { numbersOf, type ValueColumn } from "./rules/columns";
import { readTexts } from "./rules/texts";
import type { ComparedValue } from "./rules/values";
import { literal, type Session } from "./session";

/** The limits' columns. */
export function limitColumns(
  rules: MatchRules,
  values: readonly ComparedValue[],
  columns: readonly ValueColumn[],
): LimitColumns[] {
  return rules.constraints.limits.map(({ matchKey, limit }) => {
    const own = columns.filter((_, index) => values[index]?.matchKey === matchKey);
    if (own.length === 0) {
      throw new MatchingError(`constraints.limits: no attribute has the match key ${JSON.stringify(matchKey)}.`);
    }
    return { name: matchKey, limit, columns: own };
  });
}

/** The vetoes' columns. */
export function vetoColumns(
  rules: MatchRules,
  values: readonly ComparedValue[],
  columns: readonly ValueColumn[],
  forms: readonly string[],
): VetoColumn[] {
  return rules.constraints.veto.map(({ attribute, above }) => {
    const index = values.findIndex(({ name }) => name === attribute);
    const value = values[index];
    const column = columns[index];
    if (!value || !column) {
      throw new MatchingError(
        `constraints.veto: there is no attribute ${JSON.stringify(attribute)}; there are: ${values.map(({ name }) => name).join(", ")}.`,
      );
    }
    return { name: attribute, type: value.type, above, column, value: forms[index] as string };
  });
}

/** The pairs of ids that the constraints declare, as records; pairs with an id that the input lacks say nothing. */
export async function declaredPairs(
  session: Session,
  source: Source,
  rules: MatchRules,
): Promise<{ mustLink: [number, number][]; apart: Map<number, number[]> }> {
  const { mustLink, cannotLink } = rules.constraints;
  const ids = [...new Set([...mustLink, ...cannotLink].flat())];
  const rowOf = new Map<string, number>();
  for (let from = 0; from < ids.length; from += 1_000) {
    const list = ids
      .slice(from, from + 1_000)
      .map(literal)
      .join(", ");
    const found = await session.rows<{ id: string; r: bigint }>(
      `select ${source.id} as id, rowid as r from source where ${source.id} in (${list})`,
    );
    for (const { id, r } of found) rowOf.set(id, Number(r));
  }
  const rowsOf = (pairs: readonly (readonly [string, string])[]): [number, number][] =>
    pairs.flatMap(([a, b]): [number, number][] => {
      const [x, y] = [rowOf.get(a), rowOf.get(b)];
      return x === undefined || y === undefined ? [] : [[x, y]];
    });
  const apart = new Map<number, number[]>();
  const add = (a: number, b: number): void => {
    const known = apart.get(a);
    if (known) known.push(b);
    else apart.set(a, [b]);
  };
  for (const [a, b] of rowsOf(cannotLink)) {
    add(a, b);
    add(b, a);
  }
  return { mustLink: rowsOf(mustLink), apart };
}

/** Limits by record, over all records. */
export function limitsByRow(limits: readonly LimitColumns[]): ValueLimit[] {
  return limits.map(({ name, limit, columns }) => ({ name, limit, values: (row) => numbersOf(columns, row) }));
}

/** Vetoes by record, over all records: the column's distinct texts are held. */
export async function vetoesByRow(session: Session, vetoes: readonly VetoColumn[], records: number): Promise<Veto[]> {
  const found: Veto[] = [];
  for (const { name, type, above, value } of vetoes) {
    const { of, texts } = await readTexts(session, value, records);
    const conflict = (a: number, b: number): boolean => contradicts(type, texts[a] as string, texts[b] as string);
    found.push({ name, above, value: (row) => of[row] as number, conflict });
  }
  return found;
}
