/**
 * SHA-1 of up to four inputs of one length at once, for processors without SHA instructions: with
 * all four lanes in use, 1.5 to 2 times as fast as Web Crypto there (src/DECISIONS.md 4). The class
 * stands alone, as it is turned into source text for the hash threads: do not use names from
 * outside inside it (types are fine).
 */
interface LanesExports {
  readonly memory: WebAssembly.Memory;
  blocks(at: number, count: number): void;
}

export class Sha1Lanes {
  static readonly LANES = 4;
  static readonly BLOCK = 64;
  /** The bytes of each lane in the memory at once. */
  static readonly PART = 256 * 1024;
  /** Offsets in the memory. After each part there is room for its padding. */
  static readonly STATE_AT = 0;
  static readonly CONSTANTS_AT = 128;
  static readonly INPUT_AT = 256;
  static readonly LANE_STRIDE = Sha1Lanes.PART + 2 * Sha1Lanes.BLOCK;

  readonly #blocks: (at: number, count: number) => void;
  readonly #state: Uint32Array;
  readonly #inputs: Uint8Array[];

  /** Takes the result of `sha1LanesModule`. Throws without WebAssembly or its vectors. */
  constructor(module: Uint8Array<ArrayBuffer>) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
    const { memory, blocks } = exports as unknown as LanesExports;
    const { buffer } = memory;
    this.#blocks = blocks;
    this.#state = new Uint32Array(buffer, Sha1Lanes.STATE_AT, 5 * Sha1Lanes.LANES);
    this.#inputs = Array.from({ length: Sha1Lanes.LANES }, (_, lane) => {
      const at = Sha1Lanes.INPUT_AT + lane * Sha1Lanes.LANE_STRIDE;
      return new Uint8Array(buffer, at, Sha1Lanes.LANE_STRIDE);
    });
  }

  /**
   * The digests of `lanes` inputs of `length` bytes each. `fill` writes the bytes from `from` on of
   * input `lane` into all of `part`. Parts are of `step` bytes, a multiple of 64 up to `PART`.
   */
  hash(
    lanes: number,
    length: number,
    step: number,
    fill: (lane: number, part: Uint8Array, from: number) => void,
  ): Uint8Array[] {
    [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0].forEach((word, i) => {
      this.#state.fill(word, i * Sha1Lanes.LANES, (i + 1) * Sha1Lanes.LANES);
    });
    let from = 0;
    for (let last = false; !last; from += step) {
      const size = Math.min(step, length - from);
      last = from + size === length;
      for (let lane = 0; lane < lanes; lane++) {
        fill(lane, this.#inputs[lane]!.subarray(0, size), from);
      }
      const bytes = last ? this.#pad(size, length) : size;
      this.#blocks(0, bytes / Sha1Lanes.BLOCK);
    }
    return Array.from({ length: lanes }, (_, lane) => this.#digest(lane));
  }

  /** A one bit, zeros, and the number of bits, up to the end of a block; returns where that is. */
  #pad(size: number, length: number): number {
    const end = Math.ceil((size + 9) / Sha1Lanes.BLOCK) * Sha1Lanes.BLOCK;
    for (const input of this.#inputs) {
      input.fill(0, size, end);
      input[size] = 0x80;
      const view = new DataView(input.buffer, input.byteOffset + end - 8, 8);
      view.setUint32(0, Math.floor(length / 2 ** 29));
      view.setUint32(4, (length << 3) >>> 0);
    }
    return end;
  }

  #digest(lane: number): Uint8Array {
    const digest = new Uint8Array(20);
    const view = new DataView(digest.buffer);
    for (let i = 0; i < 5; i++) view.setUint32(4 * i, this.#state[i * Sha1Lanes.LANES + lane]!);
    return digest;
  }
}
