/**
 * SHA-1 (FIPS 180-4) of four inputs at once, as WebAssembly: each vector holds the same word of all
 * four, one per lane. `Sha1Lanes` runs it and owns the layout of the memory.
 */
import { Sha1Lanes } from "./sha1_lanes.ts";
import {
  add,
  addI32,
  and,
  type Code,
  get,
  i32,
  load,
  or,
  pick,
  reorder,
  repeat,
  set,
  shiftLeft,
  shiftRight,
  store,
  wasmModule,
  xor,
} from "./wasm_code.ts";

const { STATE_AT, CONSTANTS_AT, INPUT_AT, LANE_STRIDE, LANES, BLOCK } = Sha1Lanes;

/** One for each 20 rounds. */
const CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];
const BIG_ENDIAN = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

/** The function's parameters, then its vectors. */
const INPUT = 0, COUNT = 1;
let locals = 2;
const vectors = (count: number) => Array.from({ length: count }, () => locals++);
/** The hash so far, and the five variables of the rounds. */
const HASH = vectors(5), ROUND = vectors(5);
/** The last 16 words of the message schedule. */
const W = vectors(16);
/** The constants: V8 takes three instructions to compute one each time, and one to load it. */
const K = vectors(4);
const ROW = vectors(4);

/** The module: `blocks(at, count)` hashes `count` blocks of each lane from `at` in its input. */
export function sha1LanesModule(): Uint8Array<ArrayBuffer> {
  return wasmModule({
    name: "blocks",
    vectors: locals - 2,
    body: [
      HASH.map((local, i) => set(local, load(i32(STATE_AT), 16 * i))),
      K.map((local, i) => set(local, load(i32(CONSTANTS_AT), 16 * i))),
      repeat(COUNT, [hashBlock(), set(INPUT, addI32(get(INPUT), i32(BLOCK)))]),
      HASH.map((local, i) => store(i32(STATE_AT), 16 * i, get(local))),
    ],
    memoryBytes: INPUT_AT + LANES * LANE_STRIDE,
    data: { at: CONSTANTS_AT, bytes: CONSTANTS.flatMap((k) => [k, k, k, k].flatMap(littleEndian)) },
  });
}

/**
 * All 80 rounds are unrolled, so that the 16 words stay locals: V8 checks the bounds of each access
 * to memory at a variable address, which costs more than a word's arithmetic.
 */
function hashBlock(): Code {
  const code: Code[] = ROUND.map((local, i) => set(local, get(HASH[i]!)));
  let [a, b, c, d, e] = ROUND as [number, number, number, number, number];
  for (let t = 0; t < 80; t++) {
    if (t < 16 && t % 4 === 0) code.push(loadWords(t));
    if (t >= 16) code.push(nextWord(t));
    // The term with `a` comes last, as it waits for the round before.
    const rest = add(
      mix(t, b, c, d),
      add(get(e), add(get(K[Math.floor(t / 20)]!), get(W[t % 16]!))),
    );
    code.push(set(e, add(rest, rotate(a, 5))), set(b, rotate(b, 30)));
    [a, b, c, d, e] = [e, a, b, c, d];
  }
  return [code, [a, b, c, d, e].map((local, i) => set(HASH[i]!, add(get(HASH[i]!), get(local))))];
}

/** Words `t` to `t + 3` of the block: four words of each lane, transposed. */
function loadWords(t: number): Code {
  const [w0, w1, w2, w3] = W.slice(t, t + 4) as [number, number, number, number];
  const [r0, r1, r2, r3] = ROW as [number, number, number, number];
  const row = (lane: number) => load(get(INPUT), INPUT_AT + lane * LANE_STRIDE + 4 * t);
  return [
    ROW.map((local, lane) => set(local, reorder(row(lane), BIG_ENDIAN))),
    set(w0, pick(get(r0), get(r1), [0, 4, 1, 5])),
    set(w1, pick(get(r0), get(r1), [2, 6, 3, 7])),
    set(w2, pick(get(r2), get(r3), [0, 4, 1, 5])),
    set(w3, pick(get(r2), get(r3), [2, 6, 3, 7])),
    set(r0, pick(get(w0), get(w2), [0, 1, 4, 5])),
    set(r1, pick(get(w0), get(w2), [2, 3, 6, 7])),
    set(r2, pick(get(w1), get(w3), [0, 1, 4, 5])),
    set(r3, pick(get(w1), get(w3), [2, 3, 6, 7])),
    ROW.map((local, i) => set(W[t + i]!, get(local))),
  ];
}

/** Word `t` of the message schedule replaces the one 16 before. */
function nextWord(t: number): Code {
  const word = (back: number) => get(W[(t - back) % 16]!);
  const at = W[t % 16]!;
  return [
    set(at, xor(xor(word(3), word(8)), xor(word(14), word(16)))),
    set(at, rotate(at, 1)),
  ];
}

/** The function of round `t`: choose, parity, majority, parity. */
function mix(t: number, b: number, c: number, d: number): Code {
  const [x, y, z] = [get(b), get(c), get(d)];
  if (t < 20) return xor(z, and(x, xor(y, z)));
  if (t < 40 || t >= 60) return xor(xor(x, y), z);
  return or(and(x, y), and(z, or(x, y)));
}

const rotate = (local: number, bits: number): Code =>
  or(shiftLeft(get(local), bits), shiftRight(get(local), 32 - bits));

const littleEndian = (word: number) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff);
