/** CRC-32C (Castagnoli), which the Web's crypto lacks. BEP 40 and BEP 42 are built on it. */
import { createCRC32 } from "hash-wasm";
import { readUint32 } from "./bytes.ts";

/** The checksum as an unsigned 32-bit number. */
export type Crc32c = (bytes: Uint8Array) => number;

/** The Castagnoli polynomial 0x1EDC6F41 with its bits in reverse, as table-driven CRCs take it. */
const POLYNOMIAL = 0x82f63b78;

let compiled: Promise<Crc32c> | null = null;

/** Compiling the WebAssembly takes a promise, once; after that the checksum is synchronous. */
export function createCrc32c(): Promise<Crc32c> {
  return compiled ??= compile();
}

async function compile(): Promise<Crc32c> {
  const hash = await createCRC32(POLYNOMIAL);
  return (bytes) => {
    hash.init();
    hash.update(bytes);
    return readUint32(hash.digest("binary"), 0);
  };
}
