import Table from "cli-table3";

/**
 * What a command says. With `--json`, stdout carries exactly one JSON document and everything else goes to stderr;
 * without, stdout carries text for people.
 */
export interface Output {
  readonly json: boolean;
  /** The command's result: the document, or its text for people. */
  result(document: unknown, text: () => string): void;
  /** A remark beside the result. */
  note(line: string): void;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    result(document, text) {
      process.stdout.write(json ? `${JSON.stringify(document, jsonValue, 2)}\n` : `${text()}\n`);
    },
    note(line) {
      process.stderr.write(`${line}\n`);
    },
  };
}

/** Big integers become numbers where that is exact, else strings. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const grid = new Table({ head: [...head], style: { head: [], border: [] } });
  for (const row of rows) grid.push(row.map((cell) => (cell === null || cell === undefined ? "" : String(cell))));
  return grid.toString();
}

export const count = (value: number): string => value.toLocaleString("en-US");
export const seconds = (value: number): string => `${value.toFixed(1)} s`;
