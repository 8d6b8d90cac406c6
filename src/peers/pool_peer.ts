/**
 * One peer as the pool knows it: its address and state, its conduct so far, and how dialling it went.
 * Only the pool changes these fields.
 */

/**
 * DISCOVERED: known, never tried, and not to be dialled now. CANDIDATE: ready to be dialled.
 * DISCONNECTED: was tried or connected and waits for its back-off. BANNED: never dialled again.
 */
export const PEER_STATE = {
  DISCOVERED: 0,
  CANDIDATE: 1,
  CONNECTING: 2,
  CONNECTED: 3,
  DISCONNECTED: 4,
  BANNED: 5,
} as const;
export type PeerState = typeof PEER_STATE[keyof typeof PEER_STATE];

/** The sources of a peer; a peer from two sources has both bits. */
export const PEER_SOURCE = {
  TRACKER: 1,
  DHT: 2,
  PEX: 4,
  LSD: 8,
  INCOMING: 16,
  MANUAL: 32,
  RESUME: 64,
} as const;

const SOURCE_NAMES = ["tracker", "dht", "pex", "lsd", "incoming", "manual", "resume"];

/** The names of the set bits, for people. */
export function sourceNames(sources: number): string[] {
  return SOURCE_NAMES.filter((_, bit) => (sources >> bit) & 1);
}

/** The source that counts for a connection: its own call, or else the most trusted. One bit. */
export function firstSource(sources: number, incoming: boolean): number {
  return incoming ? PEER_SOURCE.INCOMING : sources & -sources;
}

const CAPPED = PEER_SOURCE.DHT | PEER_SOURCE.PEX | PEER_SOURCE.LSD;

/**
 * The source whose share of the list a peer with these first sources takes; 0 for none: peers from
 * a tracker, their own call or the user are not counted.
 */
function shareOf(sources: number): number {
  if ((sources & ~CAPPED) !== 0) return 0;
  return sources & -sources;
}

/** `lastConnected` of a peer that was never tried: earlier than any time. */
export const NEVER = -Infinity;

/** `end` of a peer without attempt or connection: nothing of a finished one is kept. */
export const NOTHING = () => {};

/** How useful or harmful a peer was, over all its connections. */
export class Conduct {
  /** Payload bytes. */
  downloaded = 0;
  uploaded = 0;
  /** Pieces that failed their hash and had a block of this peer. */
  hashFails = 0;
  /** Between -7 and 8: two down for a failed piece, one up for a good one. */
  trust = 0;
  /** Connections that ended because it broke the protocol. */
  breaches = 0;
}

/** How dialling a peer has gone since it was last useful. */
export class DialRecord {
  /** Failures to connect or to stay connected. */
  failCount = 0;
  tries = 0;
  /**
   * The number of refusals that are not counted, each soon followed by another try: the peer may not
   * have noticed yet that we ended our last connection to it.
   */
  quickTries = 0;
  /** An attempt ended before its time because others waited: the next one may take longer. */
  slow = false;
  /** The last connection did not break: one side ended it. */
  leftInOrder = false;
}

export class PoolPeer {
  /** DHT, PEX or LSD, if we first heard of it from there and nowhere else; else 0. */
  readonly share: number;
  state: PeerState = PEER_STATE.DISCOVERED;
  /** 20 bytes, known after the handshake. */
  peerId: Uint8Array | null = null;
  /**
   * Whether `port` is its listening port. False while we only know the port that it dialled from.
   */
  connectable = true;
  /** Whether it dialled us, in the present or the last connection. */
  incoming = false;
  /** Whether a handshake was ever completed. */
  everConnected = false;

  readonly conduct = new Conduct();
  readonly dials = new DialRecord();
  /** When its last connection or attempt began or ended, in the clock's milliseconds. */
  lastConnected = NEVER;

  /** Not to be dialled before this time: too many others at its address were. */
  notBefore = NEVER;
  /** The same peer under an address of the other family (twins.ts). */
  twin: PoolPeer | null = null;

  /**
   * Ends its attempt or its connection; set by the code that makes them. Nothing is reported then.
   */
  end: () => void = NOTHING;

  seed = false;
  banReason: string | null = null;

  /** Higher is dialled earlier. */
  rank = 0;
  /** The last term of the rank, 0 to 19: spreads equal peers. */
  spread = 0;

  /**
   * `address` is canonical text and `bytes` the same address; `order` counts the peers of a pool in
   * the order in which they were learned.
   */
  constructor(
    readonly address: string,
    readonly bytes: Uint8Array,
    public port: number,
    public sources: number,
    readonly order: number,
  ) {
    this.share = shareOf(sources);
  }

  /** Ends its attempt or connection, if any. */
  hangUp(): void {
    const { end } = this;
    this.end = NOTHING;
    end();
  }

  get active(): boolean {
    return this.state === PEER_STATE.CONNECTING || this.state === PEER_STATE.CONNECTED;
  }

  get idle(): boolean {
    return !this.active && this.state !== PEER_STATE.BANNED;
  }
}
