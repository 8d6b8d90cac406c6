/** Bytes that the process holds after its garbage was collected: comparable from one moment to another. */
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

export async function liveMemory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { heapUsed, external } = process.memoryUsage();
  // Bun counts what stands outside of its heap in both.
  return "Bun" in globalThis ? heapUsed : heapUsed + external;
}

function collectGarbage(): void {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return Bun.gc(true);
  v8.setFlagsFromString("--expose-gc");
  vm.runInNewContext("gc")();
}
