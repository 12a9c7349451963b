/** Pairs of records with the tier (rule) and weight that link them, as columns that grow: 17 bytes a link. */
export class Links {
  a = new Int32Array(1024);
  b = new Int32Array(1024);
  weight = new Float64Array(1024);
  tier = new Uint8Array(1024);
  length = 0;

  push(a: number, b: number, tier: number, weight = 0): void {
    if (this.length === this.a.length) this.grow();
    const index = this.length++;
    this.a[index] = a;
    this.b[index] = b;
    this.tier[index] = tier;
    this.weight[index] = weight;
  }

  private grow(): void {
    const size = this.a.length * 2;
    const a = new Int32Array(size);
    const b = new Int32Array(size);
    const weight = new Float64Array(size);
    const tier = new Uint8Array(size);
    a.set(this.a);
    b.set(this.b);
    weight.set(this.weight);
    tier.set(this.tier);
    Object.assign(this, { a, b, weight, tier });
  }
}
