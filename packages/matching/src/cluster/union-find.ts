/** Disjoint sets over 0…n−1. The least member is a set's root, so roots do not depend on the order of unions. */
export class UnionFind {
  readonly parent: Int32Array;

  constructor(size: number) {
    this.parent = new Int32Array(size);
    for (let index = 0; index < size; index++) this.parent[index] = index;
  }

  find(index: number): number {
    const parent = this.parent;
    let current = index;
    for (;;) {
      const up = parent[current] as number;
      if (up === current) return current;
      const above = parent[up] as number;
      parent[current] = above;
      current = above;
    }
  }

  /** True where the two were apart. */
  unite(a: number, b: number): boolean {
    const x = this.find(a);
    const y = this.find(b);
    if (x === y) return false;
    if (x < y) this.parent[y] = x;
    else this.parent[x] = y;
    return true;
  }
}
