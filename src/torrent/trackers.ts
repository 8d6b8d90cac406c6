/**
 * The trackers of a torrent, for as long as the client has the torrent, and the times of their
 * announces. The announcer is created again each time that the torrent comes online.
 */
import type { TrackerManager } from "../tracker/tracker_manager.ts";
import { parseTrackerUrl } from "../tracker/tracker_url.ts";
import type { TrackerChanges, TrackerTiers } from "./options.ts";

/** A download without connections asks its trackers this often, as far as they allow. */
const CALL_FOR_PEERS_MS = 15_000;

export class TorrentTrackers {
  readonly #make: () => TrackerManager;
  /** From the link or .torrent. */
  #own: TrackerTiers;
  #chosen: TrackerTiers | TrackerChanges | undefined;
  #private = false;
  #manager: TrackerManager | null = null;
  #stopped = false;
  #nextCallAt = 0;
  #hadCompanyAt = 0;

  constructor(
    own: TrackerTiers,
    chosen: TrackerTiers | TrackerChanges | undefined,
    make: () => TrackerManager,
  ) {
    this.#own = own;
    this.#chosen = chosen;
    this.#make = make;
  }

  /** The URLs of all trackers, including those that the user added. */
  get tiers(): TrackerTiers {
    return changedTiers(this.#own, this.#chosen ?? {});
  }

  /** Known to be private (BEP 27). */
  get private(): boolean {
    return this.#private;
  }

  /** Of the present run, the last one, or the next. */
  get manager(): TrackerManager {
    return this.#manager ??= this.#make();
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  start(now: number): void {
    // One that was stopped cannot be started again; and much may have changed meanwhile.
    if (this.#stopped) this.#renew();
    this.#stopped = false;
    this.#hadCompanyAt = now;
    this.manager.start();
  }

  /** Sends "stopped", which takes up to `timeoutMs`. */
  stop(timeoutMs: number): Promise<void> {
    if (this.#manager === null) return Promise.resolve();
    this.#stopped = true;
    return this.#manager.stop(timeoutMs).catch(() => {});
  }

  /** The metadata is known. */
  know(own: TrackerTiers, isPrivate: boolean, online: boolean): void {
    this.#own = own;
    this.#private = isPrivate;
    if (!online) this.#manager = null; // they may be more now
    if (isPrivate) this.#manager?.askOneAtATime();
  }

  choose(trackers: TrackerTiers | TrackerChanges): void {
    this.#chosen = changedTiers(this.tiers, trackers);
    if (this.#stopped) this.#renew();
    else this.#manager?.setTiers(this.tiers);
  }

  #renew(): void {
    const earlier = this.#manager;
    this.#manager = null;
    if (earlier !== null) this.manager.heed(earlier);
  }

  /**
   * For a download, a few times a second: with no peer `connected` for a while, or none to dial, the
   * trackers are asked as they allow.
   */
  callForPeers(now: number, connected: number, toDial: () => number): void {
    if (connected > 0) this.#hadCompanyAt = now;
    if (connected > 0 || now < this.#nextCallAt) return;
    if (toDial() > 0 && now - this.#hadCompanyAt < CALL_FOR_PEERS_MS) return;
    this.#nextCallAt = now + CALL_FOR_PEERS_MS;
    this.manager.announceNow();
  }
}

const MAX_TRACKERS = 100;
const MAX_TRACKER_URL = 2000;

function changedTiers(present: TrackerTiers, chosen: TrackerTiers | TrackerChanges): TrackerTiers {
  if (isTiers(chosen)) return chosen;
  const { add = [], remove = [] } = chosen;
  if (add.length + remove.length === 0) return present;
  const before = new Set(present.flat().map(asListed)), removed = new Set(remove.map(asListed));
  const added = add.filter((url) => !before.has(asListed(url))).map((url) => [url]);
  let room = MAX_TRACKERS - added.length;
  const kept = present.map((tier) =>
    tier.filter((url) => !removed.has(asListed(url)) && url.length <= MAX_TRACKER_URL && room-- > 0)
  );
  return [...kept.filter((tier) => tier.length > 0), ...added];
}

/** As `Torrent.trackers` lists it. */
function asListed(text: string): string {
  try {
    return parseTrackerUrl(text).text;
  } catch {
    return text;
  }
}

function isTiers(chosen: TrackerTiers | TrackerChanges): chosen is TrackerTiers {
  return Array.isArray(chosen);
}
