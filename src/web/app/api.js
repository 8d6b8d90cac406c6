/** Requests to the daemon, relative to the page, so that a path of a proxy in front is kept. */

const BASE = "api/v1";

/** The daemon refused; `message` is its own. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * "PATCH /settings". Resolves to the JSON of the answer. Rejects with an ApiError; status 0: no
 * answer.
 *
 * @param {string} what @param {unknown} [body] @returns {Promise<any>}
 */
export async function ask(what, body) {
  const [method = "GET", path = ""] = what.split(" ");
  const answer = await fetch(BASE + path, {
    method,
    ...(method === "GET" ? {} : { headers: { "content-type": "application/json" } }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error) => {
    throw new ApiError(0, "away", error.message);
  });
  const text = await answer.text();
  if (answer.ok) return text === "" ? null : JSON.parse(text);
  throw errorOf(answer.status, text);
}

/** @param {number} status @param {string} text */
function errorOf(status, text) {
  try {
    const { error } = JSON.parse(text);
    return new ApiError(status, error.code, error.message);
  } catch {
    return new ApiError(status, "bad-answer", text.slice(0, 200) || String(status));
  }
}

/** The same for each torrent; rejects with the first error. @param {Iterable<string>} infoHashes @param {string} verb */
export async function each(infoHashes, verb) {
  const asked = [...infoHashes].map((infoHash) => ask(`POST /torrents/${infoHash}/${verb}`));
  await Promise.all(asked);
}

/** @param {string} infoHash @param {object} changes */
export const change = (infoHash, changes) => ask(`PATCH /torrents/${infoHash}`, changes);
