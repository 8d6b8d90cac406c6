/** Look-ups with their transactions, and a whole node under datagrams: bounded, and always over. */
import type { Candidate } from "../../../src/dht/candidates.ts";
import { MAX_CANDIDATES } from "../../../src/dht/candidates.ts";
import { Lookup, MAX_QUESTIONS, QUESTIONS_AT_ONCE } from "../../../src/dht/lookup.ts";
import { DhtNode } from "../../../src/dht/node.ts";
import { Querier } from "../../../src/dht/querier.ts";
import { createEd25519 } from "../../../src/platform/shared/ed25519.ts";
import type { PeerAddress } from "../../../src/util/compact_address.ts";
import { randomId, randomIdAt } from "../../../src/dht/dht_id.ts";
import { decodeKrpc, encodeResponse, type NodeEntry } from "../../../src/dht/krpc.ts";
import { fromLatin1 } from "../../../src/util/bytes.ts";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { Prng } from "../../../tests/harness/prng.ts";
import { HandRandom } from "../../../tests/harness/random.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine, sha1 } from "../target.ts";

const dice = new Prng("search");
const OWN = randomId(dice), TARGET = randomId(dice), CLIENT = fromLatin1("SH01");
const NODES: NodeEntry[] = Array.from({ length: 200 }, (_, n) => ({
  id: randomIdAt(TARGET, n % 40, dice),
  address: n % 9 === 0 ? `10.1.${n}.1` : n % 11 === 0 ? `2001:db8:${n}::1` : `30.${n >> 1}.0.${n}`,
  port: 2000 + n,
}));
const MAX_PENDING = 12;
const crc32c = await createCrc32c();

interface Question {
  to: PeerAddress;
  t: Uint8Array;
}

