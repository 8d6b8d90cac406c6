/**
 * Writes WebAssembly: the few instructions and sections that hashing in lanes needs, so that
 * neither a toolchain nor a binary in the repository is needed. An expression is the code that
 * leaves its value on the stack, so expressions nest like formulas.
 */

import { concatBytes } from "../../util/bytes.ts";

/** Instructions as a tree of bytes; flattened once, at the end. */
export type Code = number | readonly Code[];

const I32 = 0x7f, V128 = 0x7b;
/** Every vector instruction is this byte and a number. */
const SIMD = 0xfd;
/** Memory operands: aligned to 2^0 bytes as far as we promise. */
const UNALIGNED = 0;
const PAGE_BYTES = 64 * 1024;

/** LEB128, unsigned: lengths, indices, opcodes, offsets. */
function unsigned(value: number): Code {
  if (value <= 0x7f) return value;
  return [0x80 | (value & 0x7f), unsigned(value >>> 7)];
}

/** LEB128, signed: numbers in the code. */
function signed(value: number): Code {
  if (value >= -0x40 && value <= 0x3f) return value & 0x7f;
  return [0x80 | (value & 0x7f), signed(value >> 7)];
}

export const i32 = (value: number): Code => [0x41, signed(value)];
export const addI32 = (a: Code, b: Code): Code => [a, b, 0x6a];

export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)];

/** Four 32-bit numbers from memory. */
export const load = (address: Code, offset: number): Code => [
  address,
  [SIMD, 0, UNALIGNED, unsigned(offset)],
];
export const store = (address: Code, offset: number, value: Code): Code => [
  address,
  value,
  [SIMD, 11, UNALIGNED, unsigned(offset)],
];

function binary(opcode: number): (a: Code, b: Code) => Code {
  const instruction = [SIMD, unsigned(opcode)];
  return (a, b) => [a, b, instruction];
}
export const and = binary(78);
export const or = binary(80);
export const xor = binary(81);
export const add = binary(174);

function shift(opcode: number): (a: Code, bits: number) => Code {
  const instruction = [SIMD, unsigned(opcode)];
  return (a, bits) => [a, i32(bits), instruction];
}
export const shiftLeft = shift(171);
export const shiftRight = shift(173);

/** Byte i of the result is byte `order[i]` of `a`. */
export const reorder = (a: Code, order: readonly number[]): Code => [
  a,
  [SIMD, 12, order],
  [SIMD, 14],
];

/** 32-bit number i of the result is number `from[i]` of the eight in `a` and `b`. */
export const pick = (a: Code, b: Code, from: readonly number[]): Code => [
  a,
  b,
  [SIMD, 13, from.map((word) => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3])],
];

/** Runs `body` as often as the number in `count` says, at least once. */
export const repeat = (count: number, body: Code): Code => [
  [0x03, 0x40],
  body,
  addI32(get(count), i32(-1)),
  [0x22, unsigned(count)],
  [0x0d, 0],
  0x0b,
];

/**
 * A module that exports its own `memory` and one function: two i32 parameters, locals 0 and 1, then
 * `vectors` local vectors. `data` is written into the memory at the start.
 */
export function wasmModule(
  { name, vectors, body, memoryBytes, data }: {
    name: string;
    vectors: number;
    body: Code;
    memoryBytes: number;
    data: { at: number; bytes: readonly number[] };
  },
): Uint8Array<ArrayBuffer> {
  const code = flatten([1, unsigned(vectors), V128, body, 0x0b]);
  return concatBytes(
    Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0), // "\0asm", version 1
    section(1, [1, 0x60, 2, I32, I32, 0]), // one type: two numbers in, nothing out
    section(3, [1, 0]), // one function of that type
    section(5, [1, 0, unsigned(Math.ceil(memoryBytes / PAGE_BYTES))]), // one memory
    section(7, [2, text("memory"), 2, 0, text(name), 0, 0]), // two exports
    section(10, [1, unsigned(code.length)], code),
    section(11, [1, 0, i32(data.at), 0x0b, unsigned(data.bytes.length), data.bytes]),
  );
}

/** `code` is separate because it is long, and already flat. */
function section(id: number, content: Code, code = new Uint8Array(0)): Uint8Array {
  const bytes = flatten(content);
  return concatBytes(flatten([id, unsigned(bytes.length + code.length)]), bytes, code);
}

function text(ascii: string): Code {
  return [ascii.length, [...ascii].map((char) => char.charCodeAt(0))];
}

function flatten(code: Code): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const append = (part: Code) => {
    if (typeof part === "number") bytes.push(part);
    else for (let i = 0; i < part.length; i++) append(part[i]!);
  };
  append(code);
  return new Uint8Array(bytes);
}
