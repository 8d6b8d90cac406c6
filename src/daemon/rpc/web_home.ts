/** The files of a web page that uses this protocol, such as Transmission's own. */
import type { Files } from "../../platform/types.ts";
import { FileError } from "../../util/errors.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=UTF-8",
  gif: "image/gif",
  html: "text/html; charset=UTF-8",
  ico: "image/x-icon",
  js: "text/javascript; charset=UTF-8",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  webmanifest: "application/manifest+json",
  woff2: "font/woff2",
};
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** The page has scripts and styles in its HTML, and talks to nobody else. */
const POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline'; " +
  "style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** `path` is relative to the folder `home`; links in it are followed, since the owner made them. */
export async function webFile(
  files: Pick<Files, "read">,
  home: string,
  path: string,
): Promise<Response> {
  const name = path === "" || path.endsWith("/") ? `${path}index.html` : path;
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part.startsWith(".") || /[\\\0:]/.test(part))) {
    return notFound();
  }
  try {
    const bytes = await files.read(`${home}/${name}`, MAX_FILE_BYTES, { regularOnly: true });
    return new Response(bytes as Uint8Array<ArrayBuffer>, {
      headers: {
        "content-type": TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
        "content-security-policy": POLICY,
        "cache-control": "no-cache",
      },
    });
  } catch (error) {
    if (error instanceof FileError) return notFound();
    throw error;
  }
}

export function notFound(): Response {
  const headers = { "content-type": "text/html; charset=UTF-8" };
  return new Response("<h1>404: Not Found</h1>", { status: 404, headers });
}
