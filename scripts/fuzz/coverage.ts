/**
 * Which parts of `src` have run, by the engine's own coverage (node:inspector, on V8 and on JSC).
 * Taking it costs a millisecond, running with it next to nothing: so it is taken for many inputs
 * at once, and only where they brought something new are they told apart.
 */
import { Session } from "node:inspector";

const MAX_SHAPES = 200;

interface Range {
  startOffset: number;
  endOffset: number;
  count: number;
}

interface Script {
  url: string;
  functions: { ranges: Range[] }[];
}

/** What of each function has run: 1 for each of its characters that did. */
export type Seen = Map<string, { ran: Uint8Array; shapes: Set<string> }>;

export class Coverage {
  /** What taking it costs, in milliseconds: more with every function that has run. */
  takeMs = 1;
  readonly #session = new Session();

  /** Null where the runtime has no such thing. */
  static async start(): Promise<Coverage | null> {
    const coverage = new Coverage();
    try {
      coverage.#session.connect();
      await coverage.#post("Profiler.enable");
      await coverage.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
      await coverage.forget();
      return coverage;
    } catch {
      return null;
    }
  }

  async stop(): Promise<void> {
    await this.#post("Profiler.stopPreciseCoverage");
    await this.#post("Profiler.disable");
    this.#session.disconnect();
  }

  /** Code that ran so far belongs to no input. */
  async forget(): Promise<void> {
    await this.#take();
  }

  /** Whether anything ran since the last call that is not in `seen`. `learn`: it is from now on. */
  async isNew(seen: Seen, learn: boolean): Promise<boolean> {
    let fresh = false;
    for (const { url, functions } of await this.#take()) {
      if (!url.includes("/src/")) continue;
      for (const { ranges } of functions) if (look(seen, url, ranges, learn)) fresh = true;
    }
    return fresh;
  }

  async #take(): Promise<Script[]> {
    const startedAt = performance.now();
    const { result } = await this.#post("Profiler.takePreciseCoverage") as { result: Script[] };
    this.takeMs += (performance.now() - startedAt - this.takeMs) / 4;
    return result;
  }

  #post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#session.post(
        method,
        params,
        (error, result) => error ? reject(error) : resolve(result),
      );
    });
  }
}

function look(seen: Seen, url: string, ranges: readonly Range[], learn: boolean): boolean {
  const { startOffset, endOffset, count } = ranges[0]!;
  if (count === 0) return false;
  const key = `${url} ${startOffset} ${endOffset}`;
  let known = seen.get(key);
  // Most are reported in the same shape again and again.
  const shape = ranges.map((range) => `${range.startOffset}${range.count > 0 ? "+" : "-"}`).join();
  if (known?.shapes.has(shape)) return false;
  // Inner ranges come behind those around them.
  const ran = new Uint8Array(endOffset - startOffset);
  for (const range of ranges) {
    const from = range.startOffset - startOffset, to = range.endOffset - startOffset;
    ran.fill(Number(range.count > 0), from, to);
  }
  const fresh = ran.some((byte, i) => byte > (known?.ran[i] ?? 0));
  if (fresh && !learn) return true;
  if (known === undefined) seen.set(key, known = { ran, shapes: new Set() });
  else ran.forEach((byte, i) => known!.ran[i]! |= byte);
  if (known.shapes.size < MAX_SHAPES) known.shapes.add(shape);
  return fresh;
}
