/** A process, a clock and a client that a test drives, for the command line alone. */
import type {
  AddOptions,
  PeerSnapshot,
  TorrentEvent,
  TorrentSnapshot,
} from "../../src/client/types.ts";
import type { ClientPort, OpenClient, TorrentPort } from "../../src/cli/command.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import type { Clock, Platform, Process, Timer } from "../../src/platform/types.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import type { ShoalError } from "../../src/util/errors.ts";

export class FakeProcess implements Process {
  readonly pid = 1;
  readonly os = "linux";
  printed = "";
  errors = "";
  code: number | null = null;
  exited: number | null = null;
  size: ReturnType<Process["terminal"]> = null;
  interruptHandlers: (() => void)[] = [];

  constructor(readonly args: readonly string[] = [], readonly vars: Record<string, string> = {}) {}

  env(name: string): string | undefined {
    return this.vars[name];
  }
  variables(prefix: string): Record<string, string> {
    return Object.fromEntries(
      Object.entries(this.vars).filter(([name]) => name.startsWith(prefix)),
    );
  }
  out(text: string): Promise<void> {
    this.printed += text;
    return Promise.resolve();
  }
  err(text: string): Promise<void> {
    this.errors += text;
    return Promise.resolve();
  }
  terminal(): ReturnType<Process["terminal"]> {
    return this.size;
  }
  /** What is typed, line by line. */
  typed: string[] = [];
  readLine(): Promise<string | null> {
    return Promise.resolve(this.typed.shift() ?? null);
  }
  #keyHandlers = new Set<(keys: string) => void>();
  /** Standard input is a terminal in raw mode now. */
  get isRaw(): boolean {
    return this.#keyHandlers.size > 0;
  }
  onKeys(fn: (keys: string) => void): Timer | null {
    if (this.size === null) return null;
    this.#keyHandlers.add(fn);
    return { cancel: () => void this.#keyHandlers.delete(fn) };
  }
  press(keys: string): void {
    for (const fn of this.#keyHandlers) fn(keys);
  }
  onInterrupt(fn: () => void): Timer {
    this.interruptHandlers.push(fn);
    return {
      cancel: () => {
        this.interruptHandlers = this.interruptHandlers.filter((other) => other !== fn);
      },
    };
  }
  continueHandlers = new Set<() => void>();
  onContinue(fn: () => void): Timer {
    this.continueHandlers.add(fn);
    return { cancel: () => void this.continueHandlers.delete(fn) };
  }
  onHangup(): Timer {
    return { cancel() {} };
  }
  notify(): boolean {
    return true;
  }
  interrupt(): void {
    for (const fn of this.interruptHandlers) fn();
  }
  exitCode(code: number): void {
    this.code = code;
  }
  exit(code: number): never {
    this.exited ??= code;
    this.code = code;
    return undefined as never;
  }
  residentBytes(): number {
    return 0;
  }
  waitedMs(): number {
    return 0;
  }
}

/** Time passes only when the test says so. */
export class FakeClock implements Clock {
  utcOffset(): number {
    return 0;
  }

  #now = 0;
  #timers: { at: number; fn: () => void }[] = [];

  now(): number {
    return this.#now;
  }
  wallTime(): number {
    return this.#now;
  }
  after(delayMs: number, fn: () => void): Timer {
    const timer = { at: this.#now + delayMs, fn };
    this.#timers.push(timer);
    return { cancel: () => this.#drop(timer) };
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Lets `ms` pass, running what is due in order, with a turn for promises after each. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await turn();
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#drop(due);
      this.#now = due.at;
      due.fn();
      await turn();
    }
    this.#now = until;
  }

  #drop(timer: { at: number; fn: () => void }): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }
}

/** Long enough for any chain of promises that needs no real input. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

export function addedEvent(infoHash: string, name: string, size: number): TorrentEvent {
  const counts = { pieces: 10, files: 1, wantedFiles: 1 };
  return { infoHash, type: "added", name, size, wanted: size, ...counts };
}

export const NO_METRICS = {
  pieces: { started: 0, completed: 0, failed: 0, retried: 0 },
  wasted: { failed: 0, duplicate: 0, unasked: 0 },
  blockLatency: { upToMs: [1000], counts: [0, 0] },
};

export function peerOf(part: Partial<PeerSnapshot> = {}): PeerSnapshot {
  return {
    address: "192.0.2.1",
    port: 6881,
    client: "fake 1",
    incoming: false,
    progress: 0,
    downRate: 0,
    upRate: 0,
    seconds: 0,
    averageDownRate: 0,
    averageUpRate: 0,
    downloaded: 0,
    uploaded: 0,
    choking: true,
    interested: false,
    choked: true,
    peerInterested: false,
    snubbed: false,
    outstanding: 0,
    window: 0,
    sources: ["manual"],
    ...part,
  };
}

export function snapshotOf(part: Partial<TorrentSnapshot> = {}): TorrentSnapshot {
  const wanted = part.wanted ?? part.size ?? 1000;
  return {
    infoHash: "aa".repeat(20),
    name: "big.bin",
    dir: "/downloads",
    state: "downloading",
    size: 1000,
    have: 0,
    pieces: 10,
    piecesHave: 0,
    checked: null,
    labels: [],
    queue: { position: 0 },
    goalReached: false,
    addedAt: 0,
    completedAt: null,
    activeSeconds: 0,
    seedingSeconds: 0,
    downloaded: 0,
    uploaded: 0,
    totals: { downloaded: 0, uploaded: 0 },
    wasted: 0,
    hashFailures: 0,
    metrics: NO_METRICS,
    downRate: 0,
    upRate: 0,
    etaSeconds: null,
    peers: { connected: 0, connecting: 0, known: 0, banned: 0 },
    unreached: { silent: 0, refused: 0, hungUp: 0, unfit: 0 },
    dht: null,
    seeds: 0,
    heldBackBy: "nothing",
    trackers: [],
    peerList: [],
    error: null,
    wanted,
    left: Math.max(0, wanted - (part.have ?? 0)),
    ...part,
  };
}

export class FakeTorrent implements TorrentPort {
  state = snapshotOf();
  stopped = false;
  readonly #finished = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly finished = this.#finished.promise;
  readonly ended = this.#ended.promise;

  constructor(readonly bytes: Uint8Array | Metainfo | string, readonly options: AddOptions) {
    this.finished.catch(() => {});
  }
  get infoHash(): string {
    return this.state.infoHash;
  }
  get name(): string {
    return this.state.name;
  }
  torrentFile: Uint8Array | null = null;
  snapshot(): TorrentSnapshot {
    return { ...this.state };
  }
  set(part: Partial<TorrentSnapshot>): void {
    // Without a choice of files all is wanted.
    const wanted = part.wanted ?? part.size ?? this.state.wanted;
    const left = Math.max(0, wanted - (part.have ?? this.state.have));
    this.state = { ...this.state, wanted, left, ...part };
  }
  stop(): Promise<void> {
    this.stopped = true;
    this.set({ state: "stopped" });
    this.fail(new Error("stopped"));
    return Promise.resolve();
  }
  finish(): void {
    this.set({ state: "done", have: this.state.size, left: 0, downloaded: this.state.size });
    this.#finished.resolve();
    this.#ended.resolve();
  }
  /** Complete, and giving from now on. */
  seed(): void {
    this.set({ state: "seeding", have: this.state.size, left: 0, downloaded: this.state.size });
    this.#finished.resolve();
  }
  end(): void {
    this.#ended.resolve();
  }
  fail(error: Error): void {
    this.#finished.reject(error);
    this.#ended.resolve();
  }
  /** Fails, maybe long after it was complete. */
  break(error: ShoalError): void {
    this.set({ state: "failed", error: { code: error.code, message: error.message } });
    this.fail(error);
  }
}

export class FakeClient implements ClientPort {
  port = 6881;
  readonly dht = null;
  readonly added: FakeTorrent[] = [];
  closed = false;
  /** Set to make `close()` hang. */
  neverCloses = false;
  onAdd: (torrent: FakeTorrent) => void = () => {};
  #queue: TorrentEvent[] = [];
  #wake: () => void = () => {};

  add(bytes: Uint8Array | Metainfo | string, options: AddOptions): TorrentPort {
    const torrent = new FakeTorrent(bytes, options);
    this.onAdd(torrent);
    this.added.push(torrent);
    return torrent;
  }
  emit(event: TorrentEvent): void {
    this.#queue.push(event);
    this.#wake();
  }
  async *events(): AsyncGenerator<TorrentEvent> {
    for (;;) {
      while (this.#queue.length > 0) yield this.#queue.shift()!;
      if (this.closed) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
  async close(): Promise<void> {
    if (this.neverCloses) await new Promise(() => {});
    this.closed = true;
    this.#wake();
  }
}

export interface FakeWorld {
  platform: Platform;
  process: FakeProcess;
  clock: FakeClock;
  client: FakeClient;
  openClient: OpenClient;
  /** The options that the client was opened with, once it was. */
  openedWith: unknown;
}

/** Waits for what real files and sockets bring; gives up loudly after ten seconds. */
export async function until(reached: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!reached()) {
    if (performance.now() > deadline) throw new Error("what the test waits for never came");
    await turn();
  }
}

const realPlatform = selectPlatform();

/** The real files and HTTP of this machine under a fake process, clock and client. */
export function fakeWorld(args: readonly string[], vars: Record<string, string> = {}): FakeWorld {
  const process = new FakeProcess(args, vars);
  const clock = new FakeClock();
  const client = new FakeClient();
  const platform = { ...realPlatform, process, clock };
  const world: FakeWorld = {
    platform,
    process,
    clock,
    client,
    openedWith: undefined,
    openClient: (_platform, options) => {
      world.openedWith = options ?? {};
      return Promise.resolve(client);
    },
  };
  return world;
}
