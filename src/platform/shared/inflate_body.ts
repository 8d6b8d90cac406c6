/** Decodes a body's content encoding, with a limit on the output, not on the input. */
import process from "node:process";
import { promisify } from "node:util";
import { NetError } from "../../util/errors.ts";
import { errnoOf } from "./errno.ts";

type Unpack = (packed: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;
type Method = "gunzip" | "inflate" | "inflateRaw";

/** A map, as the names come from a server, which may send "constructor". */
const unpackers: ReadonlyMap<string, readonly Method[]> = new Map([
  ["gzip", ["gunzip"]],
  ["x-gzip", ["gunzip"]],
  // "deflate" means a zlib wrapper, but some servers send the bare stream.
  ["deflate", ["inflate", "inflateRaw"]],
]);

export interface InflateOptions {
  /** The limit of the output. */
  maxBytes: number;
  /** Starts the message of a failure: "Cannot get http://...". */
  doing: string;
  /** Detects gzip by the first bytes, whatever `encoding` says. */
  lenient: boolean;
}

export async function inflateBody(
  packed: Uint8Array,
  encoding: string,
  { maxBytes, doing, lenient }: InflateOptions,
): Promise<Uint8Array> {
  const said = encoding.trim().toLowerCase();
  const name = lenient ? trueEncoding(packed, said) : said;
  if (name === "" || name === "identity" || packed.length === 0) return packed;
  let failure: unknown;
  for (const method of unpackers.get(name) ?? []) {
    try {
      // Loaded on demand: most answers are not compressed.
      const unpack = promisify(process.getBuiltinModule("node:zlib")[method]);
      const options = { maxOutputLength: Math.max(1, maxBytes) };
      return new Uint8Array(await (unpack as Unpack)(packed, options));
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

function trueEncoding(packed: Uint8Array, said: string): string {
  if (packed[0] === 0x1f && packed[1] === 0x8b) return "gzip";
  return unpackers.get(said)?.includes("gunzip") ? "" : said;
}
