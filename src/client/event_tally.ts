/** Counts of what happened to all torrents of a client in this run. */
import type { TorrentEvent } from "./types.ts";

/** Answered and failed announces. */
export interface AnnounceCounts {
  /** The tracker answered. */
  ok: number;
  /** It did not, or refused. */
  failed: number;
}

export class EventTally {
  /** Connections that were made, by who dialled. */
  readonly connections = { incoming: 0, outgoing: 0 };
  disconnections = 0;
  bans = 0;
  /** Torrents that became complete. */
  done = 0;
  warnings = 0;
  /** By the scheme of the tracker's URL. */
  readonly announces: Readonly<Record<"http" | "https" | "udp", AnnounceCounts>> = {
    http: { ok: 0, failed: 0 },
    https: { ok: 0, failed: 0 },
    udp: { ok: 0, failed: 0 },
  };
  /** How often a torrent waited for its disk or failed, by the code of the error. */
  readonly failures = new Map<string, number>();

  count(event: TorrentEvent): void {
    switch (event.type) {
      case "peer-connected":
        this.connections[event.incoming ? "incoming" : "outgoing"]++;
        break;
      case "peer-disconnected":
        this.disconnections++;
        break;
      case "peer-banned":
        this.bans++;
        break;
      case "tracker":
        this.#announced(event.url, event.ok);
        break;
      case "done":
        this.done++;
        break;
      case "warning":
        this.warnings++;
        break;
      case "waiting":
      case "failed":
        this.failures.set(event.code, (this.failures.get(event.code) ?? 0) + 1);
        break;
    }
  }

  #announced(url: string, ok: boolean): void {
    const scheme = url.startsWith("udp:") ? "udp" : url.startsWith("https:") ? "https" : "http";
    this.announces[scheme][ok ? "ok" : "failed"]++;
  }
}
