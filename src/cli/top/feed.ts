/** The daemon's stream of changes, as a list that is kept up to date. */
import type { SessionRow, Snapshot } from "../../daemon/api/live.ts";
import type { Delta } from "../../daemon/api/live_list.ts";
import type { HttpStream } from "../../platform/types.ts";
import { ShoalError } from "../../util/errors.ts";
import type { RemoteTorrent } from "../remote/torrents.ts";

/** What came is no event of a daemon. */
export class BadEventError extends ShoalError {
  readonly code = "bad-event";
}

/** The most characters of one event. */
const MOST_TEXT = 256 * 1024 * 1024;

export class TorrentFeed {
  readonly torrents = new Map<string, RemoteTorrent>();
  session: SessionRow = { torrents: 0, downRate: 0, upRate: 0, port: 0 };
  /** Of the last event, for the next connection; null before. */
  lastId: string | null = null;

  /** Until the stream ends; `changed` after each event. */
  async follow(stream: HttpStream, changed: () => void): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for (let part; (part = await stream.read()) !== null;) {
      text += decoder.decode(part, { stream: true });
      for (let end; (end = text.indexOf("\n\n")) >= 0;) {
        if (this.#take(text.slice(0, end))) changed();
        text = text.slice(end + 2);
      }
      if (text.length > MOST_TEXT) return stream.close();
    }
  }

  /** Returns whether it was an event, and not a sign of life. */
  #take(frame: string): boolean {
    const fields = new Map(
      frame.split("\n").map((line) => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon), line.slice(colon + 2)] as const;
      }),
    );
    const data = fields.get("data"), event = fields.get("event");
    if (data === undefined) return false;
    this.lastId = fields.get("id") ?? this.lastId;
    const value = parsed(data);
    if (event === "snapshot") this.#begin(value as Snapshot);
    else this.#change(value as Delta);
    return true;
  }

  #begin({ torrents, session }: Snapshot): void {
    this.torrents.clear();
    for (const [infoHash, row] of Object.entries(torrents)) {
      this.torrents.set(infoHash, { infoHash, ...row });
    }
    this.session = session;
  }

  #change({ torrents, removed, session }: Delta & { session?: SessionRow }): void {
    for (const [infoHash, changes] of Object.entries(torrents)) {
      const before = this.torrents.get(infoHash) ?? { infoHash };
      this.torrents.set(infoHash, { ...before, ...changes } as RemoteTorrent);
    }
    for (const infoHash of removed ?? []) this.torrents.delete(infoHash);
    if (session !== undefined) this.session = session;
  }
}

/** Throws a BadEventError. */
function parsed(data: string): object {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value === "object" && value !== null && "torrents" in value) return value;
  } catch (cause) {
    throw new BadEventError("The daemon sent an event that is not JSON", { cause });
  }
  throw new BadEventError("The daemon sent an event without torrents");
}
