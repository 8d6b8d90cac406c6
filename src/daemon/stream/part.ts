/**
 * Files of torrents over HTTP, also while they come:
 *   /stream/INFOHASH/INDEX[/NAME]              for the page, and for callers with a token
 *   /stream/link/SEAL/INFOHASH/INDEX[/NAME]    the same by a signed link, for players
 *   /stream/INFOHASH.m3u                       a playlist of such links
 *   /download/INFOHASH/INDEX[/NAME]            to be saved
 *   /download/INFOHASH.zip, .tar               all complete files; ?folder=PATH: those of a folder
 */
import type { TorrentFile } from "../../client/types.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { NotYetError } from "../../util/errors.ts";
import type { HttpPart, HttpParts } from "../http/parts.ts";
import { refusal } from "../http/replies.ts";
import type { Handler, Mount } from "../http/types.ts";
import { dispositionOf, fileReply, SAFE } from "./file_reply.ts";
import { bytesOf } from "./file_source.ts";
import { Links } from "./links.ts";
import { isMedia, isSubtitle } from "./media_types.ts";
import { type ArchiveFile, tarLength, tarOf } from "./tar.ts";
import { zipLength, zipOf } from "./zip.ts";

type Ports = Pick<HttpParts, "client" | "platform" | "stateDir">;

const BASE = { maxBody: 0, types: [] } as const;

export function startStream(ports: Ports): HttpPart {
  const stream = new FileServer(ports);
  const mounts: Mount[] = [
    {
      ...BASE,
      path: "/stream/",
      needs: "read",
      handler: reading((path, r) => stream.play(path, r)),
    },
    {
      ...BASE,
      path: "/stream/link/",
      needs: "nothing",
      handler: reading((path, request) => stream.playLink(path, request)),
    },
    {
      ...BASE,
      path: "/download/",
      needs: "read",
      handler: reading((path, r) => stream.save(path, r)),
    },
  ];
  return { mounts, close: () => {} };
}

