/**
 * One end of a simulated TCP connection. At most a window of bytes is in flight in each direction
 * and unread, so a paused reader stops the writer as in real TCP.
 */
import { netError, systemError } from "../../../src/platform/shared/errno.ts";
import { SocketBase } from "../../../src/platform/shared/socket_base.ts";
import type { SocketInfo } from "../../../src/platform/types.ts";
import type { SimHost } from "./host.ts";
import type { Flow, Network, Segment } from "./network.ts";

const SEGMENT_BYTES = 65536;
const WINDOW_BYTES = 4 * SEGMENT_BYTES;
/** The time that the real socket's `close()` allows for queued bytes. */
const CLOSE_GRACE_MS = 2000;
/** Overwrites delivered chunks, to detect code that keeps a borrowed one. */
const POISON = 0xdb;

export class SimSocket extends SocketBase {
  readonly host: SimHost;
  readonly #network: Network;
  /** The beginning of an error message. */
  readonly #doing: string;
  #info: SocketInfo | null = null;
  #flow: Flow | null = null;
  #open = false;
  #over = false;
  #reading = true;
  #queue: { bytes: Uint8Array; at: number }[] = [];
  /** Bytes in flight to the other end or waiting there. */
  #unacknowledged = 0;
  #inbox: { segment: Segment; at: number }[] = [];
  #drainPlanned = false;
  /** We will send nothing more. `closing`: and receive nothing more either. */
  #finishing = false;
  #closing = false;
  #finSent = false;
  #finReceived = false;

  constructor(host: SimHost, network: Network, doing: string) {
    super();
    this.host = host;
    this.#network = network;
    this.#doing = doing;
    host.sockets.add(this);
  }

  /** Whether it still waits for the other end's answer. */
  get connecting(): boolean {
    return !this.#open && !this.#over;
  }

  get info(): SocketInfo | null {
    return this.#info;
  }

  /** Ties the two ends together; `info` as seen from this one. */
  join(other: SimSocket, info: SocketInfo): void {
    this.#info = info;
    this.#flow = { from: this, to: other, lastArrival: 0, stalled: [] };
  }

