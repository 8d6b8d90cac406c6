/**
 * Peer exchange of one torrent (BEP 11): tells each member, once a minute at most, who came and who
 * went since it was told last, and takes what members tell. Never made for a private torrent.
 * Invariant: what a member was told and what it must still be told add up to who is connected.
 */
import { ProtocolError } from "../util/errors.ts";
import {
  formatEndpoint,
  isPrivateOrLocal,
  isUsablePeer,
  type PeerAddress,
} from "../util/compact_address.ts";
import { decodePex, encodePex, MAX_PEX_PEERS, type PexPeer } from "../wire/ut_pex.ts";

const INTERVAL_MS = 60_000;
/** Clocks and networks are not exact: a message that is this much early is taken. */
const SLACK_MS = 5000;
/** So many early messages in a minute end the connection, as in other clients. */
const MAX_EARLY = 6;
/** A member's word counts for so many peers at once, until it says that some are gone. */
const MAX_TOLD_BY_ONE = 200;
/** Ports that belong to the system's services; whoever names them may want us to knock there. */
const FIRST_PEER_PORT = 1024;

/** Takes one member's messages and gives the peers in them that may be tried. */
export class PexInbox {
  /** Early messages and peers beyond what may be told. */
  ignored = 0;
  readonly #fromLocal: boolean;
  readonly #told = new Set<string>();
  #heardAt = -Infinity;
  #early = 0;

  /** `address`: of the member. Only one on a local network can know local addresses. */
  constructor(address: string) {
    this.#fromLocal = isPrivateOrLocal(address);
  }

  /**
   * Peers that were not told before, one per public address. Their flags are hearsay: good for choosing
   * what to try first, never for ruling a peer out. Throws a ProtocolError at a flood or nonsense.
   */
  receive(payload: Uint8Array, now: number): PexPeer[] {
    if (now - this.#heardAt < INTERVAL_MS - SLACK_MS) {
      this.ignored++;
      if (++this.#early >= MAX_EARLY) {
        throw new ProtocolError("pex-flood", "The peer sends too many peer exchange messages");
      }
      return [];
    }
    this.#heardAt = now;
    this.#early = 0;
    const { added, dropped, surplus } = decodePex(payload);
    this.ignored += surplus;
    for (const peer of dropped) this.#told.delete(formatEndpoint(peer));
    const hosts = new Set<string>();
    return added.filter((peer) => {
      const good = this.#isCredible(peer) && !hosts.has(peer.address) && this.#note(peer);
      // At home, or in a test, many peers may well share one address.
      if (good && !isPrivateOrLocal(peer.address)) hosts.add(peer.address);
      else this.ignored++;
      return good;
    });
  }

  #isCredible(peer: PexPeer): boolean {
    if (!isUsablePeer(peer) || peer.port < FIRST_PEER_PORT) return false;
    return this.#fromLocal || !isPrivateOrLocal(peer.address);
  }

  #note(peer: PexPeer): boolean {
    const key = formatEndpoint(peer);
    if (this.#told.has(key) || this.#told.size >= MAX_TOLD_BY_ONE) return false;
    this.#told.add(key);
    return true;
  }
}

export interface PexPort<M> {
  /** The payload of an ut_pex message for a member. */
  send(member: M, payload: Uint8Array): void;
}

interface PexMember {
  /** Whether it is on this machine or a local network. */
  readonly local: boolean;
  /** Where it listens and what it can; null while that is not known. */
  contact: PexPeer | null;
  /** The contact's end point, as long as others may be told of it. */
  key: string | null;
  /** A contact with a local address, which means nothing to somebody far away. */
  contactIsLocal: boolean;
  speaks: boolean;
  spokeAt: number;
  /** The state of the membership that it was told all of. */
  version: number;
  /** Who it was told is here, by end point. */
  readonly told: Map<string, PeerAddress>;
}

/** Tells members about each other. */
export class PexOutbox<M> {
  readonly #port: PexPort<M>;
  readonly #members = new Map<M, PexMember>();
  /** Those whom others may be told of, by end point. */
  readonly #here = new Map<string, PexMember>();
  #version = 0;

  constructor(port: PexPort<M>) {
    this.#port = port;
  }

  /**
   * Somebody at this address is connected. `contact` null: where it listens is not known, so nobody
   * is told of it.
   */
  joined(member: M, address: string, contact: PexPeer | null): void {
    const state: PexMember = {
      local: isPrivateOrLocal(address),
      contact: null,
      key: null,
      contactIsLocal: false,
      speaks: false,
      spokeAt: -Infinity,
      version: -1,
      told: new Map(),
    };
    this.#members.set(member, state);
    this.#setContact(state, contact);
  }

  /** What its extension handshake says; may come again. */
  update(member: M, contact: PexPeer | null, speaksPex: boolean): void {
    const state = this.#members.get(member);
    if (state === undefined) return;
    this.#setContact(state, contact);
    state.speaks = speaksPex;
  }

  left(member: M): void {
    const state = this.#members.get(member);
    if (state !== undefined) this.#setContact(state, null);
    this.#members.delete(member);
  }

  /** Every second or so: sends what is due. */
  tick(now: number): void {
    for (const [member, state] of this.#members) {
      const due = state.speaks && state.version !== this.#version &&
        now - state.spokeAt >= INTERVAL_MS;
      if (due) this.#tell(member, state, now);
    }
  }

  #setContact(state: PexMember, contact: PexPeer | null): void {
    const key = contact !== null && isUsablePeer(contact) ? formatEndpoint(contact) : null;
    state.contact = contact;
    if (key === state.key) return;
    if (state.key !== null && this.#here.get(state.key) === state) this.#here.delete(state.key);
    state.key = key;
    if (key !== null) {
      state.contactIsLocal = isPrivateOrLocal(contact!.address);
      this.#here.set(key, state);
    }
    this.#version++;
  }

  /** Says nothing when there is nothing new for this one. */
  #tell(member: M, state: PexMember, now: number): void {
    const dropped = this.#leavers(state);
    const added = this.#newcomers(state);
    const full = dropped.length === MAX_PEX_PEERS || added.length === MAX_PEX_PEERS;
    if (!full) state.version = this.#version;
    if (added.length + dropped.length === 0) return;
    state.spokeAt = now;
    this.#port.send(member, encodePex({ added, dropped }));
  }

  #leavers(state: PexMember): PeerAddress[] {
    const dropped: PeerAddress[] = [];
    for (const [key, peer] of state.told) {
      if (dropped.length >= MAX_PEX_PEERS) break;
      if (this.#here.has(key)) continue;
      dropped.push(peer);
      state.told.delete(key);
    }
    return dropped;
  }

  #newcomers(state: PexMember): PexPeer[] {
    const added: PexPeer[] = [];
    for (const [key, { contact, contactIsLocal }] of this.#here) {
      if (added.length >= MAX_PEX_PEERS) break;
      if (key === state.key || state.told.has(key) || (contactIsLocal && !state.local)) continue;
      added.push(contact!);
      state.told.set(key, contact!);
    }
    return added;
  }
}
