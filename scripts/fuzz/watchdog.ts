/**
 * Watches the input that is being tried from a thread of its own: an endless loop could not be
 * reported by the thread that is in it. Writes the input down and ends the process.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";

const HEAD_BYTES = 8, MAX_INPUT = 256 * 1024, PATIENCE_MS = 60_000, LOOK_MS = 2000;

/** `dir`: where an input that hangs is written. */
export class Watchdog {
  readonly #memory = new SharedArrayBuffer(HEAD_BYTES + MAX_INPUT);
  #count = 0;
  #target = "";
  #name = new Uint8Array(0);
  /** The number of the input that is being tried, 0 for none, and the bytes that it takes. */
  readonly #head = new Int32Array(this.#memory, 0, 2);
  readonly #input = new Uint8Array(this.#memory, HEAD_BYTES);
  readonly #worker = new Worker(import.meta.url, { type: "module" });

  constructor(readonly dir: string) {
    this.#worker.postMessage({ memory: this.#memory, pid: process.pid, dir });
  }

  /** Null: it is done, and nothing is tried. */
  trying(target: string, input: Uint8Array | null): void {
    if (input === null) return void Atomics.store(this.#head, 0, 0);
    if (target !== this.#target) {
      this.#target = target;
      this.#name = new TextEncoder().encode(`${target}\n`);
    }
    const name = this.#name;
    this.#input.set(name);
    this.#input.set(input.subarray(0, MAX_INPUT - name.length), name.length);
    Atomics.store(this.#head, 1, Math.min(MAX_INPUT, name.length + input.length));
    Atomics.store(this.#head, 0, this.#count = 1 + this.#count % 0x7fffffff);
  }

  stop(): void {
    this.#worker.terminate();
  }
}

interface Watched {
  memory: SharedArrayBuffer;
  pid: number;
  dir: string;
}

function watch({ memory, pid, dir }: Watched): void {
  const head = new Int32Array(memory, 0, 2), bytes = new Uint8Array(memory, HEAD_BYTES);
  let last = 0, since = performance.now();
  setInterval(() => {
    const count = Atomics.load(head, 0), now = performance.now();
    if (count !== last || count === 0) last = count, since = now;
    if (now - since < PATIENCE_MS) return;
    const all = bytes.slice(0, head[1]), end = all.indexOf(10);
    const name = new TextDecoder().decode(all.subarray(0, end));
    const file = `${dir}/${name}-hangs.bin`;
    writeFileSync(file, all.subarray(end + 1));
    console.error(
      `FOUND: ${name} hangs for ${PATIENCE_MS / 1000} s; its input is in ${file}\n` +
        `  npm run fuzz -- --target ${name} --file ${file}`,
    );
    process.kill(pid, "SIGKILL");
  }, LOOK_MS);
}

const scope = globalThis as unknown as { onmessage: unknown; WorkerGlobalScope?: unknown };
if (scope.WorkerGlobalScope !== undefined) {
  scope.onmessage = ({ data }: { data: Watched }) => watch(data);
}
