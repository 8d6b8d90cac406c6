/** Answers of the daemon: JSON, errors, and the headers that all of them have. */
import { FileError, ShoalError } from "../../util/errors.ts";

/** What went wrong, for programs (`code`) and people (`message`). */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    /** The file, or the part of the request's body ("options.dir"), that it is about. */
    readonly path?: string;
  };
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

export function refusal(
  status: number,
  code: string,
  message: string,
  { path, headers }: { path?: string; headers?: Record<string, string> } = {},
): Response {
  const body: ErrorBody = { error: { code, message, ...(path === undefined ? {} : { path }) } };
  return json(body, status, headers);
}

/** By codes of ShoalErrors; any other code is 409, as a request that its torrent cannot meet. */
const STATUS: Readonly<Record<string, number>> = {
  "duplicate": 409,
  "permission": 403,
  "outside-roots": 403,
  "owner-only": 403,
  "no-such-torrent": 404,
  "not-found": 404,
  "disk-full": 507,
  "closed": 503,
  "timeout": 504,
};

/** An error of ours as it is; the words of a bug are not for visitors. */
export function errorReply(error: unknown): Response {
  if (error instanceof RangeError) return refusal(400, "bad-request", error.message);
  if (!(error instanceof ShoalError)) {
    return refusal(500, "internal", "The daemon has a bug: see its log");
  }
  const path = error instanceof FileError ? { path: error.path } : {};
  return refusal(STATUS[error.code] ?? statusOf(error), error.code, error.message, path);
}

/** 400 for what the caller sent, 409 for what stands against it. */
function statusOf({ name }: ShoalError): number {
  return name === "TorrentFileError" || name === "MagnetError" || name === "NetError" ? 400 : 409;
}

const HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};

/** Adds the headers that a browser needs to treat it safely; what the handler chose stays. */
export function secured(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!headers.has(name)) headers.set(name, value);
  }
  return new Response(response.body, { status: response.status, headers });
}
