/** Events that are worth a sentence of their own to a person. */
import type { TorrentEvent } from "../../client/types.ts";
import { formatCount, formatSize } from "./format.ts";
import { safeText } from "./text.ts";

/** Turns events into sentences; keeps the names that events leave out, and what was said last. */
export class Notes {
  readonly #names = new Map<string, string>();
  /** By torrent and tracker, the message that was shown last. */
  readonly #trackerTexts = new Map<string, string | null>();

  /** `withFailures`: tracker failures too, for displays that do not show them otherwise. */
  constructor(readonly withFailures: boolean) {}

  nameOf(infoHash: string): string {
    return this.#names.get(infoHash) ?? infoHash;
  }

  /** Null for what needs no words. */
  about(event: TorrentEvent): string | null {
    if (event.type === "added") this.#names.set(event.infoHash, safeText(event.name));
    const text = this.#sentence(event);
    return text === null ? null : `${this.nameOf(event.infoHash)}: ${text}`;
  }

  #sentence(event: TorrentEvent): string | null {
    switch (event.type) {
      case "added":
        return `${formatSize(event.size)} in ${formatCount(event.files, "file")}, ` +
          formatCount(event.pieces, "piece");
      case "checked":
        if (event.have === 0) return null;
        return `${formatSize(event.have)} of ${formatSize(event.size)} are here already`;
      case "piece-failed":
        return `piece ${event.piece} failed its check and is downloaded again`;
      case "peer-banned":
        return `banned ${event.address} port ${event.port}: ${safeText(event.reason)}`;
      case "final-check":
        if (event.bad === 0) return null;
        return `the final check found ${formatCount(event.bad, "bad piece")}; downloaded again`;
      case "warning":
        return `warning: ${safeText(event.message)}`;
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