class SearchLife {
  now = 0;
  finished = 0;
  lies = 0;
  readonly #open: Question[] = [];
  readonly #querier = new Querier({
    random: new HandRandom("search"),
    send: (bytes, to) => void this.#open.push({ to, t: decodeKrpc(bytes).t }),
    client: CLIENT,
    readOnly: false,
    limits: { max: MAX_PENDING },
  });
  readonly #lookup: Lookup;

  constructor(depth: number | null) {
    const isAllowed = (id: Uint8Array) => (id[19]! & 1) === 0;
    this.#lookup = new Lookup(TARGET, { ownId: OWN, isAllowed, depth }, {
      ask: (candidate) => this.#ask(candidate),
      finished: () => this.finished++,
    });
  }

  start(events: EventReader): void {
    const nodes = Array.from({ length: 1 + events.below(12) }, () => events.pick(NODES));
    const blind = events.below(3);
    this.#lookup.start(nodes.map((node, i) => i < blind ? { ...node, id: null } : node), this.now);
  }

  step(events: EventReader): void {
    const kind = events.below(8), question = events.pickOf(this.#open);
    if (kind === 0) this.#pass(events.stepMs());
    else if (kind === 1 && events.below(32) === 1) this.#lookup.stop(this.now);
    else if (question !== undefined) this.#answer(question, events);
    this.#check();
  }

  /** Once no node answers any more, it ends soon. */
  end(): void {
    for (let i = 0; i < 60 && !this.#lookup.over; i++) this.#pass(1000);
    check(this.#lookup.over, "a search comes to its end");
    this.#pass(6000);
    this.#pass(6000);
    check(this.#querier.pending === 0, "no question waits for ever");
    this.#check();
  }

  #pass(ms: number): void {
    this.now += ms;
    this.#querier.expire(this.now);
    this.#lookup.resume(this.now);
  }

  #ask(candidate: Candidate): boolean {
    check(!this.#lookup.over, "nobody is asked behind the end");
    const question = { method: "find_node", target: TARGET, want: null } as const;
    return this.#querier.ask(candidate, OWN, question, {
      answered: (message) => {
        if (message.kind === "error") return this.#lookup.failed(candidate, this.now);
        const { id, nodes, token } = message;
        const taken = this.#lookup.take(candidate, { id, nodes, token });
        if (taken === "lie") this.lies++;
        this.#lookup.resume(this.now);
      },
      slow: (now) => this.#lookup.slow(candidate, now),
      gaveUp: (now) => this.#lookup.failed(candidate, now),
    }, this.now);
  }

  #answer({ to, t }: Question, events: EventReader): void {
    const how = events.byte();
    const honest = NODES.find((node) => node.address === to.address)!.id;
    const id = how % 16 === 1 ? events.pick(NODES).id : honest;
    const nodes = Array.from({ length: how >> 4 }, () => events.pick(NODES));
    const from = how % 16 === 2 ? events.pick(NODES) : to;
    const message = decodeKrpc(encodeResponse({
      t: how % 16 === 3 ? new Uint8Array(2) : t,
      id,
      nodes: nodes.filter(({ address }) => !address.includes(":")),
      client: CLIENT,
      ownEndpoint: from,
    }));
    if (message.kind === "query") throw new Error("A response is no query");
    this.#querier.settle(message, from, this.now);
  }

  #check(): void {
    const { asked, candidateCount, over } = this.#lookup;
    check(asked <= MAX_QUESTIONS, "questions of a search are bounded");
    check(candidateCount <= MAX_CANDIDATES + QUESTIONS_AT_ONCE, "candidates are bounded");
    check(this.#querier.pending <= MAX_PENDING, "questions under way are bounded");
    check(this.finished === Number(over), "it ends once");
    check(this.#lookup.nearest().length <= 12, "the nearest are few");
    if (this.#open.length > 200) this.#open.splice(0, 100);
  }

  get word(): string {
    const { asked, candidateCount } = this.#lookup;
    return `${about(asked)}/${about(candidateCount)}/${about(this.lies)}/${
      about(this.#lookup.nearest().length)
    }`;
  }
}

function wholeNode(bytes: Uint8Array): string {
  const events = new EventReader(bytes), sent: { bytes: Uint8Array; to: PeerAddress }[] = [];
  let now = 0, done = 0, begun = 0, found = 0;
  const node = new DhtNode(
    {
      random: new HandRandom("node"),
      hasher: { digest: (_, bytes) => sha1(bytes) },
      ed25519: createEd25519(),
      crc32c,
      send: (datagram, to) => void sent.push({ bytes: datagram, to }),
    },
    { client: CLIENT, limits: { flood: { buckets: 16 }, transactions: { max: 40 } } },
    now,
  );
  for (const at of NODES.slice(0, 20)) node.addNode(at);
  while (events.more) {
    const kind = events.below(6), last = events.pickOf(sent.slice(-16));
    if (kind === 0) node.tick(now += events.stepMs());
    else if (kind === 1 && begun < 8) {
      begun++;
      const handlers = {
        onPeers: (peers: unknown[]) => found += peers.length,
        onDone: () => done++,
      };
      if (events.flag()) node.getPeers(TARGET, handlers, now);
      else node.announce(TARGET, { port: 6881 }, handlers, now);
    } else if (kind === 2) {
      node.receive(events.take(events.below(100)), events.pick(NODES), now);
    } else if (last !== undefined) node.receive(replyTo(last, events), last.to, now);
    if (sent.length > 400) sent.splice(0, 300);
    const { exceptions, lastException, pending } = node.stats();
    if (exceptions > 0) throw lastException;
    check(pending <= 40, "questions under way are bounded");
  }
  for (let i = 0; i < 400 && done < begun; i++) node.tick(now += 1000);
  check(done === begun, "every search comes to its end, once");
  const { received, malformed, unsolicited } = node.stats();
  return `${about(received)}/${about(malformed)}/${about(unsolicited)}/${begun}/${about(found)}`;
}

/** A response to what was sent last, with some of its bytes changed. */
function replyTo(
  { bytes, to }: { bytes: Uint8Array; to: PeerAddress },
  events: EventReader,
): Uint8Array {
  const values = Array.from({ length: events.below(5) }, () => events.pick(NODES))
    .filter(({ address }) => !address.includes(":"));
  const answer = encodeResponse({
    t: decodeKrpc(bytes).t,
    id: (NODES.find((node) => node.address === to.address) ?? NODES[0]!).id,
    nodes: values,
    values,
    token: fromLatin1("token"),
    client: CLIENT,
    ownEndpoint: { address: "198.51.100.4", port: 7 },
  });
  for (let i = events.below(4); i > 0; i--) answer[events.below(answer.length)] = events.byte();
  return answer;
}

export function dhtSearchTargets(): FuzzTarget[] {
  return [
    machine("dht-lookup", (bytes) => {
      const events = new EventReader(bytes);
      const life = new SearchLife(events.pick([null, 3, 20]));
      life.start(events);
      while (events.more) life.step(events);
      life.end();
      return life.word;
    }, 800),
    machine("dht-node", wholeNode, 400),
  ];
}
