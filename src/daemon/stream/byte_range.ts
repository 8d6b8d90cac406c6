/** The Range header (RFC 9110, 14.2): one range of bytes. */

export interface ByteRange {
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
}

/**
 * "unsatisfiable" for a range outside; null to send everything, as for several ranges, other units and
 * what cannot be read: a server may always do that.
 */
export function rangeIn(header: string | null, size: number): ByteRange | "unsatisfiable" | null {
  const match = /^\s*bytes\s*=\s*(\d{0,16})\s*-\s*(\d{0,16})\s*$/i.exec(header ?? "");
  if (match === null) return null;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return null;
  if (first === "") {
    const length = Math.min(size, Number(last));
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(first), end = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < start) return null;
  return start >= size ? "unsatisfiable" : { start, end };
}
