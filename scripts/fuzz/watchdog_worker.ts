/** The watchdog's thread: see watchdog.ts. */
import { writeFileSync } from "node:fs";
import process from "node:process";

const PATIENCE_MS = 60_000, LOOK_MS = 2000;

/** Both arrays lie in memory that is shared with the thread that tries inputs. */
export interface Watched {
  /** The number of the input that is being tried, 0 for none, and the bytes that it takes. */
  head: Int32Array;
  /** The target's name, a line end, the input. */
  input: Uint8Array;
  pid: number;
  dir: string;
}

function watch({ head, input, pid, dir }: Watched): void {
  let last = 0, since = performance.now();
  setInterval(() => {
    const count = Atomics.load(head, 0), now = performance.now();
    if (count !== last || count === 0) last = count, since = now;
    if (now - since < PATIENCE_MS) return;
    const all = input.slice(0, head[1]), end = all.indexOf(10);
    const name = new TextDecoder().decode(all.subarray(0, end));
    const file = `${dir}/${name}-hangs.bin`;
    writeFileSync(file, all.subarray(end + 1));
    // The other thread is in the way of a console's words.
    writeFileSync(
      2,
      `FOUND: ${name} hangs for ${PATIENCE_MS / 1000} s; its input is in ${file}\n` +
        `  npm run fuzz -- --target ${name} --file ${file}\n`,
    );
    process.kill(pid, "SIGKILL");
  }, LOOK_MS);
}

const scope = globalThis as unknown as {
  onmessage(event: { data: Watched }): void;
  postMessage(message: string): void;
};
scope.onmessage = ({ data }) => {
  watch(data);
  scope.postMessage("ready");
};
