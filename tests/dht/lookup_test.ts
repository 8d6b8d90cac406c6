import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Candidate, Candidates, MAX_CANDIDATES } from "../../src/dht/candidates.ts";
import { Candidate as CandidateClass } from "../../src/dht/candidates.ts";
import { Lookup, MAX_QUESTIONS, NEAREST, QUESTIONS_AT_ONCE } from "../../src/dht/lookup.ts";
import { compareDistance, randomId, randomIdAt } from "../../src/dht/dht_id.ts";
import type { NodeEntry } from "../../src/dht/krpc.ts";
import { Prng } from "../harness/prng.ts";

const dice = new Prng("lookup");
const OWN = randomId(dice), TARGET = randomId(dice);
const TOKEN = Uint8Array.of(1, 2, 3);

let count = 0;
function nodeAt(bits: number, address?: string): NodeEntry {
  const n = count++;
  const own = `${20 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.9`;
  return { id: randomIdAt(TARGET, bits, dice), address: address ?? own, port: 1000 + (n % 60_000) };
}

/** A look-up of which the test sees every question. */
class Trial {
  readonly asked: Candidate[] = [];
  finished = 0;
  refuse = false;
  readonly lookup: Lookup;

  constructor(rules: { allowed?: (address: string) => boolean; depth?: number } = {}) {
    this.lookup = new Lookup(TARGET, {
      ownId: OWN,
      isAllowed: (_, address) => rules.allowed?.(address) ?? true,
      depth: rules.depth ?? null,
    }, {
      ask: (candidate) => {
        if (!this.refuse) this.asked.push(candidate);
        return !this.refuse;
      },
      finished: () => this.finished++,
    });
  }

  answer(candidate: Candidate, nodes: readonly NodeEntry[] = [], id = candidate.id): string {
    const taken = this.lookup.take(candidate, { id: id ?? randomId(dice), nodes, token: TOKEN });
    this.lookup.resume(0);
    return taken;
  }

  /** Answers everything that is asked, until nothing is. */
  answerAll(nodesOf: (candidate: Candidate) => readonly NodeEntry[]): void {
    for (let i = 0; i < this.asked.length; i++) {
      this.answer(this.asked[i]!, nodesOf(this.asked[i]!));
    }
  }
}

