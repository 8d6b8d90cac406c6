/** The choker: never more unchoked than there are slots, and no peer waits beside a free one. */
import { Choker, type ChokerPeer } from "../../../src/swarm/choker.ts";
import { HandRandom } from "../../../tests/harness/random.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine } from "../target.ts";

const MOST_PEERS = 24;

class Peer implements ChokerPeer {
  upload = { length: 0 };
  choking = true;
  peerInterested = true;
  snubbed = false;
  stuck = false;
  readonly down = { rate: 0, total: 0 };
  readonly up = { rate: 0, total: 0 };
  readonly have = { count: 0 };
  unchokedAt = 0;
  asks = true;

  constructor(readonly connectedAt: number, readonly told: { changes: number }) {}

  setChoking(choking: boolean, now: number): void {
    if (this.choking === choking) return;
    this.choking = choking;
    this.unchokedAt = now;
    this.told.changes++;
  }

  wastesTurns(now: number, busy: boolean): boolean {
    return !this.asks && now - this.unchokedAt >= (busy ? 5000 : 2000);
  }
}

function live(events: EventReader): string {
  const slots = events.below(6), seats = slots + 1, told = { changes: 0 };
  const choker = new Choker<Peer>(new HandRandom(events.byte()), slots), peers: Peer[] = [];
  let now = 0, seeding = false;
  const served = () => peers.filter((peer) => !peer.choking);
  const free = () => {
    choker.useFreeSlots(peers, seeding, now);
    const interested = peers.filter((peer) => peer.peerInterested);
    const count = interested.filter((peer) => !peer.choking).length;
    if (count === interested.length) return;
    check(count <= seats, "while somebody waits, no more are served than there are seats");
    check(count === seats, "nobody waits beside an empty seat");
  };
  while (events.more) {
    const kind = events.below(9), peer = events.pickOf(peers);
    if (kind === 0 && peers.length < MOST_PEERS) peers.push(new Peer(now, told));
    else if (kind === 1 && peer !== undefined) {
      peers.splice(peers.indexOf(peer), 1);
      choker.forget(peer);
    } else if (kind === 2 && peer !== undefined) peer.peerInterested = events.flag();
    else if (kind === 3 && peer !== undefined) {
      peer.down.total += peer.down.rate = events.byte() << 10;
      if (!peer.choking) peer.up.total += events.byte() << 10;
    } else if (kind === 4 && peer !== undefined) {
      [peer.snubbed, peer.asks] = [events.flag(), events.flag()];
    } else if (kind === 5) seeding = events.flag();
    else if (kind === 6) free();
    else {
      now += events.stepMs();
      const before = told.changes;
      choker.recalculateUnchoke(peers, seeding, now);
      check(served().length <= seats, "a round serves no more than there are seats");
      check(told.changes - before <= peers.length, "a round decides once about each");
      const waiting = peers.filter((one) => one.peerInterested && one.choking);
      check(waiting.length === 0 || served().length === seats, "a round leaves no seat empty");
      choker.tick(peers, seeding, now);
    }
  }
  return `${slots} ${about(peers.length)} ${about(told.changes)} ${seeding}`;
}

export function chokerTargets(): FuzzTarget[] {
  return [machine("choker", (bytes) => live(new EventReader(bytes)))];
}
