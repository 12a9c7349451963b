import type { AttributeType } from "@tributary/model";

/**
 * Whether two different values contradict each other in one person. A slip of the pen does not: dates may differ in two
 * digits or have day and month swapped; a name may be an initial, a beginning or a near spelling of the other. Anything
 * else contradicts as soon as it differs.
 */
export function contradicts(type: AttributeType, a: string, b: string): boolean {
  if (a === b) return false;
  if (type === "DATE") return differingDigits(a, b) > 1 && !isSwapped(a, b);
  if (type.startsWith("NAME")) {
    const [short, long] = a.length <= b.length ? [a, b] : [b, a];
    if (long.startsWith(short)) return false;
    return editsAtMost(a, b, long.length > 5 ? 2 : 1) === false;
  }
  return true;
}

function differingDigits(a: string, b: string): number {
  const x = a.replace(/\D/g, "");
  const y = b.replace(/\D/g, "");
  if (x.length !== y.length) return Number.POSITIVE_INFINITY;
  let differing = 0;
  for (let index = 0; index < x.length; index++) if (x[index] !== y[index]) differing++;
  return differing;
}

function isSwapped(a: string, b: string): boolean {
  const [year, month, day] = a.split("-");
  return day !== undefined && b === `${year}-${day}-${month}`;
}

/** Whether two texts are within some insertions, deletions, replacements and swaps of neighbours. */
function editsAtMost(a: string, b: string, most: number): boolean {
  if (Math.abs(a.length - b.length) > most) return false;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min(
        (previous[j] as number) + 1,
        (current[j - 1] as number) + 1,
        (previous[j - 1] as number) + same,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (before[j - 2] as number) + 1);
      }
      current.push(edits);
    }
    before = previous;
    previous = current;
  }
  return (previous[b.length] as number) <= most;
}
