/** Undoes a body's content encoding with a limit on what comes out, not on what went in. */
import { promisify } from "node:util";
import { gunzip, inflate, inflateRaw } from "node:zlib";
import { NetError } from "../../util/errors.ts";
import { errnoOf } from "./errno.ts";

type Unpack = (packed: Uint8Array, options: Limit) => Promise<Uint8Array>;

/** A map, as the names come from a server: it might call one "constructor". */
const unpackers: ReadonlyMap<string, readonly Unpack[]> = new Map([
  ["gzip", [promisify(gunzip)]],
  ["x-gzip", [promisify(gunzip)]],
  // "deflate" means a zlib wrapper, but some servers send the bare stream.
  ["deflate", [promisify(inflate), promisify(inflateRaw)]],
]);

interface Limit {
  maxOutputLength: number;
}

/** `doing` starts the message of a failure: "Cannot get http://...". */
export async function inflateBody(
  packed: Uint8Array,
  encoding: string,
  maxBytes: number,
  doing: string,
): Promise<Uint8Array> {
  const name = encoding.trim().toLowerCase();
  if (name === "" || name === "identity" || packed.length === 0) return packed;
  let failure: unknown;
  for (const unpack of unpackers.get(name) ?? []) {
    try {
      return new Uint8Array(await unpack(packed, { maxOutputLength: Math.max(1, maxBytes) }));
    } catch (error) {
      if (errnoOf(error) === "ERR_BUFFER_TOO_LARGE") {
        throw new NetError("too-large", `${doing}: the answer unpacks to over ${maxBytes} bytes`);
      }
      failure = error;
    }
  }
  throw new NetError("bad-response", `${doing}: its "${name}" packing cannot be undone`, {
    cause: failure,
  });
}
