/** Reads Kafka's wire types out of a request. Throws RangeError where it ends too soon. */
export class WireReader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  int8(): number {
    return this.bytes.readInt8(this.move(1));
  }
  int16(): number {
    return this.bytes.readInt16BE(this.move(2));
  }
  int32(): number {
    return this.bytes.readInt32BE(this.move(4));
  }
  int64(): number {
    return Number(this.bytes.readBigInt64BE(this.move(8)));
  }

  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.take(length).toString("utf8");
  }

  blob(): Buffer | null {
    const length = this.int32();
    return length < 0 ? null : this.take(length);
  }

  list<T>(read: () => T): T[] {
    const count = this.int32();
    return Array.from({ length: Math.max(0, count) }, read);
  }

  /** Zigzag varint, of up to 64 bits (exact up to 2^53). */
  varint(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(this.bytes.readUInt8(this.move(1)));
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) break;
      if (shift > 63n) throw new RangeError("varint is too long");
    }
    return Number((value >> 1n) ^ -(value & 1n));
  }

  /** Bytes with their length as a varint before them. */
  field(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.take(length);
  }

  take(length: number): Buffer {
    const start = this.move(length);
    return this.bytes.subarray(start, start + length);
  }

  private move(by: number): number {
    const start = this.at;
    if (by < 0 || start + by > this.bytes.length) throw new RangeError("the request ends too soon");
    this.at = start + by;
    return start;
  }
}

/** Writes Kafka's wire types into a response. */
export class WireWriter {
  private readonly parts: Buffer[] = [];

  int16(value: number): this {
    const part = Buffer.allocUnsafe(2);
    part.writeInt16BE(value);
    return this.add(part);
  }
  int32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeInt32BE(value);
    return this.add(part);
  }
  int64(value: number): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigInt64BE(BigInt(value));
    return this.add(part);
  }
  bool(value: boolean): this {
    return this.add(Buffer.from([value ? 1 : 0]));
  }
  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = Buffer.from(value, "utf8");
    return this.int16(bytes.length).add(bytes);
  }
  blob(value: Uint8Array): this {
    return this.int32(value.byteLength).add(Buffer.from(value));
  }
  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.int32(values.length);
    for (const value of values) write(value);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts);
  }

  private add(part: Buffer): this {
    this.parts.push(part);
    return this;
  }
}
