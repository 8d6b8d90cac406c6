/** A file of a torrent as an answer: whole or in part (RFC 9110), and never as a page of ours. */
import type { TorrentFile } from "../../client/types.ts";
import type { Files } from "../../platform/types.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { rangeIn } from "./byte_range.ts";
import { bytesOf } from "./file_source.ts";
import { mediaTypeOf } from "./media_types.ts";

/** `saves`: a browser saves it, whatever it is. */
export async function fileReply(
  files: Files,
  torrent: Torrent,
  file: TorrentFile,
  request: Request,
  saves = false,
): Promise<Response> {
  const { size } = file, etag = `"${torrent.infoHash}-${file.index}"`;
  const headers: Record<string, string> = { ...headersOf(file.name, saves), etag };
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  // A file is what its info-hash says: no other validator can match.
  const condition = request.headers.get("if-range");
  const wanted = condition === null || condition === etag ? request.headers.get("range") : null;
  const range = rangeIn(wanted, size);
  if (range === "unsatisfiable") {
    headers["content-range"] = `bytes */${size}`;
    return new Response(null, { status: 416, headers });
  }
  const { start, end } = range ?? { start: 0, end: size };
  headers["content-length"] = String(end - start);
  if (range !== null) headers["content-range"] = `bytes ${start}-${end - 1}/${size}`;
  const status = range === null ? 200 : 206;
  if (request.method === "HEAD") return new Response(null, { status, headers });
  return new Response(await bytesOf(files, torrent, file, { start, end }), { status, headers });
}

function headersOf(name: string, saves: boolean): Record<string, string> {
  const type = saves ? null : mediaTypeOf(name);
  return {
    ...SAFE,
    "content-type": type ?? "application/octet-stream",
    "content-disposition": dispositionOf(name.split("/").at(-1)!, type === null),
    "accept-ranges": "bytes",
  };
}

/** Scripts in it would run without the rights of our pages, if anything ran them. */
export const SAFE: Readonly<Record<string, string>> = {
  "content-security-policy": "sandbox; default-src 'none'",
  "cache-control": "private, no-cache",
};

/** RFC 6266, with a plain name for old clients. */
export function dispositionOf(name: string, saves: boolean): string {
  const plain = name.replace(/[^ -~]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (char) => {
    return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  });
  const kind = saves ? "attachment" : "inline";
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
