/** Answers with the files of the page. They are read and packed when they are first asked for. */
import type { Hasher } from "../../platform/types.ts";
import { toHex } from "../../util/bytes.ts";
import type { Asset } from "../../web/assets.ts";
import { takesCoding } from "../http/accepts.ts";
import { refusal } from "../http/replies.ts";

/** Only our own files, no scripts or styles in HTML, and no HTML made of text. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "media-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

export interface PagePorts {
  readonly hasher: Pick<Hasher, "digest">;
  /** Default: those of the program. */
  load?(): Promise<readonly Asset[]>;
}

interface Ready {
  readonly type: string;
  readonly tag: string;
  /** By content coding; "" for none. */
  readonly bodies: Readonly<Record<Coding, Uint8Array<ArrayBuffer>>>;
}

/** Browsers take "br" only by https and on this machine. */
type Coding = "" | "br" | "gzip";

export class Page {
  readonly #ports: PagePorts;
  /** By path: "/web/app.js". */
  #ready: Promise<ReadonlyMap<string, Ready>> | null = null;

  constructor(ports: PagePorts) {
    this.#ports = ports;
  }

  async answer({ method, url, headers }: Request): Promise<Response> {
    const { pathname } = new URL(url);
    const found = (await (this.#ready ??= this.#load())).get(pathname);
    if (found === undefined) {
      return refusal(404, "no-such-path", `There is nothing at ${pathname}`);
    }
    if (method !== "GET" && method !== "HEAD") {
      const allow = { headers: { allow: "GET, HEAD" } };
      return refusal(405, "wrong-method", `${pathname} takes GET, HEAD`, allow);
    }
    const { tag, type, bodies } = found;
    const about = {
      "etag": tag,
      "cache-control": "no-cache",
      "vary": "accept-encoding",
      "content-security-policy": POLICY,
    };
    if (namesTag(headers.get("if-none-match"), tag)) {
      return new Response(null, { status: 304, headers: about });
    }
    const coding = codingFor(headers), bytes = bodies[coding];
    return new Response(method === "HEAD" ? null : bytes, {
      headers: {
        ...about,
        "content-type": type,
        "content-length": String(bytes.length),
        ...(coding === "" ? {} : { "content-encoding": coding }),
      },
    });
  }

  async #load(): Promise<ReadonlyMap<string, Ready>> {
    const assets = await (this.#ports.load ?? bundled)();
    return new Map(
      await Promise.all(assets.map(async (asset) => {
        return [`/${asset.path}`, await this.#prepare(asset)] as const;
      })),
    );
  }

  async #prepare({ text, type }: Asset): Promise<Ready> {
    const plain = new TextEncoder().encode(text);
    const [br, gzip] = await Promise.all([packed(plain, "brotli"), packed(plain, "gzip")]);
    const tag = `W/"${toHex(this.#ports.hasher.digest("sha256", plain)).slice(0, 24)}"`;
    const isText = type !== "image/svg+xml" && type !== "application/manifest+json";
    return { type: isText ? `${type}; charset=UTF-8` : type, tag, bodies: { "": plain, br, gzip } };
  }
}

/** Loaded on demand: a daemon without visitors has no page in memory. */
async function bundled(): Promise<readonly Asset[]> {
  const { pageAssets } = await import("../../web/assets.ts");
  return pageAssets();
}

function namesTag(given: string | null, tag: string): boolean {
  return given !== null && given.split(",").some((each) => each.trim() === tag);
}

function codingFor(headers: Headers): Coding {
  if (takesCoding(headers, "br")) return "br";
  return takesCoding(headers, "gzip") ? "gzip" : "";
}

/** Well rather than quickly, since it is done once. */
async function packed(bytes: Uint8Array<ArrayBuffer>, format: "brotli" | "gzip") {
  const stream = new Blob([bytes]).stream().pipeThrough(
    new CompressionStream(format as ConstructorParameters<typeof CompressionStream>[0]),
  );
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
