/** A fixed number of bits in the wire's order: bit 0 is the high bit of byte 0 (BEP 3). */
export class Bitfield {
  readonly bytes: Uint8Array;
  #count = 0;

  constructor(readonly length: number) {
    this.bytes = new Uint8Array(Math.ceil(length / 8));
  }

  /** A copy of `bytes`, or null when their length is wrong or a spare bit is set. */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield | null {
    if (bytes.length !== Math.ceil(length / 8)) return null;
    const spare = bytes.length * 8 - length;
    if (spare > 0 && (bytes[bytes.length - 1]! & ((1 << spare) - 1)) !== 0) return null;
    const field = new Bitfield(length);
    field.bytes.set(bytes);
    for (const byte of bytes) field.#count += popcount(byte);
    return field;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.length;
  }

  has(i: number): boolean {
    return (this.bytes[i >> 3]! & (0x80 >> (i & 7))) !== 0;
  }

  /** Returns false if it was set already. */
  set(i: number): boolean {
    const at = i >> 3, mask = 0x80 >> (i & 7);
    if ((this.bytes[at]! & mask) !== 0) return false;
    this.bytes[at]! |= mask;
    this.#count++;
    return true;
  }

  /** Returns false if it was clear already. */
  clear(i: number): boolean {
    const at = i >> 3, mask = 0x80 >> (i & 7);
    if ((this.bytes[at]! & mask) === 0) return false;
    this.bytes[at]! &= ~mask;
    this.#count--;
    return true;
  }

  /** Whether `other`, of the same length, has something that is not in here. */
  lacksAnyOf(other: Bitfield): boolean {
    return this.bytes.some((byte, at) => (other.bytes[at]! & ~byte) !== 0);
  }

  /** Becomes equal to `other`, which has the same length. */
  replace(other: Bitfield): void {
    this.bytes.set(other.bytes);
    this.#count = other.#count;
  }

  setAll(): void {
    this.bytes.fill(255);
    const spare = this.bytes.length * 8 - this.length;
    if (spare > 0) this.bytes[this.bytes.length - 1]! &= 256 - (1 << spare);
    this.#count = this.length;
  }

  clearAll(): void {
    this.bytes.fill(0);
    this.#count = 0;
  }
}

export function popcount(byte: number): number {
  byte -= (byte >> 1) & 0x55;
  byte = (byte & 0x33) + ((byte >> 2) & 0x33);
  return (byte + (byte >> 4)) & 0x0f;
}
