/** A SELECT without what is no SQL: comments, and what is inside of quotes. */
const bare = (sql: string): string =>
  sql.replace(/'(?:[^']|'')*'|--.*$|\/\*[\s\S]*?\*\//gm, (part) => (part.startsWith("'") ? "''" : " "));

/** The lake's tables that a SELECT names, as `<zone>.<table>`, each once, in order. */
export function tablesIn(sql: string): string[] {
  const found = [...bare(sql).matchAll(/(?:\bfrom|\bjoin|,)\s*((?:raw|clean|curated)\.[a-z_]\w*)/gi)];
  return [...new Set(found.map(([, name = ""]) => name.toLowerCase()))];
}

/** Whether a SELECT uses a word as a name: of a column, a table, an alias. */
export const mentions = (sql: string, word: string): boolean => new RegExp(`\\b${word}\\b`, "i").test(bare(sql));