describe("Lookup", () => {
  it("has five questions under way, the nearest first", () => {
    const trial = new Trial();
    const nodes = Array.from({ length: 12 }, (_, n) => nodeAt(n));
    trial.lookup.start(nodes, 0);
    assert.equal(trial.asked.length, QUESTIONS_AT_ONCE);
    const nearest = nodes.toSorted((a, b) => compareDistance(TARGET, a.id, b.id));
    assert.deepEqual(
      trial.asked.map((one) => one.port),
      nearest.slice(0, 5).map((one) => one.port),
    );
    trial.answer(trial.asked[0]!);
    assert.equal(trial.asked.length, QUESTIONS_AT_ONCE + 1);
  });

  it("ends when the eight nearest have answered, without asking farther ones", () => {
    const trial = new Trial();
    trial.lookup.start(Array.from({ length: 20 }, (_, n) => nodeAt(n)), 0);
    trial.answerAll(() => []);
    assert.equal(trial.finished, 1);
    assert.equal(trial.asked.length, NEAREST + QUESTIONS_AT_ONCE - 1);
    const nearest = trial.lookup.nearest();
    assert.deepEqual(nearest, trial.asked.slice(0, NEAREST));
    assert.ok(nearest.every((one) => one.token === TOKEN));
  });

  it("continues with the nearer nodes of each answer", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(0)], 0);
    let bits = 1;
    trial.answerAll(() => bits < 30 ? [nodeAt(bits++), nodeAt(bits++)] : []);
    assert.equal(trial.finished, 1);
    const last = trial.lookup.nearest()[0]!;
    assert.ok(compareDistance(TARGET, last.id!, randomIdAt(TARGET, 28, dice)) < 0);
  });

  it("a slow node delays neither a slot nor the end, but its late answer is used", () => {
    const trial = new Trial();
    trial.lookup.start(Array.from({ length: 20 }, (_, n) => nodeAt(n)), 0);
    const slow = trial.asked.slice(0, 5);
    for (const one of slow) trial.lookup.slow(one, 0);
    assert.equal(trial.asked.length, 2 * QUESTIONS_AT_ONCE);
    assert.equal(trial.answer(slow[0]!), "sound");
    for (const one of trial.asked.slice(5)) trial.answer(one);
    for (let i = 10; i < trial.asked.length; i++) trial.answer(trial.asked[i]!);
    assert.equal(trial.finished, 1);
    assert.equal(trial.lookup.nearest()[0], slow[0]);
    assert.equal(trial.answer(slow[1]!), "late");
  });

  it("waits for the slow ones while too few others have answered", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(1), nodeAt(2)], 0);
    trial.answer(trial.asked[0]!);
    trial.lookup.slow(trial.asked[1]!, 0);
    assert.equal(trial.finished, 0);
    trial.lookup.failed(trial.asked[1]!, 0);
    assert.equal(trial.finished, 1);
  });

  it("ends at once if there is no node to ask", () => {
    const trial = new Trial();
    trial.lookup.start([], 0);
    assert.equal(trial.finished, 1);
    assert.deepEqual(trial.lookup.nearest(), []);
  });

  it("does not count a node that answers under another id than reported", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(5)], 0);
    const told = nodeAt(9);
    assert.equal(trial.answer(trial.asked[0]!, [told], randomId(dice)), "lie");
    assert.equal(trial.asked.length, 1, "nor asks whom it names");
    assert.equal(trial.finished, 1);
    assert.deepEqual(trial.lookup.nearest(), []);
  });

  it("learns the id of a node that it knows by its address alone, and asks it first", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(9), { id: null, address: "30.1.1.1", port: 6881 }], 0);
    assert.equal(trial.asked[0]!.address, "30.1.1.1");
    const id = randomIdAt(TARGET, 3, dice);
    assert.equal(trial.answer(trial.asked[0]!, [], id), "sound");
    trial.answer(trial.asked[1]!);
    assert.deepEqual(trial.lookup.nearest().map((one) => one.address)[1], "30.1.1.1");
  });

  it("takes eight nodes out of one answer, the nearest", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(0)], 0);
    trial.answer(trial.asked[0]!, Array.from({ length: 32 }, (_, n) => nodeAt(n)));
    assert.equal(trial.lookup.candidateCount, 1 + 8);
  });

  it("asks two nodes of one /24, others only if these fail", () => {
    const trial = new Trial();
    const crowd = Array.from({ length: 6 }, (_, n) => nodeAt(20 + n, `99.9.9.${n + 1}`));
    trial.lookup.start([...crowd, nodeAt(1), nodeAt(2)], 0);
    const ofCrowd = () => trial.asked.filter((one) => one.address.startsWith("99.")).length;
    assert.equal(ofCrowd(), 2);
    trial.lookup.failed(trial.asked[0]!, 0);
    assert.equal(ofCrowd(), 3);
    for (const one of trial.asked.slice(1)) trial.answer(one);
    for (let i = 0; i < trial.asked.length; i++) trial.answer(trial.asked[i]!);
    assert.equal(ofCrowd(), 3);
    assert.equal(trial.finished, 1);
  });

  it("asks any number of nodes on a local network, but only if a neighbour reports them", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(0)], 0);
    const local = Array.from({ length: 5 }, (_, n) => nodeAt(n + 1, `10.0.0.${n + 1}`));
    trial.answer(trial.asked[0]!, local);
    assert.equal(trial.asked.length, 1);
    const atHome = new Trial();
    atHome.lookup.start([nodeAt(0, "10.0.0.99")], 0);
    atHome.answer(atHome.asked[0]!, local);
    assert.equal(atHome.asked.length, 1 + 5);
  });

  it("does not believe ids nearer than any can be, unless BEP 42 ties them to the address", () => {
    const trial = new Trial({ depth: 10, allowed: (address) => address.startsWith("20.") });
    trial.lookup.start([nodeAt(0)], 0);
    const plausible = nodeAt(15, "90.1.1.1"), tooNear = nodeAt(25, "90.2.1.1"), tied = nodeAt(25);
    trial.answer(trial.asked[0]!, [plausible, tooNear, tied]);
    assert.deepEqual(
      trial.asked.slice(1).map((one) => one.address).sort(),
      [plausible.address, tied.address].sort(),
    );
  });

  it("is not ended by eight nodes whose ids BEP 42 does not allow", () => {
    const trial = new Trial({ allowed: (address) => address.startsWith("20.") });
    const forged = Array.from({ length: 8 }, (_, n) => nodeAt(20, `90.${n}.1.1`));
    const honest = Array.from({ length: 8 }, () => nodeAt(8));
    trial.lookup.start([...forged, ...honest], 0);
    trial.answerAll(() => []);
    const nearest = trial.lookup.nearest();
    assert.equal(nearest.filter((one) => one.allowed).length, 6, "8 = 8 / 4 + 6");
    assert.equal(nearest.filter((one) => !one.allowed).length, 4);
  });

  it("ends in a network where no node follows BEP 42", () => {
    const trial = new Trial({ allowed: () => false });
    trial.lookup.start(Array.from({ length: 60 }, () => nodeAt(3)), 0);
    trial.answerAll(() => []);
    assert.equal(trial.finished, 1);
    assert.ok(trial.asked.length <= 4 * NEAREST + QUESTIONS_AT_ONCE, `${trial.asked.length}`);
    assert.equal(trial.lookup.nearest().length, NEAREST);
  });

  it("stops after 100 queries, with a bounded list", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(0)], 0);
    let bits = 1;
    trial.answerAll(() => {
      assert.ok(trial.lookup.candidateCount <= MAX_CANDIDATES);
      return Array.from({ length: 8 }, () => nodeAt(Math.min(150, bits++ >> 3)));
    });
    for (const one of trial.asked) trial.lookup.failed(one, 0);
    assert.equal(trial.finished, 1);
    assert.ok(trial.asked.length <= MAX_QUESTIONS);
  });

  it("never asks us", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(0)], 0);
    trial.answer(trial.asked[0]!, [{ ...nodeAt(0), id: OWN }]);
    assert.equal(trial.asked.length, 1);
  });

  it("continues after it could not send", () => {
    const trial = new Trial();
    trial.refuse = true;
    trial.lookup.start([nodeAt(0)], 0);
    assert.equal(trial.asked.length + trial.finished, 0);
    trial.refuse = false;
    trial.lookup.resume(1);
    assert.equal(trial.asked.length, 1);
  });

  it("stop() ends it once; nothing is asked or used after that", () => {
    const trial = new Trial();
    trial.lookup.start([nodeAt(0), nodeAt(1)], 0);
    trial.lookup.stop(0);
    trial.lookup.stop(0);
    assert.equal(trial.finished, 1);
    assert.equal(trial.answer(trial.asked[0]!, [nodeAt(5)]), "late");
    assert.equal(trial.asked.length, 2);
  });
});

