/**
 * Makes the connections of a swarm: dials the peers that the pool chooses, checks those that dial us,
 * and reports to the pool how each connection went.
 */
import type { Clock, Random } from "../platform/types.ts";
import type { Connection } from "../transport/connection.ts";
import type { Dial } from "../transport/dial.ts";
import { ProtocolError } from "../util/errors.ts";
import type { Handshake } from "../wire/handshake.ts";
import { breachOf } from "../peers/breaches.ts";
import { noteSeed, noteTransfer } from "../peers/conduct.ts";
import { OURSELVES } from "../peers/peer_book.ts";
import type { PeerPool } from "../peers/peer_pool.ts";
import type { PoolPeer } from "../peers/pool_peer.ts";
import { OwnId } from "./own_id.ts";
import type { Identity, Member } from "./swarm_types.ts";

export interface ConnectorPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
  readonly pool: PeerPool;
  /** Our part of the handshake with a peer that we dial. */
  handshake(): Handshake;
  /** All slots are taken: ends a useless connection, if there is one, for this newcomer. */
  makeRoom(address: string, port: number): void;
  joined(peer: PoolPeer, connection: Connection): void;
  /** The connections changed outside of a turn. */
  settle(): void;
  unreached(peer: PoolPeer, error: Error): void;
}

export class Connector {
  readonly #ports: ConnectorPorts;
  readonly #pool: PeerPool;
  readonly #ownId: OwnId;

  constructor(ports: ConnectorPorts, identity: Identity) {
    this.#ports = ports;
    this.#pool = ports.pool;
    this.#ownId = new OwnId(ports.random, identity);
  }

  get #now(): number {
    return this.#ports.clock.now();
  }

  /** Dials while the pool has a peer to dial: after new peers, losses and back-offs. */
  dialMore(): void {
    const now = this.#now;
    for (let peer = this.#pool.next(now); peer !== null; peer = this.#pool.next(now)) {
      this.#begin(peer);
    }
  }

  #begin(peer: PoolPeer): void {
    const dialling = this.#ports.dial(peer, this.#ports.handshake(), {
      answered: () => this.#pool.known?.attempts.answered(peer, this.#now),
      connected: (connection) => {
        this.#ports.joined(peer, connection);
        this.#pool.connected(peer, this.#now, connection.theirs.peerId);
        this.#ports.settle();
      },
      failed: (error, info) => {
        const now = this.#now, isOurs = this.#pool.own.isOurs(peer.bytes, peer.port);
        this.#ports.unreached(peer, error);
        this.#pool.connectionClosed(peer, now, { error: true });
        const isSelf = this.#ownId.reachedSelf(error, info, isOurs, now);
        if (isSelf) this.#pool.ban(peer, now, OURSELVES, "endpoint");
        this.dialMore();
      },
    });
    peer.end = () => dialling.cancel();
  }

  /** An incoming connection for this torrent. Closes it if it is not welcome. */
  accept(connection: Connection): void {
    const { theirs: { peerId }, info: { remoteAddress, remotePort } } = connection;
    if (this.#ownId.refuses(connection)) return;
    const replaces = this.#pool.replacesItself(remoteAddress, peerId);
    if (!replaces) this.#ports.makeRoom(remoteAddress, remotePort);
    const peer = this.#pool.incoming(remoteAddress, remotePort, this.#now, peerId);
    if (peer === null) return connection.close();
    this.#ports.joined(peer, connection);
    this.#ports.settle();
  }

  /** The connection ended by itself. */
  closed({ peer, session }: Member, error: Error | null): void {
    const useless = error !== null && session.source.down.total + session.taker.up.total === 0;
    this.#pool.connectionClosed(peer, this.#now, {
      error: useless || error instanceof ProtocolError,
      broke: error !== null,
      breach: breachOf(error),
    });
    this.dialMore();
  }

  /** Adds what a member sent and received since the last time. */
  report(member: Member): void {
    const { session, reported, peer } = member;
    const down = session.source.down.total - reported.down,
      up = session.taker.up.total - reported.up;
    if (up > 0) member.tookAt = this.#now;
    if (up + down > 0) member.movedAt = this.#now;
    reported.down = session.source.down.total;
    reported.up = session.taker.up.total;
    const { known } = this.#pool;
    if (known === null) return;
    noteTransfer(known, peer, down, up);
    noteSeed(known, peer, session.source.have.full);
  }
}
