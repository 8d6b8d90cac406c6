/** The Transmission RPC as a part of the daemon. */
import { parseTorrent } from "../../metainfo/metainfo.ts";
import { VERSION } from "../../wire/peer_id.ts";
import type { DaemonParts } from "../daemon.ts";
import type { HttpPart } from "../http/parts.ts";
import { Roots } from "../roots.ts";
import type { RpcPorts } from "./ports.ts";
import { MAX_REQUEST_BYTES, TransmissionRpc } from "./rpc.ts";
import { notFound, webFile } from "./web_home.ts";

/** Serves rpcPath, usually /transmission/, with the RPC at "rpc" and a web page at "web/". */
export function startRpc(parts: DaemonParts): HttpPart {
  const { platform: { files }, settings: { present: { rpcPath, webHome } } } = parts;
  const rpc = new TransmissionRpc(rpcPorts(parts));
  const home = webHome === undefined ? null : files.absolute(webHome);
  const toPage = () => Promise.resolve(redirect(`${rpcPath}web/`));
  return {
    mounts: [{
      path: rpcPath,
      needs: "read",
      maxBody: MAX_REQUEST_BYTES,
      // The session id keeps other sites' pages out, and clients send many types.
      types: null,
      asksForPassword: true,
      handler: (request, who) => {
        const path = decoded(new URL(request.url).pathname.slice(rpcPath.length));
        if (path === "rpc" || path.startsWith("rpc/")) return rpc.handle(request, who);
        if (path === "" || path === "web") return toPage();
        if (!path.startsWith("web/") || home === null) return notFound();
        return webFile(files, home, path.slice("web/".length));
      },
    }, {
      path: rpcPath.slice(0, -1),
      needs: "read",
      maxBody: 0,
      types: null,
      asksForPassword: true,
      handler: toPage,
    }],
    close: () => {},
  };
}

/** The same if it is no percent-encoding. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function redirect(location: string): Response {
  return new Response(null, { status: 301, headers: { location } });
}

export function rpcPorts(parts: DaemonParts): RpcPorts {
  const { platform, client, settings, log, stateDir, end } = parts;
  const { clock, random, files, http, net, hasher, process } = platform;
  const windows = process.os === "windows";
  return {
    client,
    settings,
    clock,
    random,
    files,
    http,
    net,
    roots: new Roots(parts),
    stateDir,
    version: VERSION,
    parse: (bytes) => parseTorrent(bytes, (part) => hasher.digest("sha1", part), { windows }),
    warn: (message) => log.warn(message),
    close: end,
  };
}
