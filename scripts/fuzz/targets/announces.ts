/** Which tracker is announced to when: once at a time, never too often, never without end. */
import { AnnouncePolicy, type PolicyTracker } from "../../../src/tracker/announce_policy.ts";
import { HandRandom } from "../../../tests/harness/random.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine } from "../target.ts";

/** Seconds: what a tracker says is taken within these, and 1800 where it says nothing. */
const GAP = { min: 5, usual: 1800, max: 86_400 };

interface Tracker extends PolicyTracker {
  /** The event of the announce under way. */
  event: string | null;
  underWay: boolean;
  started: boolean;
  completions: number;
  notBefore: number;
}

class PolicyLife {
  now = 0;
  orders = 0;
  readonly #trackers: Tracker[];
  readonly #policy: AnnouncePolicy<Tracker>;
  #stopped = false;

  constructor(events: EventReader) {
    const tiers = Array.from({ length: 1 + events.below(3) }, () => {
      return Array.from({ length: events.below(4) }, (): Tracker => ({
        scheme: events.pick(["http", "udp", "https"]),
        host: `host${events.below(3)}`,
        event: null,
        underWay: false,
        started: false,
        completions: 0,
        notBefore: -Infinity,
      }));
    });
    this.#trackers = tiers.flat();
    const options = { oneAtATime: events.flag(), independentTiers: events.flag() };
    this.#policy = new AnnouncePolicy(tiers, new HandRandom(events.byte()), options);
  }

  step(events: EventReader): void {
    const kind = events.below(9);
    const tracker = events.pickOf(this.#trackers.filter(({ underWay }) => underWay));
    if (kind < 3 && tracker !== undefined) this.#answer(tracker, events);
    else if (kind === 3 && tracker !== undefined) this.#fail(tracker, events);
    else if (kind === 4) this.#policy.hurry();
    else if (kind === 5 && events.below(4) === 0) this.#policy.completed(this.now);
    else if (kind === 6 && events.below(32) === 0) this.#stop();
    else this.now += events.stepMs();
    this.#tick();
  }

  #tick(): void {
    for (const { tracker, event } of this.#policy.tick(this.now)) {
      check(!this.#stopped, "nothing is announced behind the end");
      check(!tracker.underWay, "a tracker is asked once at a time");
      check(
        this.now >= tracker.notBefore || event === "completed",
        "never below the least interval",
      );
      check(tracker.started === (event !== "started"), "a tracker sees started first, and once");
      tracker.underWay = true;
      tracker.event = event;
      this.orders++;
    }
    const next = this.#policy.nextDeadline(this.now);
    check(next > this.now, "what is due was done: else it would be asked for without end");
    const view = this.#policy.view(this.now);
    check(view.length === this.#trackers.length, "no tracker is lost");
    this.#policy.failing(this.now);
  }

  #answer(tracker: Tracker, events: EventReader): void {
    const seconds = [null, 0, -5, 30, 1800, 1e12];
    const interval = events.pick(seconds), minInterval = events.pick(seconds);
    const answer = { interval, minInterval, peers: events.below(4) };
    this.#policy.answered(tracker, this.now, answer, events.flag());
    if (tracker.event === "completed") check(++tracker.completions === 1, "completed is told once");
    tracker.underWay = false;
    tracker.started = true;
    const demanded = minInterval ?? interval ?? GAP.usual;
    tracker.notBefore = this.now + Math.min(Math.max(demanded, GAP.min), GAP.max) * 1000;
  }

  #fail(tracker: Tracker, events: EventReader): void {
    const retryInMs = events.pick([0, 0, 1000, 7_200_000, Infinity]);
    this.#policy.failed(tracker, this.now, retryInMs);
    tracker.underWay = false;
    tracker.notBefore = this.now + Math.max(retryInMs, GAP.min * 1000);
  }

  #stop(): void {
    for (const tracker of this.#policy.stop()) {
      check(tracker.started || tracker.underWay, "only who saw the start hears of the end");
    }
    this.#stopped = true;
  }

  get word(): string {
    return `${this.#trackers.length}/${about(this.orders)}/${about(this.now)}/${this.#stopped}`;
  }
}

export function announceTargets(): FuzzTarget[] {
  return [
    machine("announce-policy", (bytes) => {
      const events = new EventReader(bytes), life = new PolicyLife(events);
      while (events.more) life.step(events);
      return life.word;
    }),
  ];
}
