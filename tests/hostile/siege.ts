/** A thousand connections that say nothing, or next to nothing, and come back when they are shut out. */
import type { Socket } from "node:net";
import { handshakeFor, open, type Victim } from "./raw_leech.ts";

/** Every 127.x.y.z is an address of this machine on Linux alone. */
const HOSTS = 50, PER_HOST = 20;
const RETURN_MS = 10_000;
export const SIEGE_CONNECTIONS = HOSTS * PER_HOST;

/** A thousand connections; a third says nothing, a third half a handshake, a third all of it. */
export class Siege {
  opened = 0;
  readonly #victim: Victim;
  readonly #held = new Set<Socket>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #over = false;

  constructor(victim: Victim) {
    this.#victim = victim;
    for (let i = 0; i < HOSTS * PER_HOST; i++) this.#open(`127.0.1.${1 + i % HOSTS}`, i % 3);
  }

  get held(): number {
    return this.#held.size;
  }

  lift(): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#held) socket.destroy();
  }

  /** Whoever is thrown out comes back a while later. */
  #open(from: string, kind: number): void {
    const socket = open(this.#victim, from);
    socket.on("connect", () => {
      this.opened++;
      this.#held.add(socket);
      if (kind > 0) socket.write(handshakeFor(this.#victim).subarray(0, kind === 1 ? 30 : 68));
    });
    socket.resume(); // to hear of the end
    socket.on("close", () => {
      this.#held.delete(socket);
      if (this.#over) return;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#open(from, kind);
      }, RETURN_MS);
      this.#timers.add(timer);
    });
  }
}
