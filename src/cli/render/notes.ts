/** Events that deserve a sentence for the user. */
import type { TorrentEvent } from "../../client/types.ts";
import { amountText, haveOf } from "./phrases.ts";
import { formatCount, formatSize } from "./format.ts";
import { safeText } from "./text.ts";

/**
 * Turns events into sentences; remembers the names that events leave out, and the last messages.
 */
export class Notes {
  readonly #names = new Map<string, string>();
  /** By torrent and tracker, the last message shown. */
  readonly #trackerTexts = new Map<string, string | null>();

  /** `withFailures`: tracker failures too, for displays that do not show them otherwise. */
  constructor(readonly withFailures: boolean) {}

  nameOf(infoHash: string): string {
    return this.#names.get(infoHash) ?? infoHash;
  }

  /** Null for events without a sentence. */
  about(event: TorrentEvent): string | null {
    if (event.type === "added") this.#names.set(event.infoHash, safeText(event.name));
    const text = this.#sentence(event);
    // Before it begins only its hash is known, and the sentence itself names it.
    const tellsName = event.type === "waiting" || event.type === "warning";
    if (tellsName && !this.#names.has(event.infoHash)) return text;
    return text === null ? null : `${this.nameOf(event.infoHash)}: ${text}`;
  }

  #sentence(event: TorrentEvent): string | null {
    switch (event.type) {
      case "added":
        return `${formatSize(event.wanted)} in ${fileCount(event)}, ` +
          formatCount(event.pieces, "piece");
      case "checked":
        if (haveOf(event) === 0) return null;
        if (event.left === 0) return `all ${formatSize(event.wanted)} already on disk`;
        return `${amountText(event)} already on disk`;
      case "piece-failed":
        return `piece ${event.piece} failed its check and is downloaded again`;
      case "peer-banned":
        return `banned ${event.address} port ${event.port}: ${safeText(event.reason)}`;
      case "final-check":
        if (event.bad === 0) return null;
        return `the final check found ${formatCount(event.bad, "bad piece")}; downloaded again`;
      case "warning":
        return `warning: ${safeText(event.message)}`;
      case "waiting":
        return safeText(event.message);
      case "tracker":
        return this.#trackerSentence(event);
      default:
        return null;
    }
  }

  #trackerSentence(event: TorrentEvent & { type: "tracker" }): string | null {
    const key = `${event.infoHash} ${event.url}`;
    const before = this.#trackerTexts.get(key) ?? null;
    this.#trackerTexts.set(key, event.message);
    if (event.message === null || event.message === before) return null;
    if (!event.ok && !this.withFailures) return null;
    const verb = event.ok ? "says" : "failed";
    return `tracker ${safeText(event.url)} ${verb}: ${safeText(event.message)}`;
  }
}

/** "5 files", or "2 of 5 files" if some are not wanted. */
function fileCount({ files, wantedFiles }: { files: number; wantedFiles: number }): string {
  const all = formatCount(files, "file");
  return wantedFiles === files ? all : `${wantedFiles} of ${all}`;
}
