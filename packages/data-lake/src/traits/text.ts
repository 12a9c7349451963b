/** Text as a literal. Spark takes '' for the end of one literal and the start of another, and \\ for an escape: such characters are said by number. */
export function sqlText(value: string): string {
  const parts = value.split(/(['\\\p{Cc}])/u).filter((part) => part !== "");
  if (parts.length === 0) return "''";
  const literals = parts.map((part) => (/^['\\\p{Cc}]$/u.test(part) ? `chr(${part.codePointAt(0)})` : `'${part}'`));
  return literals.length === 1 ? (literals[0] ?? "''") : `concat(${literals.join(", ")})`;
}

/** Names that a JSON path of both engines can hold. */
export const pathName = /^[^.[\]'"*\\\p{Cc}\p{Cs}]+$/u;

/** Text at a path inside of a JSON text column; of objects and lists their JSON. */
export const jsonText = (column: string, parts: readonly string[]): string =>
  `get_json_object(${column}, '$.${parts.join(".")}')`;

/** The same as JSON: text keeps its quotes, which tells "5" from 5. NULL where nothing or null is there. The column is `listed` text. */
export const jsonRaw = (column: string, parts: readonly string[]): string =>
  `get_json_object(${column}, '$[*].${parts.join(".")}')`;

/** Whether text that was found is what JSON may have without quotes: a number, a boolean, an object or a list. */
export const mayBeUnquoted = (text: string): string =>
  `(instr('-0123456789{[', left(${text}, 1)) > 0 or ${text} in ('true', 'false'))`;

/** JSON text as a list of one, which is what a path with a star looks into. */
export const listed = (column: string): string => `concat('[', ${column}, ']')`;

/**
 * Text as a decimal in millionths, as the model's `traitNumber` reads it; NULL where it is no number. Short ones are read
 * as 64-bit decimals, which is twenty times quicker; those with long digits before an exponent only as doubles.
 */
export const sqlNumber = (text: string): string =>
  `case when length(${text}) <= 30 and not regexp_like(${text}, '[^-+.0-9eE]')` +
  ` and regexp_like(${text}, '^[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]{1,3})?$')` +
  ` then coalesce(cast(try_cast(${text} as decimal(18,6)) as decimal(21,6)), try_cast(${text} as decimal(21,6)),` +
  ` try_cast(try_cast(${text} as double) as decimal(21,6))) end`;

/** A decimal with six places as JSON: without zeros behind. */
export const numberJson = (decimal: string): string => `regexp_replace(cast(${decimal} as string), '[.]?0+$', '')`;

/** Text as JSON, as `JSON.stringify` writes it. */
export function textJson(text: string): string {
  const named: Readonly<Record<number, string>> = { 8: "b", 9: "t", 10: "n", 12: "f", 13: "r" };
  const replaced = (of: string, code: number, by: string) => `replace(${of}, chr(${code}), concat(chr(92), '${by}'))`;
  let escaped = `replace(replace(${text}, chr(92), concat(chr(92), chr(92))), '"', concat(chr(92), '"'))`;
  for (let code = 0; code < 32; code++) {
    escaped = replaced(escaped, code, named[code] ?? `u00${code.toString(16).padStart(2, "0")}`);
  }
  // Most text has nothing to escape.
  return `concat('"', case when regexp_like(${text}, '[^ !#-Z^-~]') then ${escaped} else ${text} end, '"')`;
}

/** Named parts of a WITH, each from those before. */
export function withParts(parts: readonly (readonly [name: string, select: string])[], select: string): string {
  const indented = (text: string) => text.replace(/^(?=.)/gm, "  ");
  return `with ${parts.map(([name, part]) => `${name} as (\n${indented(part)}\n)`).join(",\n")}\n${select}\n`;
}
