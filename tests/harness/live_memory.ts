/** The bytes that the process holds after a garbage collection, comparable between two moments. */
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

export async function liveMemory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { heapUsed, external } = process.memoryUsage();
  // Bun counts memory outside its heap in both.
  return "Bun" in globalThis ? heapUsed : heapUsed + external;
}

/** The least of several measurements: running work, such as saving, takes memory temporarily. */
export async function memoryAtRest(looks = 12): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < looks; look++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    least = Math.min(least, await liveMemory());
  }
  return least;
}

function collectGarbage(): void {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return Bun.gc(true);
  v8.setFlagsFromString("--expose-gc");
  vm.runInNewContext("gc")();
}
