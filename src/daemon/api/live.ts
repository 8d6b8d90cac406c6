/**
 * GET /api/v1/events: the list of torrents as server-sent events. First a snapshot, then at most one
 * delta a second, which is made and serialised once for all subscribers. An event's id is
 * "EPOCH-SEQ". A reader that comes back with the last one, as Last-Event-ID or as ?since=, gets what it
 * missed, if that is not too long ago.
 * While nobody listens, nothing is computed.
 */
import type { Clock, Random, Timer } from "../../platform/types.ts";
import type { Client } from "../../client/client.ts";
import { toHex } from "../../util/bytes.ts";
import { type Delta, LiveList } from "./live_list.ts";
import type { TorrentRow } from "./torrent_row.ts";

const TICK_MS = 1000;
/** Deltas that are kept for those that come back. */
const MOST_KEPT = 60;
/** Frames that may wait for a subscriber; one that reads too slowly is dropped. */
const MOST_WAITING = 64;
/** A comment shows a dead connection where nothing changes. */
const QUIET_TICKS = 15;

/** Figures of all torrents together. */
export interface SessionRow {
  torrents: number;
  /** Bytes a second. */
  downRate: number;
  upRate: number;
  /** Where peers can dial us; 0 for nowhere. */
  port: number;
}

/** The data of "event: snapshot". */
export interface Snapshot {
  torrents: Record<string, TorrentRow>;
  session: SessionRow;
}

type Watched = Pick<Client, "torrents" | "port">;
type Controller = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

const UTF8 = new TextEncoder();

export class Live {
  readonly #clock: Clock;
  readonly #client: Watched;
  readonly #list: LiveList;
  readonly #epoch: string;
  readonly #readers = new Set<Controller>();
  /** The last frames; the newest has the number `#seq`. */
  readonly #kept: Uint8Array<ArrayBuffer>[] = [];
  #seq = 0;
  #session = "";
  #quiet = 0;
  #snapshot: Uint8Array<ArrayBuffer> | null = null;
  #timer: Timer | null = null;
  /** When the last reader left. */
  #restSince = -Infinity;
  #closed = false;

  constructor({ clock, random, client }: { clock: Clock; random: Random; client: Watched }) {
    this.#clock = clock;
    this.#client = client;
    this.#list = new LiveList(client);
    this.#epoch = toHex(random.fill(new Uint8Array(6)));
  }

  /** The answer to a request for the stream. */
  answer(request: Request): Response {
    const last = request.headers.get("last-event-id") ??
      new URL(request.url).searchParams.get("since");
    let own: Controller;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => this.#join(own = controller, last),
      cancel: () => this.#leave(own),
    }, { highWaterMark: MOST_WAITING });
    const headers = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
    return new Response(body, { headers });
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Ends all streams. */
  close(): void {
    this.#closed = true;
    for (const reader of [...this.#readers]) {
      this.#leave(reader);
      reader.close();
    }
  }

  #join(reader: Controller, last: string | null): void {
    if (this.#closed) return reader.close();
    if (this.#readers.size === 0) this.#wake();
    this.#readers.add(reader);
    for (const frame of this.#missedSince(last) ?? [this.#wholeFrame()]) reader.enqueue(frame);
  }

  /** Null if it must begin with a snapshot. */
  #missedSince(last: string | null): readonly Uint8Array<ArrayBuffer>[] | null {
    const [epoch, seq] = last?.split("-") ?? [], missed = this.#seq - Number(seq);
    const isKnown = epoch === this.#epoch && missed >= 0 && missed <= this.#kept.length;
    return isKnown ? this.#kept.slice(this.#kept.length - missed) : null;
  }

  #leave(reader: Controller): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#snapshot = null;
    this.#restSince = this.#clock.now();
  }

  /** After a rest: what changed meanwhile is one delta, or after a long one nothing is kept. */
  #wake(): void {
    if (this.#clock.now() - this.#restSince > MOST_KEPT * TICK_MS) {
      this.#kept.length = 0;
      this.#list.clear();
      this.#seq++;
    }
    const isNew = this.#list.rows.size === 0;
    const delta = this.#list.tick(true);
    if (!isNew) this.#tell(delta);
    this.#session = JSON.stringify(this.#sessionRow());
    this.#plan();
  }

  #plan(): void {
    this.#timer = this.#clock.after(TICK_MS, () => {
      this.#plan();
      this.#tell(this.#list.tick());
    });
  }

  #tell({ torrents, removed }: Delta): void {
    const session = this.#sessionRow(), text = JSON.stringify(session);
    const isSame = text === this.#session && removed.length === 0 && isEmpty(torrents);
    if (isSame) return this.#stayQuiet();
    this.#session = text;
    this.#quiet = 0;
    this.#snapshot = null;
    this.#seq++;
    const frame = this.#frame("delta", { torrents, removed, session });
    this.#kept.push(frame);
    if (this.#kept.length > MOST_KEPT) this.#kept.shift();
    this.#send(frame);
  }

  #stayQuiet(): void {
    if (++this.#quiet < QUIET_TICKS) return;
    this.#quiet = 0;
    this.#send(UTF8.encode(":\n\n"));
  }

  #send(frame: Uint8Array<ArrayBuffer>): void {
    for (const reader of [...this.#readers]) {
      if ((reader.desiredSize ?? 0) > 0) {
        reader.enqueue(frame);
        continue;
      }
      this.#leave(reader);
      reader.error(new Error("The reader of the events is too slow"));
    }
  }

  /** Made once for all that come in the same second. */
  #wholeFrame(): Uint8Array<ArrayBuffer> {
    const torrents = Object.fromEntries(this.#list.rows), session = this.#sessionRow();
    return this.#snapshot ??= this.#frame("snapshot", { torrents, session });
  }

  #frame(event: "snapshot" | "delta", data: unknown): Uint8Array<ArrayBuffer> {
    const id = `${this.#epoch}-${this.#seq}`;
    return UTF8.encode(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #sessionRow(): SessionRow {
    let downRate = 0, upRate = 0;
    for (const row of this.#list.rows.values()) {
      downRate += row.downRate;
      upRate += row.upRate;
    }
    return { torrents: this.#list.rows.size, downRate, upRate, port: this.#client.port };
  }
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false;
  return true;
}
