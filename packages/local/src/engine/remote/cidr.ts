/** A block of IPv4 addresses: first address as a number, and the length of the prefix. */
export interface Cidr {
  readonly base: number;
  readonly mask: number;
}

export function parseCidr(text: string): Cidr {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  const numbers = match?.slice(1).map(Number) ?? [];
  const mask = numbers.pop() ?? 33;
  if (numbers.length !== 4 || mask > 32 || numbers.some((byte) => byte > 255)) {
    throw new Error(`"${text}" is no IPv4 CIDR block (10.0.0.0/16)`);
  }
  const base = numbers.reduce((sum, byte) => sum * 256 + byte, 0);
  return { base: base - (base % size(mask)), mask };
}

export function formatCidr({ base, mask }: Cidr): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${bytes.join(".")}/${mask}`;
}

/** Number of addresses of a prefix. */
export function size(mask: number): number {
  return 2 ** (32 - mask);
}

/** The `index`-th block of a block cut into pieces with `bits` more bits of prefix. */
export function cut(block: Cidr, bits: number, index: number): Cidr {
  const mask = block.mask + bits;
  return { base: block.base + index * size(mask), mask };
}

/** The first block of a size that starts at or after an address. */
export function nextBlock(from: number, mask: number): Cidr {
  return { base: Math.ceil(from / size(mask)) * size(mask), mask };
}

export function end({ base, mask }: Cidr): number {
  return base + size(mask);
}
