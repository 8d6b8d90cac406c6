/** Pieces as bits, and as few enough parts to draw. */

/** @param {string} base64 @param {number} count */
export function bitsOf(base64, count) {
  const bytes = atob(base64);
  return Array.from({ length: count }, (_, piece) => {
    return (bytes.charCodeAt(piece >> 3) & 0x80 >> (piece & 7)) !== 0;
  });
}

/** At most `most` parts of equal length, each with the share of its pieces. @param {readonly boolean[]} bits @param {number} most */
export function bucketsOf(bits, most) {
  const length = Math.min(most, bits.length);
  return Array.from({ length }, (_, at) => {
    const from = Math.floor(at * bits.length / length);
    const to = Math.max(from + 1, Math.floor((at + 1) * bits.length / length));
    return bits.slice(from, to).filter(Boolean).length / (to - from);
  });
}
