import { stripVTControlCharacters } from "node:util";

const foreignFrame = /^\s+at .*(?:[/\\]node_modules[/\\]|\(node:|\bat node:)/;
const frame = /^\s+at /;

/**
 * An error as the language host logs it, reduced to what concerns the program: no colours, no frames of packages and of
 * Node (unless there are no others), none of the SDK's wrapping. Members of the error (faults by path) stay.
 */
export function readableError(logged: string): string {
  const text = stripVTControlCharacters(logged)
    .replace(/^Running program '.*' failed with an unhandled exception:\n/, "")
    .replace(/^<ref \*\d+> /, "")
    .replace(/: \d+ [A-Z_]+: /, ": ")
    .replace(/\n\s*promise: Promise \{[^{}]*\},?(?=\n)/g, "")
    .replace(/ \{\s*\}\s*$/, "");
  const lines = text.split("\n");
  const ownFrames = lines.some((line) => frame.test(line) && !foreignFrame.test(line));
  if (!ownFrames) return text;
  // The last frame carries the brace that opens the error's members.
  return lines.flatMap((line) => (foreignFrame.test(line) ? (line.endsWith(" {") ? ["  {"] : []) : [line])).join("\n");
}
