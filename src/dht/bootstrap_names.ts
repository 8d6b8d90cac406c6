/**
 * Nodes known by name. Names of bootstrap nodes are looked up again, with growing pauses, as long
 * as no node has answered: at the start there is often no network yet. Names in torrent files are
 * looked up once, and few at a time, since anyone can write them.
 */
import type { Clock, StreamNet, Timer } from "../platform/types.ts";
import type { HostPort, PeerAddress } from "../util/compact_address.ts";
import { canonicalIp } from "../util/ip_address.ts";

export interface FoundPort {
  router(at: PeerAddress): void;
  node(at: PeerAddress): void;
  /** Whether no node is known yet. */
  alone(): boolean;
}

const ADDRESSES_PER_NAME = 8;
const LOOKUPS_AT_ONCE = 4;
const RETRY_MS = { first: 5000, longest: 300_000 };

export class BootstrapNames {
  readonly #ports: { clock: Clock; net: Pick<StreamNet, "lookup"> };
  readonly #found: FoundPort;
  readonly #timers = new Set<Timer>();
  #lookups = 0;
  #closed = false;

  constructor(ports: { clock: Clock; net: Pick<StreamNet, "lookup"> }, found: FoundPort) {
    this.#ports = ports;
    this.#found = found;
  }

  addRouter({ host, port }: HostPort, retryMs = RETRY_MS.first): void {
    const literal = canonicalIp(host);
    if (literal !== null) return this.#found.router({ address: literal, port });
    this.#lookup(host, (addresses) => {
      for (const address of addresses) this.#found.router({ address, port });
      const timer = this.#ports.clock.after(retryMs, () => {
        this.#timers.delete(timer);
        if (!this.#found.alone()) return;
        this.addRouter({ host, port }, Math.min(RETRY_MS.longest, 2 * retryMs));
      });
      this.#timers.add(timer);
    });
  }

  addNode({ host, port }: HostPort): void {
    const literal = canonicalIp(host);
    if (literal !== null) return this.#found.node({ address: literal, port });
    if (this.#lookups >= LOOKUPS_AT_ONCE) return;
    this.#lookup(host, (addresses) => {
      for (const address of addresses) this.#found.node({ address, port });
    });
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
  }

  /** `then` gets no addresses if the name has none or the look-up fails. */
  #lookup(host: string, then: (addresses: string[]) => void): void {
    this.#lookups++;
    const settle = (texts: string[]) => {
      this.#lookups--;
      if (this.#closed) return;
      const addresses = texts.map(canonicalIp).filter((address) => address !== null);
      then(addresses.slice(0, ADDRESSES_PER_NAME));
    };
    this.#ports.net.lookup(host).then(settle, () => settle([]));
  }
}
