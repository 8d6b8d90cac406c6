/** What trackers in the field answer, byte by byte: each form of it names the same peer. */
import { gzipSync } from "node:zlib";
import { concatBytes, fromLatin1 } from "../../src/util/bytes.ts";

export const PEER = "1.2.3.4:6881";
const COMPACT = "\x01\x02\x03\x04\x1a\xe1";
const COMPACT6 = `${"\xfe".repeat(16)}\x1a\xe1`;

/** A dictionary of an interval and these entries, in bencode already. */
function dictionary(...entries: string[]): string {
  return `d8:intervali1800e${entries.join("")}e`;
}

function peers(bytes = COMPACT): string {
  return `5:peers${bytes.length}:${bytes}`;
}

const GOOD = dictionary(peers());

function answer(body: string | Uint8Array, headers: string[] = [], status = "200 OK"): Uint8Array {
  const bytes = typeof body === "string" ? fromLatin1(body) : body;
  const isSized = headers.some((line) => /^(content-length|transfer-encoding):/i.test(line));
  const lines = isSized ? headers : [...headers, `Content-Length: ${bytes.length}`];
  const head = `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  return concatBytes(fromLatin1(head), bytes);
}

function chunked(body: string): string {
  const parts = [body.slice(0, 10), body.slice(10)];
  return `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;
}

function packed(body: string): Uint8Array {
  return new Uint8Array(gzipSync(fromLatin1(body)));
}

/** Sent by a server that closes the connection behind it. */
export const READABLE: Readonly<Record<string, Uint8Array>> = {
  "a plain answer": answer(GOOD),
  "gzip": answer(packed(GOOD), ["Content-Encoding: gzip"]),
  "gzip that is not announced": answer(packed(GOOD)),
  "gzip that is announced and is none": answer(GOOD, ["Content-Encoding: gzip"]),
  "chunks": answer(chunked(GOOD), ["Transfer-Encoding: chunked"]),
  "chunks and a length": answer(chunked(GOOD), [
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
  ]),
  "chunks with sizes of many digits": answer(
    `${GOOD.length.toString(16).padStart(16, "0")}\r\n${GOOD}\r\n${"0".repeat(16)}\r\n\r\n`,
    ["Transfer-Encoding: chunked"],
  ),
  "chunks without the last one": answer(chunked(GOOD).slice(0, -7), [
    "Transfer-Encoding: chunked",
  ]),
  "HTTP/1.0 without a length": fromLatin1(`HTTP/1.0 200 OK\r\n\r\n${GOOD}`),
  "lines that end in LF alone": fromLatin1(`HTTP/1.1 200 OK\nContent-Type: text/plain\n\n${GOOD}`),
  "a status without a reason": fromLatin1(`HTTP/1.1 200\r\n\r\n${GOOD}`),
  "a header beyond ASCII": answer(GOOD, ["X-Served-By: k\xf6ln"]),
  "a header with blanks in its name": answer(GOOD, ["X Powered By: php"]),
  "a header without a colon": answer(GOOD, ["nonsense"]),
  "a length that is one too small": answer(GOOD, [`Content-Length: ${GOOD.length - 1}`]),
  "a length that is too large": answer(GOOD, [`Content-Length: ${GOOD.length + 10}`]),
  "an interim answer before": concatBytes(
    fromLatin1("HTTP/1.1 100 Continue\r\n\r\n"),
    answer(GOOD),
  ),
  "an entry behind the end": answer(`${GOOD}6:peers618:${COMPACT6}`),
  "a line end behind": answer(`${GOOD}\r\n`),
  "a line end before": answer(`\n${GOOD}`),
  "a byte order mark": answer(`\xef\xbb\xbf${GOOD}`),
  "a comment behind": answer(`${GOOD}<!-- 0.012s -->`),
  "a byte too many in the compact peers": answer(dictionary(peers(`${COMPACT}\0`))),
  "half a peer too many": answer(dictionary(peers(`${COMPACT}\x7f\0\0\x01\x1a`))),
  "peers6 of an odd length": answer(dictionary(peers(), `6:peers617:${COMPACT6.slice(1)}`)),
  "peers6 as an empty list": answer(dictionary(peers(), "6:peers6le")),
  "peers6 as a number": answer(dictionary(peers(), "6:peers6i0e")),
  "dictionaries with mapped addresses": answer(
    dictionary("5:peersld2:id20:-qB3360-Ji7VZzGyp8KX2:ip14:::ffff:1.2.3.44:porti6881eee"),
  ),
  "dictionaries without peer ids": answer(dictionary("5:peersld2:ip7:1.2.3.44:porti6881eee")),
  "a port as text": answer(dictionary("5:peersld2:ip7:1.2.3.44:port4:6881ee")),
  "a list of compact peers": answer(dictionary(`5:peersl6:${COMPACT}e`)),
  "no interval": answer(`d${peers()}e`),
  "an interval of 0": answer(`d8:intervali0e${peers()}e`),
  "a negative interval": answer(`d8:intervali-5e${peers()}e`),
  "an interval as text": answer(`d8:interval4:1800${peers()}e`),
  "an interval beyond 64 bits": answer(`d8:intervali${2n ** 70n}e${peers()}e`),
  "a failure beside peers": answer(`d14:failure reason10:rate limit${peers()}e`),
  "an empty failure": answer(`d14:failure reason0:${peers()}e`),
  "a warning": answer(dictionary(peers(), "15:warning message5:hello")),
  "a key twice, unsorted": answer(`d${peers()}8:intervali1800e8:intervali900ee`),
  "a number with a leading zero": answer(`d8:completei03e${GOOD.slice(1)}`),
  "minus zero": answer(`d8:completei-0e${GOOD.slice(1)}`),
  "fractions": answer(`d8:completei1.0e8:intervali1800.5e${peers()}e`),
  "a number that is none": answer(`d8:completei?e${GOOD.slice(1)}`),
  "a length with a leading zero": answer(`d08:intervali1800e${peers()}e`),
  "no end": answer(GOOD.slice(0, -1)),
  "damage behind the peers": answer(dictionary(peers(), "4:junk9")),
  "status 203": answer(GOOD, [], "203 Non-Authoritative Information"),
  "status 206": answer(GOOD, [], "206 Partial Content"),
  "status 404": answer(GOOD, [], "404 Not Found"),
};

/** Nobody could read these. */
export const UNREADABLE: Readonly<Record<string, Uint8Array>> = {
  "no HTTP at all": fromLatin1(GOOD),
  "a page": answer("<html>d8:intervali1800ee</html>"),
  "nothing": answer(""),
  "an empty dictionary": answer("de"),
  "a number": answer("i5e"),
  "a failure": answer("d14:failure reason2:no8:intervali1800ee"),
  "an error page": answer("Not found", [], "404 Not Found"),
  "an empty answer with an error status": answer(dictionary(peers("")), [], "500 Oops"),
  "peers cut in the first one": answer(`d${peers().slice(0, -1)}`),
};
