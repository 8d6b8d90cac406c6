/** The routing table: bounded, only nodes in use that have answered, one place for an address. */
import { SPARES } from "../../../src/dht/bucket.ts";
import { BUCKET_NODES, MAX_BUCKETS, RoutingTable } from "../../../src/dht/routing_table.ts";
import { placeOf } from "../../../src/dht/table_node.ts";
import { isPrivateOrLocal } from "../../../src/util/compact_address.ts";
import {
  commonPrefixLength,
  compareDistance,
  networkOf,
  randomIdAt,
} from "../../../src/dht/dht_id.ts";
import type { NodeEntry } from "../../../src/dht/krpc.ts";
import { fromLatin1, toHex } from "../../../src/util/bytes.ts";
import { Prng } from "../../../tests/harness/prng.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine, sha1 } from "../target.ts";

const dice = new Prng("table");
const OWN = sha1(fromLatin1("own"));
/** Mostly in few buckets, or none would ever be full. */
const IDS = [
  OWN,
  ...Array.from({ length: 63 }, (_, n) => randomIdAt(OWN, [0, 5, 6, 6, 7, 60, 158][n % 7]!, dice)),
];
const FIRST_BUCKETS = [128, 64, 32, 16];

function addressOf(n: number): string {
  if (n < 40) return `20.${n >> 1}.0.${n}`;
  if (n < 48) return `2001:db8:${n >> 1}::${n}`;
  return n < 56 ? `10.0.0.${n}` : "127.0.0.1";
}

class TableLife {
  now = 0;
  table = new RoutingTable(OWN, (id) => (id[19]! & 1) === 0);
  readonly #answered = new Set<string>();
  #pings = 0;

  step(events: EventReader): void {
    const kind = events.below(12), node = this.#node(events);
    if (kind < 5) this.#answer(events, node);
    else if (kind < 7) this.table.heardFrom(node, this.now);
    else if (kind < 9) this.table.failed(events.flag() ? node : { ...node, id: null }, this.now);
    else if (kind === 9) this.now += events.stepMs();
    else if (kind === 10) this.#upkeep();
    else if (events.below(16) === 0) this.#moveOn();
    this.#check(node.id);
  }

  #node(events: EventReader): NodeEntry {
    const address = addressOf(events.below(64));
    return { id: events.pick(IDS), address, port: 1000 + (events.byte() & 3) };
  }

  #answer(events: EventReader, node: NodeEntry): void {
    this.#answered.add(keyOf(node));
    this.table.answered(node, events.byte(), this.now);
  }

  #upkeep(): void {
    const node = this.table.nextToPing(this.now);
    if (node !== null) {
      this.#pings++;
      const next = this.table.nextToPing(this.now);
      check(next !== node, "nobody is pinged twice at once");
    }
    const index = this.table.nextToRefresh(this.now);
    if (index !== null) check(this.table.nextToRefresh(this.now) !== index, "refreshed once");
  }

  /** Another own id: all nodes move to a new table. */
  #moveOn(): void {
    const before = this.table.size;
    const next = new RoutingTable(OWN, () => true);
    next.adopt(this.table);
    check(next.size <= before + this.table.spareCount, "nobody is made up by moving");
    this.table = next;
  }

  #check(target: Uint8Array): void {
    const sizes = this.table.sizes(), nodes = this.table.nodes();
    check(sizes.length <= MAX_BUCKETS, "buckets are bounded");
    sizes.forEach((size, i) => check(size <= (FIRST_BUCKETS[i] ?? BUCKET_NODES), "bucket's size"));
    check(nodes.length === this.table.size, "sizes add up");
    const { spareCount } = this.table;
    check(spareCount >= 0 && spareCount <= SPARES * sizes.length, "spares are bounded");
    const places = new Set<string>(), networks = new Set<string>();
    for (const node of nodes) {
      check(this.#answered.has(keyOf(node)), "who is in use has answered");
      check(!places.has(placeOf(node)), "an address has one place");
      places.add(placeOf(node));
      const prefix = commonPrefixLength(OWN, node.id);
      check(prefix < 160, "we are not in our own table");
      if (isPrivateOrLocal(node.address)) continue;
      const network = `${Math.min(MAX_BUCKETS - 1, prefix)} ${networkOf(node.address)}`;
      check(!networks.has(network), "a bucket has one node of a network");
      networks.add(network);
    }
    const near = this.table.closest(target, 8);
    check(near.length <= 8 && near.every((node) => node.good), "eight good ones at most");
    for (let i = 1; i < near.length; i++) {
      check(compareDistance(target, near[i - 1]!.id, near[i]!.id) <= 0, "nearest first");
    }
  }

  get word(): string {
    const { size, spareCount } = this.table;
    return `${about(size)}/${about(spareCount)}/${about(this.#pings)}/${this.table.sizes().length}`;
  }
}

function keyOf({ id, address, port }: NodeEntry): string {
  return `${toHex(id)} ${address} ${port}`;
}

export function dhtTableTargets(): FuzzTarget[] {
  return [
    machine("dht-table", (bytes) => {
      const events = new EventReader(bytes), life = new TableLife();
      while (events.more) life.step(events);
      return life.word;
    }),
  ];
}