  /** The accepting end is open at once, the dialling one when the answer arrives. */
  openAccepted(): void {
    this.#open = true;
    this.didOpen(this.#info!);
    this.#network.carry(this.#flow!, { kind: "open", bytes: null });
  }

  /** Ends with a system error code ("ECONNREFUSED"). */
  fail(errno: string): void {
    this.#end(netError(this.#doing, systemError(errno)));
  }

  /** Both ends break, as a router between them would do it. */
  breakOff(): void {
    if (this.#over) return;
    if (this.#flow !== null) this.#network.carry(this.#flow, { kind: "reset", bytes: null });
    this.fail("ECONNRESET");
  }

  /** Its process died: nothing is reported on this side. */
  vanish(tellOther: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.host.sockets.delete(this);
    if (tellOther && this.#flow !== null) {
      this.#network.carry(this.#flow, { kind: "reset", bytes: null });
    }
  }

  /** The network delivers a segment of the other end. */
  arrive(segment: Segment): void {
    if (this.#over) {
      if (segment.kind === "data") this.#acknowledge(segment.bytes.length);
      return;
    }
    if (segment.kind === "reset") return this.fail("ECONNRESET");
    if (segment.kind === "open") {
      this.#open = true;
      this.didOpen(this.#info!);
      this.#pump();
      return;
    }
    this.#inbox.push({ segment, at: 0 });
    this.#drain();
  }

  protected override startSend(bytes: Uint8Array): boolean {
    this.#queue.push({ bytes, at: 0 });
    this.#pump();
    return false;
  }

  /** Not at once: on a real socket too, `resume()` never delivers before it returns. */
  protected override startReading(): void {
    this.#reading = true;
    this.#planDrain(0);
  }

  protected override stopReading(): void {
    this.#reading = false;
  }

  protected override finishWriting(): void {
    this.#finishing = true;
    this.#pump();
  }

  protected override shutDown(sending: boolean): void {
    this.#finishing = this.#closing = true;
    if (!sending || !this.#open) return this.#closeNow();
    this.host.after(CLOSE_GRACE_MS, () => this.#closeNow());
    this.#pump();
  }

  /** Sends what the window allows. */
  #pump(): void {
    if (!this.#open || this.#over) return;
    while (this.#queue.length > 0 && this.#unacknowledged < WINDOW_BYTES) {
      const head = this.#queue[0]!;
      const room = Math.min(SEGMENT_BYTES, WINDOW_BYTES - this.#unacknowledged);
      const bytes = head.bytes.slice(head.at, head.at + room);
      head.at += bytes.length;
      this.#unacknowledged += bytes.length;
      const left = this.#network.carry(this.#flow!, { kind: "data", bytes });
      if (head.at === head.bytes.length) {
        this.#queue.shift();
        this.host.after(left - this.host.now, () => this.didSend());
      }
      if (this.#unlucky()) return;
    }
    if (this.#queue.length > 0 || !this.#finishing) return;
    if (this.#closing) return this.#closeNow();
    this.#sendFin();
    if (this.#finReceived) this.#end(null);
  }

  #sendFin(): void {
    if (this.#finSent) return;
    this.#finSent = true;
    this.#network.carry(this.#flow!, { kind: "fin", bytes: null });
  }

  #unlucky(): boolean {
    const other = this.#flow!.to.host;
    const unlucky = this.host.dice.chance(this.host.link.reset) ||
      this.host.dice.chance(other.link.reset);
    if (unlucky) {
      this.#network.log.fault("reset");
      // Not in the caller's turn: it is in the middle of a send.
      this.host.after(0, () => this.breakOff());
    }
    return unlucky;
  }

  #closeNow(): void {
    if (this.#over) return;
    if (this.#flow !== null) {
      // If unread bytes are left, a system answers with a reset instead of an orderly end.
      const unread = this.#inbox.some(({ segment }) => segment.kind === "data");
      if (unread || !this.#open) this.#network.carry(this.#flow, { kind: "reset", bytes: null });
      else this.#sendFin();
    }
    this.#end(null);
  }

  #planDrain(delayMs: number): void {
    if (this.#drainPlanned) return;
    this.#drainPlanned = true;
    this.host.after(delayMs, () => {
      this.#drainPlanned = false;
      this.#drain();
    });
  }

  #drain(): void {
    while (this.#reading && !this.#over && !this.#drainPlanned) {
      const head = this.#inbox[0];
      if (head === undefined) return;
      if (head.segment.kind === "data") this.#deliver(head, head.segment.bytes);
      else {
        this.#inbox.shift();
        this.#finReceived = true;
        this.finishWriting(); // as node does: half-open connections are useless here
      }
    }
  }

  /** The next chunk of the segment at the head of the inbox. */
  #deliver(head: { at: number }, bytes: Uint8Array): void {
    const limit = this.host.link.fragmentBytes;
    const rest = bytes.length - head.at;
    const length = limit === null ? rest : Math.min(rest, 1 + this.host.dice.below(limit));
    const chunk = this.#network.scratch.subarray(0, length);
    chunk.set(bytes.subarray(head.at, head.at + length));
    head.at += length;
    if (head.at === bytes.length) this.#inbox.shift();
    else if (this.host.dice.chance(0.1)) this.#planDrain(1);
    if (!this.didReceive(chunk)) this.#reading = false;
    chunk.fill(POISON);
    this.#acknowledge(length);
  }

  /** The other end may send as many more. */
  #acknowledge(length: number): void {
    const other = this.#flow!.to;
    other.#unacknowledged -= length;
    if (other.host.alive) other.#pump();
  }

  #end(error: Error | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#inbox = [];
    this.#queue = [];
    this.host.sockets.delete(this);
    // Never in the caller's turn.
    this.host.after(0, () => this.didEnd(error));
  }
}
