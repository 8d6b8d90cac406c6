/**
 * The hooks that are to be called, a few at a time. Programs count as called once they run, URLs once
 * they have answered; what is not called when the daemon ends is called by the next one.
 */
import type { Timer } from "../../platform/types.ts";
import type { Log } from "../log.ts";
import type { HookSetting } from "../options.ts";
import { type CallPorts, keyOf, post, RETRY_MS, runProgram } from "./hook_call.ts";
import type { HookFacts } from "./hook_facts.ts";

const MOST_AT_ONCE = 4, MOST_WAITING = 1000;
/** What running programs have for their end before they are told to. */
const PATIENCE_MS = 2000;

export interface HookCall {
  readonly hook: HookSetting;
  readonly facts: HookFacts;
  /** It need not be called again. */
  done(): void;
}

export interface QueuePorts extends CallPorts {
  readonly log: Log;
  /** There is much room again. */
  hasRoom(): void;
}

export class HookQueue {
  readonly #ports: QueuePorts;
  readonly #waiting: { call: HookCall; tries: number }[] = [];
  /** Those that wait, run, or will be tried again. */
  readonly #active = new Set<string>();
  readonly #retries = new Set<Timer>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #closed = false;

  constructor(ports: QueuePorts) {
    this.#ports = ports;
  }

  /** False if it has no room; no effect for a call that it has. */
  add(call: HookCall): boolean {
    const name = nameOf(call);
    if (this.#active.has(name)) return true;
    if (this.#active.size >= MOST_WAITING || this.#closed) return false;
    this.#active.add(name);
    this.#wait(call, 0);
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
    for (const timer of this.#retries) timer.cancel();
    const timer = this.#ports.clock.after(PATIENCE_MS, () => this.#abort.abort());
    await Promise.all(this.#running);
    timer.cancel();
  }

  #wait(call: HookCall, tries: number): void {
    this.#waiting.push({ call, tries });
    this.#pump();
  }

  #pump(): void {
    while (this.#running.size < MOST_AT_ONCE && !this.#closed) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const run: Promise<void> = this.#run(next.call, next.tries).finally(() => {
        this.#running.delete(run);
        this.#pump();
        if (this.#active.size < MOST_WAITING / 2 && !this.#closed) this.#ports.hasRoom();
      });
      this.#running.add(run);
    }
  }

  async #run(call: HookCall, tries: number): Promise<void> {
    const { hook: { argv, url }, facts } = call, { signal } = this.#abort;
    const log = this.#ports.log.torrent(facts.infoHash);
    if (argv !== undefined) {
      await runProgram(this.#ports, argv, facts, { log, signal, started: () => call.done() });
      this.#active.delete(nameOf(call));
    } else {
      await this.#post(call, url ?? "", tries, log);
    }
  }

  async #post(call: HookCall, url: string, tries: number, log: Log): Promise<void> {
    const outcome = await post(this.#ports, url, call.facts, { log, signal: this.#abort.signal });
    const retryMs = RETRY_MS[tries];
    if (outcome === "failed" && (retryMs !== undefined || this.#closed)) {
      if (!this.#closed) this.#later(call, tries + 1, retryMs!);
      return;
    }
    if (outcome !== "called") log.error("A hook is given up", { event: call.facts.event });
    call.done();
    this.#active.delete(nameOf(call));
  }

  #later(call: HookCall, tries: number, ms: number): void {
    const timer = this.#ports.clock.after(ms, () => {
      this.#retries.delete(timer);
      this.#wait(call, tries);
    });
    this.#retries.add(timer);
  }
}

function nameOf({ hook, facts: { infoHash, event } }: HookCall): string {
  return `${infoHash} ${event} ${keyOf(hook)}`;
}
