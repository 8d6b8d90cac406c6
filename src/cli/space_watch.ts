/**
 * Several downloads into one folder may each fit on its disk and not all of them. Each is looked at
 * when it begins (and refused where it cannot fit); this looks once at all together, and only warns.
 */
import type { TorrentSnapshot } from "../client/types.ts";
import type { Files } from "../platform/types.ts";
import { formatSize } from "./render/format.ts";
import { safeText } from "./render/text.ts";

const NOT_KNOWN_YET: ReadonlySet<string> = new Set(["finding", "checking", "waiting"]);

export class SpaceWatch {
  readonly #files: Files;
  readonly #dir: string;
  #isDone = false;

  constructor(files: Files, dir: string) {
    this.#files = files;
    this.#dir = dir;
  }

  /** Calls `warn` later, if there is too little space. */
  look(torrents: readonly TorrentSnapshot[], warn: (text: string) => void): void {
    if (this.#isDone || torrents.length < 2) return;
    if (torrents.some(({ state }) => NOT_KNOWN_YET.has(state))) return;
    this.#isDone = true;
    const missing = torrents.reduce((sum, { left }) => sum + left, 0);
    this.#files.freeSpace(this.#dir).then((free) => {
      if (free >= missing) return;
      const where = safeText(this.#files.absolute(this.#dir));
      warn(
        `warning: All downloads together need ${
          formatSize(missing)
        } in ${where}, and its disk has ` +
          `${formatSize(free)} free`,
      );
    }).catch(() => {}); // a disk that does not tell
  }
}
