/** Adds to an element of a typed array; does nothing where there is no array. */
export function bump(array: Float64Array | Int32Array | undefined, index: number, by = 1): void {
  if (array !== undefined) array[index] = (array[index] as number) + by;
}

/** Whole numbers in memory that all threads see. */
export const sharedIntegers = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(length * 4));
