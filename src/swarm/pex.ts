/**
 * Peer exchange of one torrent (BEP 11): reports to each member, at most once a minute, which peers
 * connected and left since the last report, and processes the members' reports. Never made for a
 * private torrent. Invariant: the reports sent to a member and its pending changes add up to the
 * connected peers.
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
/** Clocks and networks are inexact: a message that is this much early is accepted. */
const SLACK_MS = 5000;
/** This many early messages in a minute end the connection, as in other clients. */
const MAX_EARLY = 6;
/** The most peers accepted from a member, until it reports that some left. */
const MAX_TOLD_BY_ONE = 200;
/** Ports of system services; a peer that reports them may want us to attack them. */
const FIRST_PEER_PORT = 1024;

/** Processes one member's messages and returns their usable peers. */
export class PexInbox {
  /** Early messages and peers beyond the bound. */
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
   * Newly reported peers, one per public address. Their flags are hearsay: useful for the order of
   * attempts, never for ruling a peer out. Throws a ProtocolError for floods and nonsense.
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
      // At home, or in a test, many peers may share one address.
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
  /** Its listening port and abilities; null while unknown. */
  contact: PexPeer | null;
  /** The contact's end point, if it may be reported to others. */
  key: string | null;
  /** A contact with a local address, which is meaningless to remote peers. */
  contactIsLocal: boolean;
  speaks: boolean;
  spokeAt: number;
  /** The state of the membership that was completely reported to it. */
  version: number;
  /** The peers reported to it as connected, by end point. */
  readonly told: Map<string, PeerAddress>;
}

/** Reports members to each other. */
export class PexOutbox<M> {
  readonly #port: PexPort<M>;
  readonly #members = new Map<M, PexMember>();
  /** Reportable members, by end point. */
  readonly #here = new Map<string, PexMember>();
  #version = 0;

  constructor(port: PexPort<M>) {
    this.#port = port;
  }

  /**
   * A peer at this address is connected. `contact` null: its listening port is unknown, so it is
   * not reported.
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

  /** The contents of its extension handshake; may be called again. */
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

  /** Every second or so: sends the reports that are due. */
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

  /** Sends nothing if there is no news for this member. */
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
