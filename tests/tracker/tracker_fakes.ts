/** Fakes of the ports that the tracker code needs: a clock, dice, UDP, HTTP and names. */
import assert from "node:assert/strict";
import type {
  Clock,
  DatagramNet,
  DatagramSocket,
  HttpRequest,
  HttpResponse,
  Timer,
} from "../../src/platform/types.ts";
import { addressFamily } from "../../src/util/compact_address.ts";
import { NetError } from "../../src/util/errors.ts";

/** Time that moves only when the test says so. */
export class FakeClock implements Clock {
  #now = 5_000_000;
  /** What the wall clock is ahead by. */
  wallAheadMs = 0;
  #timers: { at: number; fn: () => void }[] = [];

  utcOffset(): number {
    return 0;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now + this.wallAheadMs;
  }

  /** Time passes in which nothing runs, as while a machine sleeps: timers are late. */
  stall(seconds: number): void {
    this.#now += seconds * 1000;
  }

  after(delayMs: number, fn: () => void): Timer {
    assert.ok(delayMs >= 0 && delayMs < 2 ** 31, `${delayMs} ms overflow the runtimes' timers`);
    const timer = { at: this.#now + delayMs, fn };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Runs what is due within the next `seconds`, letting promises settle in between. */
  async pass(seconds: number): Promise<void> {
    const end = this.#now + seconds * 1000;
    await settle();
    for (;;) {
      const next = this.#timers.reduce<{ at: number; fn: () => void } | null>(
        (first, timer) => timer.at <= end && (!first || timer.at < first.at) ? timer : first,
        null,
      );
      if (next === null) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
      await settle();
    }
    this.#now = end;
  }
}

/** Lets every promise that can settle do so: our chains are far shorter than this. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

export type UdpHandler = (
  bytes: Uint8Array,
  reply: (bytes: Uint8Array, from?: { address: string; port: number }) => void,
) => void;

/** UDP in memory. Packets to addresses without a handler get lost. */
export class FakeDatagrams implements DatagramNet {
  /** By "address:port". */
  readonly hosts = new Map<string, UdpHandler>();
  readonly sent: { to: string; bytes: Uint8Array }[] = [];
  bound = 0;
  open = 0;
  refuseBind = false;

  bind(
    on: { port: number; family: 4 | 6 },
    onMessage: (bytes: Uint8Array, address: string, port: number) => void,
  ): Promise<DatagramSocket> {
    if (this.refuseBind) return Promise.reject(new NetError("permission", "No sockets for you"));
    this.bound++;
    this.open++;
    let closed = false;
    return Promise.resolve({
      port: 40000 + this.bound,
      errors: 0,
      lastError: null,
      send: (bytes: Uint8Array, address: string, port: number) => {
        assert.ok(!closed, "nothing is sent on a closed socket");
        assert.equal(addressFamily(address), on.family);
        const to = `${address}:${port}`;
        this.sent.push({ to, bytes: bytes.slice() });
        const reply = (answer: Uint8Array, from = { address, port }) => {
          if (!closed) onMessage(answer, from.address, from.port);
        };
        this.hosts.get(to)?.(bytes.slice(), reply);
      },
      close: () => {
        if (!closed) this.open--;
        closed = true;
      },
    });
  }
}

export type HttpHandler = (
  request: HttpRequest,
) => Partial<HttpResponse> | Promise<Partial<HttpResponse>>;

/** HTTP in memory: one handler for all. Requests that are called off reject as real ones do. */
export class FakeHttp {
  readonly requests: HttpRequest[] = [];
  #handler: HttpHandler;

  constructor(handler: HttpHandler) {
    this.#handler = handler;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request);
    return new Promise((resolve, reject) => {
      const abort = () => reject(new NetError("aborted", "It was called off"));
      if (request.signal?.aborted) return abort();
      request.signal?.addEventListener("abort", abort);
      Promise.resolve(this.#handler(request)).then(
        (answer) => resolve({ status: 200, headers: {}, body: new Uint8Array(0), ...answer }),
        reject,
      );
    });
  }
}

/** Never settles by itself. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}

/** A look-up by table; names that are not in it cannot be found. */
export function namesOf(table: Record<string, string[]>): (host: string) => Promise<string[]> {
  return (host) => {
    const found = table[host];
    return found === undefined
      ? Promise.reject(new NetError("name-not-found", `Cannot find ${host}`))
      : Promise.resolve(found);
  };
}

export function text(bytes: string): Uint8Array {
  return new TextEncoder().encode(bytes);
}