/** GET and HEAD alone; the path in parts, decoded. */
function reading(
  answer: (path: readonly string[], request: Request) => Response | Promise<Response>,
): Handler {
  return (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refusal(405, "wrong-method", "Files are read with GET", {
        headers: { allow: "GET, HEAD" },
      });
    }
    const { pathname } = new URL(request.url);
    return answer(pathname.split("/").slice(2).map(decoded), request);
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class FileServer {
  readonly #ports: Ports;
  /** With the first link, since most daemons make none. */
  #links: Promise<Links> | null = null;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  play([what = "", index = ""]: readonly string[], request: Request): Response | Promise<Response> {
    const infoHash = /^([0-9a-f]{40})\.m3u8?$/i.exec(what)?.[1];
    if (infoHash !== undefined) return this.#playlist(infoHash, request);
    return this.#reply(what, index, request, false);
  }

  async playLink(
    [, seal = "", infoHash = "", index = ""]: readonly string[],
    request: Request,
  ): Promise<Response> {
    const now = this.#ports.platform.clock.wallTime() / 1000, links = await this.#open();
    const isGood = links.isGood(seal, infoHash.toLowerCase(), Number(index), now);
    if (isGood) return await this.#reply(infoHash, index, request, false);
    return refusal(403, "bad-link", "The link is not valid, or not any more: make a new one");
  }

  #open(): Promise<Links> {
    const { platform, stateDir } = this.#ports;
    return this.#links ??= Links.open(platform, stateDir);
  }

  save([what = "", index = ""]: readonly string[], request: Request): Response | Promise<Response> {
    const [, infoHash, kind] = /^([0-9a-f]{40})\.(zip|tar)$/i.exec(what) ?? [];
    if (infoHash === undefined) return this.#reply(what, index, request, true);
    return this.#archive(infoHash, kind!.toLowerCase() as "zip" | "tar", request);
  }

  #reply(
    infoHash: string,
    index: string,
    request: Request,
    saves: boolean,
  ): Response | Promise<Response> {
    const torrent = this.#ports.client.get(infoHash);
    const file = torrent?.files()?.find((each) => String(each.index) === index);
    if (torrent === null || file === undefined) return nothingThere();
    return fileReply(this.#ports.platform.files, torrent, file, request, saves);
  }

  /** Media in the order of their names, subtitles beside them. */
  async #playlist(infoHash: string, request: Request): Promise<Response> {
    const torrent = this.#ports.client.get(infoHash), files = torrent?.files();
    if (torrent === null || files == null) return nothingThere();
    const now = this.#ports.platform.clock.wallTime() / 1000, { origin } = new URL(request.url);
    const links = await this.#open();
    const entry = ({ index, name }: TorrentFile) => {
      const seal = links.sign(torrent.infoHash, index, now), last = name.split("/").at(-1)!;
      const path = `/stream/link/${seal}/${torrent.infoHash}/${index}/${encodeURIComponent(last)}`;
      return [`#EXTINF:-1,${oneLine(last)}`, origin + path];
    };
    const media = files.filter(({ name, priority }) => isMedia(name) && priority > 0)
      .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
    const subtitles = files.filter(({ name }) => isSubtitle(name))
      .map((file) => `#EXTVLCOPT:input-slave=${entry(file)[1]}`);
    const lines = [
      "#EXTM3U",
      ...media.flatMap((file) => {
        const [title, url] = entry(file) as [string, string];
        return media.length === 1 ? [title, ...subtitles, url] : [title, url];
      }),
    ];
    const headers = {
      ...SAFE,
      "content-type": "audio/x-mpegurl; charset=utf-8",
      "content-disposition": dispositionOf(`${torrent.status().name}.m3u`, true),
    };
    return new Response(`${lines.join("\n")}\n`, { headers });
  }

  #archive(infoHash: string, kind: "zip" | "tar", request: Request): Response {
    const { client, platform } = this.#ports, torrent = client.get(infoHash);
    const folder = new URL(request.url).searchParams.get("folder");
    const inFolder = ({ name }: TorrentFile) => folder === null || name.startsWith(`${folder}/`);
    const chosen = torrent?.files()?.filter((file) => file.priority > 0 && inFolder(file)) ?? [];
    if (torrent === null || chosen.length === 0) return nothingThere();
    const missing = chosen.find(({ bytesDone, size }) => bytesDone < size);
    if (missing !== undefined) {
      throw new NotYetError(`${missing.name} is not complete yet: wait, or take single files`);
    }
    const files = chosen.map((file) => archived(platform.files, torrent, file));
    const time = torrent.status().completedAt ?? torrent.status().addedAt;
    const [length, parts] = kind === "zip"
      ? [zipLength(files), () => zipOf(files, time)]
      : [tarLength(files), () => tarOf(files, time)];
    const name = folder?.split("/").at(-1) ?? torrent.status().name;
    const headers = {
      ...SAFE,
      "content-type": kind === "zip" ? "application/zip" : "application/x-tar",
      "content-disposition": dispositionOf(`${name}.${kind}`, true),
      "content-length": String(length),
    };
    return new Response(request.method === "HEAD" ? null : streamed(parts()), { headers });
  }
}

function archived(
  files: Ports["platform"]["files"],
  torrent: Torrent,
  file: TorrentFile,
): ArchiveFile {
  const { name, size } = file;
  return { name, size, open: () => bytesOf(files, torrent, file, { start: 0, end: size }) };
}

/** Made as it is read. */
function streamed(parts: AsyncGenerator<Uint8Array<ArrayBuffer>>): ReadableStream {
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await parts.next();
      if (done) controller.close();
      else if (value.length > 0) controller.enqueue(value);
      else await this.pull!(controller);
    },
    async cancel() {
      await parts.return(undefined);
    },
  }, { highWaterMark: 0 });
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}

function nothingThere(): Response {
  return refusal(404, "no-such-file", "There is no such file");
}