describe("Candidates", () => {
  it("drops the farthest that was not asked when it is full", () => {
    const list = new Candidates(TARGET);
    const far = new CandidateClass(nodeAt(0).id, nodeAt(0));
    list.add(far);
    for (let n = 0; n < MAX_CANDIDATES - 1; n++) {
      const { id, ...at } = nodeAt(2);
      list.add(new CandidateClass(id, at));
    }
    const near = nodeAt(30), farther = nodeAt(0);
    assert.equal(list.add(new CandidateClass(near.id, near)), true);
    assert.equal(list.size, MAX_CANDIDATES);
    assert.equal(list.has(far), false);
    const worse = { ...farther, id: far.id! };
    assert.equal(list.add(new CandidateClass(worse.id, worse)), false);
  });

  it("a claim does not displace the node that already has the id", () => {
    const list = new Candidates(TARGET);
    const node = nodeAt(9), claim = { ...nodeAt(9), id: node.id };
    const first = new CandidateClass(node.id, node);
    assert.equal(list.add(first), true);
    assert.equal(list.add(new CandidateClass(claim.id, claim)), false);
    list.setState(first, 4);
    assert.equal(list.add(new CandidateClass(claim.id, claim)), true, "unless that one failed");
    assert.equal(list.size, 1);
  });
});
