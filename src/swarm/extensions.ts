/**
 * The extension messages between a torrent and its peers (BEP 10): peer exchange, the metadata, DHT
 * nodes and external addresses. A private torrent offers none of them (BEP 27).
 */
import type { Clock, Hasher } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import { type ExtensionHandshake, UT_METADATA, UT_PEX } from "../wire/extension.ts";
import { PEX_REACHABLE, PEX_SEED, type PexPeer } from "../wire/ut_pex.ts";
import type { ExtensionPort, PeerSession } from "./peer/session.ts";
import { MetadataSearch } from "./metadata_search.ts";
import { MetadataServer } from "./metadata_serve.ts";
import { PexInbox, PexOutbox } from "./pex.ts";

export interface ExtensionEvents {
  /** Peers from a member's peer exchange. */
  learned(peers: PeerAddress[]): void;
  /** It lied about the metadata; it may be in the middle of a chunk. */
  lied(session: PeerSession): void;
  /** A possible DHT node (BEP 5). */
  dhtNode(address: string, port: number): void;
  /** Our address as the peer at `from` sees it. */
  ownAddress(address: string, from: string): void;
}

export interface ExtensionOptions {
  /** May change: turning it on applies to peers that connect from then on. */
  pex: boolean;
  /** UDP port of our DHT node; 0 without one. */
  dhtPort(): number;
}

/** The view of a member. */
interface Known {
  readonly address: string;
  readonly inbox: PexInbox;
  /** Where it listens; null while unknown. */
  port: number | null;
  readonly dialled: boolean;
}

export class TorrentExtensions implements ExtensionPort {
  /** The extensions offered to members so far. */
  readonly #offered = new Set<string>();
  readonly #clock: Clock;
  #private = false;
  /** The torrent is paused: members are told and asked nothing, and get no metadata. */
  resting = false;
  readonly #options: ExtensionOptions;
  readonly #events: ExtensionEvents;
  readonly #newSearch: () => MetadataSearch;
  /** While the metadata is not known; made for the first member. */
  #search: MetadataSearch | null = null;
  /** Once the metadata is known. */
  #metadata: MetadataServer<PeerSession> | null = null;
  /** Made for the first member, if members exchange peers. */
  #outbox: PexOutbox<PeerSession> | null = null;
  readonly #known = new Map<PeerSession, Known>();

  constructor(
    platform: { clock: Clock; hasher: Hasher },
    infoHash: Uint8Array,
    options: ExtensionOptions,
    events: ExtensionEvents,
  ) {
    const { clock, hasher } = platform;
    this.#clock = clock;
    this.#options = options;
    this.#events = events;
    this.#newSearch = () => {
      return new MetadataSearch(
        infoHash,
        hasher,
        (session) => events.lied(session),
        () => this.resting,
      );
    };
  }

  /**
   * The metadata is known: it is served to peers, except that of a private torrent. Called once.
   */
  know(torrent: { readonly infoBytes: Uint8Array; readonly private: boolean }): void {
    this.#search = null;
    this.#metadata = new MetadataServer(torrent);
    this.#private = torrent.private;
    if (torrent.private) this.#outbox = null;
  }

  /** The info dictionary downloaded from members; null before. */
  get found(): Uint8Array | null {
    return this.#search?.infoBytes ?? null;
  }

  /** Members that contribute nothing to the search for the metadata and block others. */
  useless(now: number): PeerSession[] {
    return this.#search?.useless(now) ?? [];
  }

  /** The extensions offered to new peers. */
  get names(): readonly string[] {
    if (this.#private) return [];
    return this.#tells ? [UT_METADATA, UT_PEX] : [UT_METADATA];
  }

  get withdrawn(): readonly string[] {
    const { names } = this;
    return [...this.#offered].filter((name) => !names.includes(name));
  }

  get #tells(): boolean {
    return this.#options.pex && !this.#private;
  }

  /** Our DHT node's UDP port as announced to peers; 0 for none. */
  get dhtPort(): number {
    return this.#private ? 0 : this.#options.dhtPort();
  }

  /** For the extension handshake. */
  get offered(): Pick<ExtensionHandshake, "metadataSize"> {
    const offeredSize = this.#metadata?.offeredSize;
    return offeredSize === undefined ? {} : { metadataSize: offeredSize };
  }

  /** `port`: where it listens, if we dialled it; else null. `hasDht`: by its handshake. */
  joined(session: PeerSession, address: string, port: number | null, hasDht: boolean): void {
    const known = { address, port, dialled: port !== null, inbox: new PexInbox(address) };
    this.#known.set(session, known);
    for (const name of this.names) this.#offered.add(name);
    if (this.#metadata === null) {
      this.#search ??= this.#newSearch();
      this.#search.joined(session, this.#clock.now());
    }
    if (this.names.includes(UT_PEX)) {
      this.#outbox ??= new PexOutbox({
        send: (to, payload) => to.extension.send(UT_PEX, payload),
      });
    }
    this.#outbox?.joined(session, address, contactOf(known, session));
    if (hasDht && this.dhtPort > 0) session.tellDhtPort(this.dhtPort);
  }

  introduced(session: PeerSession, theirs: ExtensionHandshake): void {
    const known = this.#known.get(session);
    if (known === undefined) return;
    if (!known.dialled && theirs.port !== undefined) known.port = theirs.port;
    this.#outbox?.update(session, contactOf(known, session), session.extension.knows(UT_PEX));
    this.#search?.introduced(session, theirs, this.#clock.now());
    if (theirs.yourAddress !== undefined) {
      this.#events.ownAddress(theirs.yourAddress, known.address);
    }
  }

  hasDhtAt(session: PeerSession, port: number): void {
    const known = this.#known.get(session);
    if (known !== undefined && !this.#private) this.#events.dhtNode(known.address, port);
  }

  received(session: PeerSession, name: string, payload: Uint8Array): void {
    const now = this.#clock.now();
    if (name === UT_PEX) {
      const peers = this.#known.get(session)?.inbox.receive(payload, now) ?? [];
      if (peers.length > 0) this.#events.learned(peers);
    } else if (this.#metadata === null) {
      this.#search?.received(session, payload, now);
    } else if (name === UT_METADATA) {
      const queued = this.resting ? Infinity : session.out.length;
      const answer = this.#metadata.answer(session, payload, queued, now);
      if (answer !== null) session.extension.send(UT_METADATA, answer);
    }
  }

  left(session: PeerSession): void {
    this.#known.delete(session);
    this.#outbox?.left(session);
    this.#metadata?.left(session);
    this.#search?.left(session, this.#clock.now());
  }

  tick(now: number): void {
    if (this.resting) return;
    if (this.#tells) this.#outbox?.tick(now);
    this.#search?.tick(now);
  }
}

function contactOf({ address, port, dialled }: Known, session: PeerSession): PexPeer | null {
  if (port === null) return null;
  const flags = (dialled ? PEX_REACHABLE : 0) | (session.taker.isDone ? PEX_SEED : 0);
  return { address, port, flags };
}
