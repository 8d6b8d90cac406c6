/**
 * Makes the sessions of a swarm and our handshakes for them. A peer that returns has the work budget
 * that it left with.
 */
import type { Hasher, SocketInfo } from "../platform/types.ts";
import type { Connection } from "../transport/connection.ts";
import { allowedFastSet } from "../wire/allowed_fast.ts";
import type { ExtensionHandshake } from "../wire/extension.ts";
import type { Handshake } from "../wire/handshake.ts";
import type { PoolPeer } from "../peers/pool_peer.ts";
import type { TorrentExtensions } from "./extensions.ts";
import { NO_BOOK, NO_LAYOUT } from "./peer/early_pieces.ts";
import { PeerSession, type SessionEvents } from "./peer/session.ts";
import { SpentWork } from "./spent_work.ts";
import type { Identity, SwarmContent } from "./swarm_types.ts";

export interface SessionMakerPorts {
  readonly hasher: Hasher;
  readonly extensions: TorrentExtensions;
  readonly identity: Identity;
  /** Null while the torrent is unknown or not at work. */
  content(): SwarmContent | null;
}

export class SessionMaker {
  readonly #ports: SessionMakerPorts;
  readonly #events: SessionEvents;
  readonly #freeSlots: number[] = [];
  #slots = 0;
  #spentWork: SpentWork | null = null;

  constructor(ports: SessionMakerPorts, events: SessionEvents) {
    this.#ports = ports;
    this.#events = events;
  }

  /** The number of pieces, on which the budgets depend, has changed. */
  forgetWork(): void {
    this.#spentWork = null;
  }

  make(peer: PoolPeer, { theirs, info }: Connection, now: number): PeerSession {
    const content = this.#ports.content();
    this.#spentWork ??= new SpentWork(content?.layout.pieceCount ?? 0);
    return new PeerSession(
      content?.layout ?? NO_LAYOUT,
      content?.pieces ?? NO_BOOK,
      this.#events,
      {
        slot: this.#freeSlots.pop() ?? this.#slots++,
        key: peer.order + 1,
        peerId: theirs.peerId,
        connectedAt: now,
        fast: theirs.fast,
        extensions: theirs.extensions,
        work: this.#spentWork.allows(info.remoteAddress, now),
        allowedFast: (count) => this.#allowedFast(peer.bytes, count),
      },
      this.#ports.extensions,
    );
  }

  /** The session has ended: its slot is free. */
  ended(session: PeerSession, address: string, now: number): void {
    this.#spentWork?.left(address, session.budget.left, now);
    this.#freeSlots.push(session.source.slot);
  }

  #allowedFast(address: Uint8Array, count: number): number[] {
    const content = this.#ports.content();
    if (content === null) return [];
    const { pieces, layout: { pieceCount } } = content;
    const set = allowedFastSet(
      (part) => this.#ports.hasher.digest("sha1", part),
      this.#ports.identity.infoHash,
      address,
      pieceCount,
      count,
    );
    // A piece that nobody else has is for the peers whose turn it is, a different one for each.
    return pieces.complete ? set.filter((piece) => pieces.holders.availabilityOf(piece) > 0) : set;
  }

  /** The first message to each peer. */
  get handshake(): Handshake {
    const { extensions, identity: { infoHash, peerId } } = this.#ports;
    return { infoHash, peerId, extensions: true, fast: true, dht: extensions.dhtPort > 0 };
  }

  /** `uploadOnly`: we want nothing more (BEP 21). */
  extensionHandshake(info: SocketInfo, uploadOnly: boolean): ExtensionHandshake {
    const { identity, extensions } = this.#ports, port = identity.listenPort();
    return {
      messages: new Map(),
      ...extensions.offered,
      client: identity.clientName,
      yourAddress: info.remoteAddress,
      ...(port > 0 ? { port } : {}),
      ...(uploadOnly ? { uploadOnly: true } : {}),
    };
  }
}
