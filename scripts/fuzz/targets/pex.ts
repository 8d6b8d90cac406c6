/**
 * Peer exchange both ways: what a member is told adds up to who is here, never twice, once a
 * minute at most; what members tell is bounded and can be dialled.
 */
import {
  formatEndpoint,
  isPrivateOrLocal,
  isUsablePeer,
} from "../../../src/util/compact_address.ts";
import { decodePex, encodePex, MAX_PEX_PEERS, type PexPeer } from "../../../src/wire/ut_pex.ts";
import { PexInbox, PexOutbox } from "../../../src/swarm/pex.ts";
import { ProtocolError } from "../../../src/util/errors.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine } from "../target.ts";

const MEMBERS = 90;
const MINUTE = 60_000;

interface Member {
  readonly name: number;
  readonly address: string;
  contact: PexPeer | null;
  speaks: boolean;
  spokenAt: number;
  readonly knows: Set<string>;
}

function addressOf(n: number): string {
  if (n % 7 === 0) return `10.0.0.${n}`;
  return n % 5 === 0 ? `2001:db8::${n}` : `9.0.0.${n}`;
}

class OutboxLife {
  now = 0;
  messages = 0;
  readonly #members = new Map<number, Member>();
  readonly #outbox = new PexOutbox<Member>({
    send: (member, payload) => this.#hear(member, payload),
  });

  step(events: EventReader): void {
    const kind = events.below(8), name = events.below(MEMBERS), member = this.#members.get(name);
    if (kind < 4 && member === undefined) this.#join(name, events.byte());
    else if (kind < 3 && member !== undefined) this.#update(member, events.byte());
    else if (kind === 3 && member !== undefined) {
      this.#outbox.left(member);
      this.#members.delete(name);
    } else if (kind === 4) { for (let n = name; n < MEMBERS; n++) this.#join(n, events.byte()); }
    else this.#outbox.tick(this.now += events.stepMs());
  }

  #join(name: number, bits: number): void {
    if (this.#members.has(name)) return;
    const member: Member = {
      name,
      address: addressOf(name),
      contact: this.#contact(name, bits),
      speaks: false,
      spokenAt: -Infinity,
      knows: new Set(),
    };
    this.#members.set(name, member);
    this.#outbox.joined(member, member.address, member.contact);
    this.#update(member, bits >> 2);
  }

  /** End points are unique: of two members at one the pool keeps one. */
  #contact(name: number, bits: number): PexPeer | null {
    if ((bits & 3) === 0) return null;
    return {
      address: addressOf(name),
      port: (bits & 3) === 1 ? 0 : 7000 + (bits & 3),
      flags: bits,
    };
  }

  #update(member: Member, bits: number): void {
    member.contact = this.#contact(member.name, bits);
    member.speaks = (bits & 12) !== 0;
    this.#outbox.update(member, member.contact, member.speaks);
  }

  #hear(member: Member, payload: Uint8Array): void {
    const { added, dropped, surplus } = decodePex(payload);
    check(surplus === 0 && added.length <= MAX_PEX_PEERS, "a message is bounded");
    check(added.length + dropped.length > 0, "nobody is told nothing");
    check(this.#members.get(member.name) === member && member.speaks, "who is told is here");
    check(this.now - member.spokenAt >= MINUTE, "once a minute at most");
    member.spokenAt = this.now;
    for (const peer of dropped) check(member.knows.delete(formatEndpoint(peer)), "it was told of");
    for (const peer of added) {
      check(!member.knows.has(formatEndpoint(peer)), "nobody is told of twice");
      check(peer.address !== member.address, "nobody is told of itself");
      member.knows.add(formatEndpoint(peer));
    }
    this.messages++;
  }

  /** After some quiet minutes all members that support it know exactly the connected peers. */
  end(): void {
    for (let i = 0; i < 8; i++) this.#outbox.tick(this.now += MINUTE);
    const here = [...this.#members.values()].filter(({ contact }) => {
      return contact !== null && isUsablePeer(contact);
    });
    for (const member of this.#members.values()) {
      if (!member.speaks) continue;
      const local = isPrivateOrLocal(member.address);
      const expected = here.filter((other) => {
        return other !== member && (local || !isPrivateOrLocal(other.address));
      });
      check(member.knows.size === expected.length, "it knows as many as there are");
      for (const { contact } of expected) {
        check(member.knows.has(formatEndpoint(contact!)), "it knows who is here");
      }
    }
  }

  get word(): string {
    return `${about(this.#members.size)}/${about(this.messages)}`;
  }
}

function inbox(events: EventReader): string {
  const inbox = new PexInbox(events.pick(["9.9.9.9", "10.0.0.1"]));
  let now = 0, told = 0;
  while (events.more) {
    now += events.stepMs();
    const peers = Array.from({ length: events.below(51) }, () => {
      const n = events.byte();
      return { address: addressOf(n), port: n === 3 ? 80 : 6881 + (n & 3), flags: n };
    });
    const dropped = peers.slice(0, events.below(8));
    const payload = encodePex({ added: peers, dropped });
    for (let i = events.below(3); i > 0; i--) payload[events.below(payload.length)] = events.byte();
    let taken: PexPeer[];
    try {
      taken = inbox.receive(payload, now);
    } catch (error) {
      if (error instanceof ProtocolError && error.code === "pex-flood") throw error;
      if (!(error instanceof ProtocolError)) throw error;
      continue;
    }
    check(taken.length <= MAX_PEX_PEERS, "a message is bounded");
    for (const peer of taken) check(isUsablePeer(peer) && peer.port >= 1024, "it can be dialled");
    told += taken.length;
  }
  return `${about(told)}/${about(inbox.ignored)}`;
}

export function pexTargets(): FuzzTarget[] {
  return [
    machine("pex-outbox", (bytes) => {
      const events = new EventReader(bytes), life = new OutboxLife();
      while (events.more) life.step(events);
      life.end();
      return life.word;
    }, 400),
    machine("pex-inbox", (bytes) => inbox(new EventReader(bytes))),
  ];
}
