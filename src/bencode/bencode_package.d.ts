/** The parts of the npm package `bencode` 4.0.1 that shoal uses; it ships no types. */
declare const bencode: {
  encode(value: unknown): Uint8Array;
  /**
   * Never use it for untrusted bytes: it hangs on some and misreads others. Tests compare with it.
   */
  decode(bytes: Uint8Array): unknown;
};
export default bencode;
