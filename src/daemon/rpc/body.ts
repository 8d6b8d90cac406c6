/** The body of a request as text, read up to a limit. */

/** As large as a .torrent may be, in base64. */
const MAX_BODY_BYTES = 48 * 1024 * 1024;

/** Null for a body that is too long. */
export async function bodyText(request: Request): Promise<string | null> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return null;
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  let text = "", length = 0;
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
