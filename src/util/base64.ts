/** Base64 (RFC 4648). */
import { fromLatin1, toLatin1 } from "./bytes.ts";

export function toBase64(bytes: Uint8Array): string {
  return btoa(toLatin1(bytes));
}

/** Null for text that is not base64. */
export function fromBase64(text: string): Uint8Array | null {
  try {
    return fromLatin1(atob(text));
  } catch {
    return null;
  }
}
