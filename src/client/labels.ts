/**
 * What the torrents of a label have in common. Nothing is copied into a torrent, so that a change of a
 * label's settings applies to all its torrents.
 */
import { newThrottles, serveAll, setRates, type ThrottlePair } from "../swarm/rate_limits.ts";
import type { AddOptions, LabelSettings, NewTorrent } from "./types.ts";

type Settings = Readonly<Record<string, LabelSettings>>;

const NO_LIMITS = { down: Infinity, up: Infinity };

export class Labels {
  #settings: Settings = {};
  /** Of labels that had limits once: links may still wait there. */
  readonly #throttles = new Map<string, ThrottlePair>();
  /** By a torrent's own labels: its patterns with theirs, the same object as long as all is. */
  #patterns = new WeakMap<readonly string[], { own: unknown; all: readonly string[] }>();

  /** All labels at once. */
  set(settings: Settings, now: number): void {
    this.#settings = settings;
    this.#patterns = new WeakMap();
    for (const label of new Set([...this.#throttles.keys(), ...Object.keys(settings)])) {
      const limits = settings[label]?.limits;
      if (limits === undefined && !this.#throttles.has(label)) continue;
      setRates(this.#pairOf(label), { ...NO_LIMITS, ...limits }, now);
    }
  }

  /** Resumes links that wait for a label's limit. */
  serve(now: number): void {
    for (const pair of this.#throttles.values()) serveAll(pair, now);
  }

  /** The limits that a torrent with these labels shares. */
  throttlesOf({ labels = [] }: Pick<AddOptions, "labels">): ThrottlePair[] {
    const limited = labels.filter((label) => this.#throttles.has(label));
    return limited.map((label) => this.#pairOf(label));
  }

  /** The folder of the first label that has one, for a new torrent without one. */
  placed(options: NewTorrent): AddOptions {
    const { dir = this.#first(options.labels ?? [], "dir") } = options;
    return { ...options, dir: dir as string }; // checked with the other options
  }

  /** The options with those of the torrent's labels, where it has none itself. */
  with(options: AddOptions): AddOptions {
    const { labels = [] } = options;
    if (labels.length === 0) return options;
    const seedGoal = options.seedGoal ?? this.#first(labels, "seedGoal");
    const atGoal = options.atGoal ?? this.#first(labels, "atGoal");
    return {
      ...options,
      ...(seedGoal === undefined ? {} : { seedGoal }),
      ...(atGoal === undefined ? {} : { atGoal }),
      skipFiles: this.#patternsOf(labels, options.skipFiles),
    };
  }

  #patternsOf(labels: readonly string[], own: readonly string[] | undefined): readonly string[] {
    const known = this.#patterns.get(labels);
    if (known !== undefined && known.own === own) return known.all;
    const all = [...own ?? [], ...labels.flatMap((label) => this.#of(label)?.skipFiles ?? [])];
    this.#patterns.set(labels, { own, all });
    return all;
  }

  #first<K extends keyof LabelSettings>(
    labels: readonly string[],
    key: K,
  ): LabelSettings[K] | undefined {
    for (const label of labels) {
      const value = this.#of(label)?.[key];
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Own properties only. */
  #of(label: string): LabelSettings | undefined {
    return Object.hasOwn(this.#settings, label) ? this.#settings[label] : undefined;
  }

  #pairOf(label: string): ThrottlePair {
    let pair = this.#throttles.get(label);
    if (pair === undefined) this.#throttles.set(label, pair = newThrottles());
    return pair;
  }
}
