/** A fixed number of bits in the wire's order: bit 0 is the high bit of byte 0 (BEP 3). */
export class Bitfield {
  readonly bytes: Uint8Array;
  #words: Uint32Array | null = null;
  #count = 0;

  constructor(readonly length: number) {
    const buffer = new ArrayBuffer(4 * Math.ceil(length / 32));
    this.bytes = new Uint8Array(buffer, 0, Math.ceil(length / 8));
  }

  /** A copy of `bytes`, or null if their length is wrong or a spare bit is set. */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield | null {
    if (bytes.length !== Math.ceil(length / 8)) return null;
    const spare = bytes.length * 8 - length;
    if (spare > 0 && (bytes[bytes.length - 1]! & ((1 << spare) - 1)) !== 0) return null;
    const field = new Bitfield(length);
    field.bytes.set(bytes);
    for (const byte of bytes) field.#count += popcount(byte);
    return field;
  }

  /** The same bits, four bytes at a time (`firstBit` finds them); those past the end are zero. */
  get words(): Uint32Array {
    return this.#words ??= new Uint32Array(this.bytes.buffer);
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

  /** Whether `other`, of the same length, has a bit that this one lacks. */
  lacksAnyOf(other: Bitfield): boolean {
    const mine = this.words, theirs = other.words;
    for (let at = 0; at < mine.length; at++) if ((theirs[at]! & ~mine[at]!) !== 0) return true;
    return false;
  }

  /** Calls `visit` for each bit that is set, in order; the bits must not change meanwhile. */
  forEachSet(visit: (i: number) => void): void {
    const { words } = this;
    for (let at = 0; at < words.length; at++) {
      if (words[at] !== 0) visitBits(words[at]!, 32 * at, visit);
    }
  }

  /** The same for each bit that is clear. */
  forEachClear(visit: (i: number) => void): void {
    const { words } = this,
      inside = (i: number) => {
        if (i < this.length) visit(i);
      };
    for (let at = 0; at < words.length; at++) {
      if (words[at] !== 0xffffffff) visitBits(~words[at]!, 32 * at, inside);
    }
  }

  /**
   * Sets the bits of `other`, of the same length; `added` is called for each bit that was clear.
   */
  merge(other: Bitfield, added: (i: number) => void): void {
    const mine = this.words, theirs = other.words;
    const add = (i: number) => {
      this.set(i);
      added(i);
    };
    for (let at = 0; at < mine.length; at++) {
      const fresh = theirs[at]! & ~mine[at]!;
      if (fresh !== 0) visitBits(fresh, 32 * at, add);
    }
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

/** Which bit of a word that is not 0 comes first, 0 to 31; `1 << (bit ^ 7)` is its mask. */
export function firstBit(word: number): number {
  const byte = (31 - Math.clz32(word & -word)) >> 3;
  return 8 * byte + Math.clz32((word >>> (8 * byte)) & 0xff) - 24;
}

function visitBits(word: number, base: number, visit: (i: number) => void): void {
  while (word !== 0) {
    const bit = firstBit(word);
    word &= ~(1 << (bit ^ 7));
    visit(base + bit);
  }
}

export function popcount(byte: number): number {
  byte -= (byte >> 1) & 0x55;
  byte = (byte & 0x33) + ((byte >> 2) & 0x33);
  return (byte + (byte >> 4)) & 0x0f;
}
