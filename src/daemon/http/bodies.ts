/** Reading the body of a request within bounds. */
import { ByteGatherer } from "../../util/byte_gatherer.ts";
import { refusal } from "./replies.ts";

/** The request with its whole body in memory, or 413. */
export async function withBody(request: Request, most: number): Promise<Request | Response> {
  if (Number(request.headers.get("content-length") ?? 0) > most) return tooLarge(most);
  if (request.method === "GET" || request.method === "HEAD") return request;
  const bytes = await readUpTo(request.body, most);
  if (bytes === null) return tooLarge(most);
  const { method, headers, url, signal } = request;
  const body = bytes.length > 0 ? { body: bytes as Uint8Array<ArrayBuffer> } : {};
  return new Request(url, { method, headers, signal, ...body });
}

function tooLarge(most: number): Response {
  const message = `The body of the request is over ${most} bytes`;
  return refusal(413, "too-large", message, { headers: { connection: "close" } });
}

/** Null beyond `most`. */
async function readUpTo(
  body: ReadableStream<Uint8Array> | null,
  most: number,
): Promise<Uint8Array | null> {
  const gathered = new ByteGatherer();
  if (body === null) return gathered.bytes;
  const reader = body.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return gathered.bytes;
    if (gathered.length + value.length > most) {
      reader.cancel().catch(() => {});
      return null;
    }
    gathered.add(value);
  }
}
