/** A map that counts its changes, so that whatever is derived from it knows when to derive again. */
export class VersionedMap<K, V> extends Map<K, V> {
  private changes = 0;

  /** Grows with every `set`, `delete` and `clear`. */
  get version(): number {
    return this.changes;
  }

  override set(key: K, value: V): this {
    this.changes = (this.changes ?? 0) + 1;
    return super.set(key, value);
  }

  override delete(key: K): boolean {
    this.changes += 1;
    return super.delete(key);
  }

  override clear(): void {
    this.changes += 1;
    super.clear();
  }
}
