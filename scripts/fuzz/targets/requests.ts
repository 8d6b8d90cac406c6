/** What is asked of a peer and what a peer asks of us, each beside a plain list that says the same. */
import { RequestWindow } from "../../../src/swarm/peer/request_window.ts";
import {
  MAX_QUEUED_REQUESTS,
  UploadQueue,
  type UploadRequest,
} from "../../../src/swarm/peer/upload_queue.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine } from "../target.ts";

const BLOCK = 16384;
const LATE_MS = 60_000;

function queue(events: EventReader): string {
  const queue = new UploadQueue();
  let model: UploadRequest[] = [], refused = 0, most = 0;
  const request = () => {
    return { piece: events.below(3), begin: events.below(8) * BLOCK, length: BLOCK };
  };
  const same = (a: UploadRequest, b: UploadRequest) => a.piece === b.piece && a.begin === b.begin;
  while (events.more) {
    const kind = events.below(8), one = request();
    if (kind < 3) {
      for (let i = events.byte(); i >= 0; i -= 4) {
        const taken = queue.push(one.piece, one.begin + i * BLOCK, one.length);
        check(taken === model.length < MAX_QUEUED_REQUESTS, "it is full at its bound alone");
        if (taken) model.push({ ...one, begin: one.begin + i * BLOCK });
        else refused++;
      }
    } else if (kind === 3) {
      const at = model.findIndex((other) => same(other, one));
      check(
        queue.cancel(one.piece, one.begin, one.length) === at >= 0,
        "what waits can be cancelled",
      );
      if (at >= 0) model.splice(at, 1);
    } else if (kind === 4) {
      const next = queue.next(), expected = model.shift();
      check(next?.begin === expected?.begin && next?.piece === expected?.piece, "in order");
    } else if (kind === 5) {
      const run = queue.run(16);
      check(run.length <= 16 && run.length <= model.length, "a run is no longer than the queue");
      queue.skip(run.length);
      model = model.slice(run.length);
    } else if (kind === 6) {
      const dropped = queue.drop(({ piece }) => piece === one.piece).length;
      const kept = model.filter(({ piece }) => piece !== one.piece);
      check(dropped === model.length - kept.length, "what is dropped is gone");
      model = kept;
    } else if (events.below(8) === 0) {
      check(queue.clear().length === model.length, "all is given back");
      model = [];
    }
    check(
      queue.length === model.length && queue.length <= MAX_QUEUED_REQUESTS,
      "the same requests",
    );
    most = Math.max(most, model.length);
  }
  return `${about(most)}/${about(refused)}/${about(model.length)}`;
}

interface Asked {
  piece: number;
  block: number;
  live: boolean;
  at: number;
}

/** A window and the list of what was asked through it. */
class WindowLife {
  readonly #window = new RequestWindow();
  #asked: Asked[] = [];
  #now = 0;
  #next = 0;
  #most = 0;
  #snubs = 0;
  #released = 0;

  step(events: EventReader): void {
    const kind = events.below(12),
      window = this.#window,
      one = events.pickOf(this.#asked.slice(0, 64));
    if (kind < 3) this.#askAll();
    else if (kind < 6) this.#answer(one, events.below(8) > 0);
    else if (kind === 6 && one !== undefined) this.#refuse(one);
    else if (kind === 7 && one !== undefined) {
      window.giveUp(one.piece, one.block);
      this.#lapse(one.piece, one.block);
    } else if (kind === 8) this.#release(events.flag());
    else if (kind === 9) window.setReqq(events.pick([0, 1, 50, 1e9]));
    else if (kind === 10) {
      window.setShare(Infinity, false, null, events.pick([0, 1, 100, Infinity]));
    } else this.#pass(events);
    this.#check();
  }

  #askAll(): void {
    const { size, outstanding } = this.#window;
    for (let i = outstanding; i < size; i++) {
      const asked = { piece: this.#next >> 4, block: this.#next++ & 15, live: true, at: this.#now };
      this.#window.push(asked.piece, asked.block, this.#now);
      this.#asked.push(asked);
    }
    this.#most = Math.max(this.#most, this.#window.outstanding);
  }

  #answer(one: Asked | undefined, whole: boolean): void {
    if (one === undefined) {
      check(this.#window.take(99_999, 0, this.#now) === null, "what was never asked is no answer");
      return;
    }
    const took = this.#window.take(one.piece, one.block, this.#now);
    check(took === one.live, "it tells what counts from what came late");
    this.#asked.splice(this.#asked.indexOf(one), 1);
    if (!whole) return;
    this.#window.blockCame(this.#now, one.live);
  }

  #refuse(one: Asked): void {
    check(this.#window.rejected(one.piece, one.block) === one.live, "a refusal of what counts");
    this.#asked.splice(this.#asked.indexOf(one), 1);
  }

  #release(lostOnly: boolean): void {
    const release = (piece: number, block: number) => {
      this.#released++;
      check(this.#lapse(piece, block), "what is given up counted before");
    };
    if (lostOnly) this.#window.trim(release, release);
    else this.#window.releaseAll(release, (piece) => piece % 3 === 0);
  }

  #lapse(piece: number, block: number): boolean {
    const one = this.#asked.find((each) =>
      each.piece === piece && each.block === block && each.live
    );
    if (one !== undefined) one.live = false;
    return one !== undefined;
  }

  #pass(events: EventReader): void {
    this.#now += events.stepMs();
    if (this.#window.tick(this.#now, events.byte() << 16)) this.#snubs++;
    this.#asked = this.#asked.filter(({ live, at }) => live || this.#now - at <= LATE_MS);
  }

  #check(): void {
    const { outstanding, size } = this.#window;
    check(outstanding === this.#asked.filter(({ live }) => live).length, "the same requests count");
    check(Number.isInteger(size) && size >= 0 && size <= 4096, "the window is bounded");
  }

  get word(): string {
    return `${about(this.#most)}/${about(this.#snubs)}/${about(this.#released)}`;
  }
}

export function requestTargets(): FuzzTarget[] {
  return [
    machine("upload-queue", (bytes) => queue(new EventReader(bytes))),
    machine("request-window", (bytes) => {
      const events = new EventReader(bytes), life = new WindowLife();
      while (events.more) life.step(events);
      return life.word;
    }),
  ];
}
