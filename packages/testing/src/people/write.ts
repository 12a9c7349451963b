import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { householdRecords, personColumns } from "./household";

/** Writes records of people in households as CSV, a megabyte at a time; the file appears when it is whole. */
export function writeHouseholds(path: string, records: number, seed: number): void {
  const partial = `${path}.partial`;
  const file = openSync(partial, "w");
  try {
    let text = `${personColumns.join(",")}\n`;
    for (const record of householdRecords(records, seed)) {
      text += `${personColumns.map((column) => record[column]).join(",")}\n`;
      if (text.length > 1 << 20) {
        writeSync(file, text);
        text = "";
      }
    }
    writeSync(file, text);
    closeSync(file);
  } catch (error) {
    closeSync(file);
    rmSync(partial, { force: true });
    throw error;
  }
  renameSync(partial, path);
}
