/** What shoal uses of the npm package `bencode` 4.0.1, which ships no types. */
declare const bencode: {
  encode(value: unknown): Uint8Array;
  /** Never for bytes from outside: it hangs on some and misreads others. Tests compare with it. */
  decode(bytes: Uint8Array): unknown;
};
export default bencode;
