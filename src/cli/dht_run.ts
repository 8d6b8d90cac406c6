/**
 * The run of `shoal dht`: a client with only a DHT node. It is read-only (BEP 43), as it ends again
 * within seconds. Results are printed as they arrive; a terminal also shows the progress.
 */
import type { DhtSettings } from "../client/types.ts";
import type { Dht } from "../dht/dht.ts";
import type { Clock } from "../platform/types.ts";
import type { CliContext } from "./command.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, NobodyError } from "./errors.ts";
import { type Interrupt, repeat, watchInterrupt, within } from "./interrupt.ts";
import { formatCount } from "./render/format.ts";
import { segment } from "./render/line.ts";
import { LiveScreen } from "./render/live_screen.ts";
import { TICK_MS } from "./render/reporter.ts";
import { liveTerminal } from "./render/terminal.ts";
import { safeJson } from "./render/text.ts";
import { openState, type StateChoice } from "./state_folder.ts";

/** The progress line appears after this time; most answers arrive sooner. */
const QUIET_MS = 1000;
/** After this time without an answer, the DHT is unreachable. */
const JOIN_LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 100;
const CLOSE_LIMIT_MS = 2500;

export interface DhtRequest {
  /** Nodes to begin with: "host:port". */
  bootstrap: readonly string[];
  state: StateChoice;
  json: boolean;
}

/** The tools of the parts of `shoal dht`. */
export interface DhtRun {
  readonly context: CliContext;
  readonly dht: Dht;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Prints one result: `text` for people (whole lines), `data` with --json. */
  tell(text: string, data: Readonly<Record<string, unknown>>): void;
  /** The current progress, for the terminal. */
  doing(what: () => string): void;
}

/** Resolves to the exit code. Rejects with the errors of `work` and of opening the client. */
export async function runDht(
  context: CliContext,
  request: DhtRequest,
  work: (run: DhtRun) => Promise<void>,
): Promise<number> {
  const { platform, output } = context;
  const voice = new Voice(context, request.json);
  const interrupt = watchInterrupt(platform, () => {
    voice.close();
    return output.flush();
  });
  const settings: DhtSettings = { bootstrap: request.bootstrap, readOnly: true };
  try {
    // Nodes of earlier runs only speed up the start, so a missing state folder needs no warning.
    const { stateDir } = openState(platform, request.state);
    const client = await context.openClient(platform, {
      port: -1,
      lsd: false,
      dht: settings,
      ...(stateDir === null ? {} : { stateDir }),
    });
    try {
      await orInterrupted(work(runOf(context, client.dht, interrupt, voice)), interrupt);
    } finally {
      voice.close();
      await within(platform.clock, CLOSE_LIMIT_MS, client.close());
    }
    return interrupt.requested ? EXIT_INTERRUPTED : EXIT_DONE;
  } finally {
    voice.close();
    interrupt.release();
  }
}

/** Waits until a node has answered. Rejects with a NobodyError if none does. */
export async function join({ context, dht, signal, doing }: DhtRun): Promise<void> {
  const { clock } = context.platform;
  doing(() => "Joining the DHT");
  const deadline = clock.now() + JOIN_LIMIT_MS;
  while (countNodes(dht) === 0 && !signal.aborted) {
    if (clock.now() >= deadline) {
      throw new NobodyError(
        "No DHT node answers; try another one with --dht-bootstrap HOST:PORT",
      );
    }
    await pause(clock, LOOK_EVERY_MS);
  }
}

/** Waits until the table stops growing and no search is running, but at most `limitMs`. */
export async function settle(run: DhtRun, limitMs: number): Promise<void> {
  const { context: { platform: { clock } }, dht, signal } = run;
  run.doing(() => `Getting to know the DHT: ${formatCount(countNodes(dht), "node")}`);
  const deadline = clock.now() + limitMs;
  let nodes = -1, sinceWhen = clock.now();
  while (clock.now() < deadline && !signal.aborted) {
    const busy = dht.stats().overlays.some(({ searches }) => {
      return searches.running + searches.waiting > 0;
    });
    if (busy || countNodes(dht) !== nodes) sinceWhen = clock.now();
    nodes = countNodes(dht);
    if (clock.now() - sinceWhen >= 2000) return;
    await pause(clock, LOOK_EVERY_MS);
  }
}

/** Of all families. */
export function countNodes(dht: Dht): number {
  return dht.stats().overlays.reduce((sum, { nodes }) => sum + nodes, 0);
}

/** After Ctrl-C the result does not matter and is not awaited. */
async function orInterrupted(work: Promise<void>, interrupt: Interrupt): Promise<void> {
  work.catch(() => {});
  await Promise.race([work, interrupt.asked]);
}

function runOf(context: CliContext, dht: Dht | null, interrupt: Interrupt, voice: Voice): DhtRun {
  if (dht === null) throw new NobodyError("The DHT is off");
  return {
    context,
    dht,
    signal: interrupt.signal,
    tell: (text, data) => voice.tell(text, data),
    doing: (what) => voice.doing(what),
  };
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

class Voice {
  readonly #context: CliContext;
  readonly #json: boolean;
  readonly #screen: LiveScreen | null;
  readonly #ticking: { cancel(): void };
  #what: () => string = () => "Opening a port";
  #drawn = false;

  constructor(context: CliContext, json: boolean) {
    const { process, clock } = context.platform;
    this.#context = context;
    this.#json = json;
    const terminal = json ? null : liveTerminal(process);
    this.#screen = terminal && new LiveScreen(context.output, terminal);
    const startedAt = clock.now();
    this.#ticking = repeat(clock, TICK_MS, () => {
      const seconds = Math.floor((clock.now() - startedAt) / 1000);
      if (seconds * 1000 >= QUIET_MS) this.#draw(`${this.#what()} (${seconds} s)`);
    });
  }

  tell(text: string, data: Readonly<Record<string, unknown>>): void {
    const { output } = this.#context;
    if (this.#json) output.line(safeJson(data));
    else if (this.#drawn) this.#screen!.print(text);
    else output.line(text);
  }

  doing(what: () => string): void {
    this.#what = what;
  }

  close(): void {
    this.#ticking.cancel();
    this.#screen?.close();
    this.#drawn = false;
  }

  #draw(text: string): void {
    if (this.#screen === null) return;
    this.#drawn = true;
    this.#screen.draw([[segment(text)]]);
  }
}
