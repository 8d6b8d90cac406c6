/** The events of a world: a running hash that distinguishes two runs, and the faults by name. */
import { createHash } from "node:crypto";

const KEPT_LINES = 2000;
/** Lines hashed at once: a call for each would be a third of a large swarm's time. */
const HASHED_LINES = 256;

export class EventLog {
  readonly #hash = createHash("sha1");
  readonly #faults = new Map<string, number>();
  #recent: string[] = [];
  #unhashed = "";
  #count = 0;

  add(line: string): void {
    this.#unhashed += line + "\n";
    if (this.#count % HASHED_LINES === 0) this.#hashLines();
    this.#count++;
    this.#recent.push(line);
    if (this.#recent.length >= 2 * KEPT_LINES) this.#recent = this.#recent.slice(-KEPT_LINES);
  }

  /** Lines so far. */
  get count(): number {
    return this.#count;
  }

  /** The last lines, oldest first: at least 2000 of them if there were that many. */
  recent(): readonly string[] {
    return this.#recent;
  }

  /** Of all lines so far, in hexadecimal. */
  digest(): string {
    this.#hashLines();
    return this.#hash.copy().digest("hex");
  }

  #hashLines(): void {
    this.#hash.update(this.#unhashed);
    this.#unhashed = "";
  }

  /** Counts an injected fault. */
  fault(name: string): void {
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
  }

  faults(name: string): number {
    return this.#faults.get(name) ?? 0;
  }

  allFaults(): ReadonlyMap<string, number> {
    return this.#faults;
  }
}
