/**
 * Calls the user's hooks when a torrent is added, done, or has reached its seed goal: once for each
 * event, also over restarts. What has happened is read from the torrent's state, not from events
 * alone, so that nothing is missed while the daemon does not run.
 */
import type { Timer } from "../../platform/types.ts";
import type { Client } from "../../client/client.ts";
import type { TorrentEvent } from "../../client/types.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import type { HookSettings } from "../options.ts";
import { type CallPorts, keyOf } from "./hook_call.ts";
import { factsOf, HOOK_EVENTS, type HookEvent } from "./hook_facts.ts";
import type { HookJournal, Owed } from "./hook_journal.ts";
import { HookQueue } from "./hook_queue.ts";
import type { Log } from "../log.ts";

/** Those after which something may have happened. Each causes a look at the torrent. */
const TELLING: ReadonlySet<TorrentEvent["type"]> = new Set([
  "added",
  "state",
  "done",
  "goal",
  "tracker",
]);
/** All torrents are looked at this often, in case events were lost. */
const SCAN_MS = 10 * 60_000;
/** Torrents that are looked at in one turn. */
const SLICE = 250;

export interface HookPorts extends CallPorts {
  readonly client: Pick<Client, "events" | "get" | "torrents">;
  readonly log: Log;
  hooks(): HookSettings;
}

export class Hooks {
  readonly #ports: HookPorts;
  readonly #journal: HookJournal;
  readonly #queue: HookQueue;
  readonly #events: AsyncIterableIterator<TorrentEvent>;
  #timer: Timer | null = null;
  #scanning: Promise<void>;
  /** Some hooks did not fit into the queue. */
  #overflowed = false;
  #warned = false;
  #closed = false;

  constructor(ports: HookPorts, journal: HookJournal) {
    this.#ports = ports;
    this.#journal = journal;
    this.#queue = new HookQueue({ ...ports, hasRoom: () => this.#refill() });
    this.#events = ports.client.events();
    // What happened before the first journal is no news.
    this.#scanning = this.#scan(journal.isNew);
    this.#callOwed();
    void this.#listen();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#events.return?.();
    await this.#scanning;
    await this.#queue.close();
    this.#journal.close();
  }

  async #listen(): Promise<void> {
    await this.#scanning;
    for await (const { type, infoHash } of this.#events) {
      const torrent = TELLING.has(type) ? this.#ports.client.get(infoHash) : null;
      if (torrent !== null && !this.#closed) this.#lookAt(torrent, false);
    }
  }

  /** `isBaseline`: nothing is called. */
  async #scan(isBaseline: boolean): Promise<void> {
    const { client, clock } = this.#ports, torrents = client.torrents();
    for (let first = 0; first < torrents.length && !this.#closed; first += SLICE) {
      for (const torrent of torrents.slice(first, first + SLICE)) this.#lookAt(torrent, isBaseline);
      await new Promise<void>((resolve) => void clock.after(0, resolve));
    }
    if (this.#closed) return;
    this.#timer = clock.after(SCAN_MS, () => this.#scanning = this.#scan(false));
  }

  #lookAt(torrent: Torrent, isBaseline: boolean): void {
    const { infoHash } = torrent, status = torrent.status(), { addedAt } = status;
    for (const event of happened(status)) {
      if (this.#journal.has(infoHash, addedAt, event)) continue;
      const hooks = isBaseline ? [] : this.#ports.hooks()[event] ?? [];
      this.#kept(() => {
        if (hooks.length === 0) this.#journal.over(infoHash, addedAt, event);
        else this.#owe(torrent, event, addedAt);
      });
    }
  }

  #owe(torrent: Torrent, event: HookEvent, addedAt: number): void {
    const facts = factsOf(torrent, event, this.#ports.clock.wallTime());
    this.#call(this.#journal.owe(facts, addedAt), addedAt);
  }

  #refill(): void {
    if (!this.#overflowed) return;
    this.#overflowed = false;
    this.#callOwed();
  }

  #callOwed(): void {
    for (const { owed, addedAt } of [...this.#journal.owed()]) this.#call(owed, addedAt);
  }

  #call(owed: Owed, addedAt: number): void {
    const { facts, called } = owed, { infoHash, event } = facts;
    const hooks = this.#ports.hooks()[event] ?? [];
    const left = hooks.filter((hook) => !called.has(keyOf(hook)));
    if (left.length === 0) this.#kept(() => this.#journal.over(infoHash, addedAt, event));
    for (const hook of left) {
      const done = () => this.#called(owed, addedAt, keyOf(hook));
      if (!this.#queue.add({ hook, facts, done })) this.#overflowed = true;
    }
  }

  #called(owed: Owed, addedAt: number, key: string): void {
    const { facts: { infoHash, event } } = owed, hooks = this.#ports.hooks()[event] ?? [];
    this.#kept(() => {
      this.#journal.called(owed, key);
      const isOver = hooks.every((hook) => owed.called.has(keyOf(hook)));
      if (isOver) this.#journal.over(infoHash, addedAt, event);
    });
  }

  /** On a full disk hooks are still called, though perhaps again after a restart. */
  #kept(write: () => void): void {
    try {
      write();
      if (this.#journal.isLong) void this.#tidy();
      this.#warned = false;
    } catch (error) {
      if (!this.#warned) {
        this.#ports.log.error(`Hooks cannot be recorded: ${(error as Error).message}`);
      }
      this.#warned = true;
    }
  }

  async #tidy(): Promise<void> {
    const { client, log } = this.#ports;
    await this.#journal.tidy((infoHash) => client.get(infoHash) !== null)
      .catch((error: Error) => log.error(`Hooks cannot be recorded: ${error.message}`));
  }
}

/** A torrent whose files were all there when it was added is not "done": it was no download. */
function happened(status: ReturnType<Torrent["status"]>): HookEvent[] {
  const { completedAt, totals, goalReached, size, left } = status;
  const is: Record<HookEvent, boolean> = {
    added: true,
    done: completedAt !== null && totals.downloaded > 0,
    seedingDone: goalReached && size > 0 && left === 0,
  };
  return HOOK_EVENTS.filter((event) => is[event]);
}
