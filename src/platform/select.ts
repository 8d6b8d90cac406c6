/** The only place that checks which runtime this is. */
import { createBunPlatform } from "./bun/platform.ts";
import { createDenoPlatform } from "./deno/platform.ts";
import type { Platform } from "./types.ts";

export { socketFromStream } from "./shared/stream_socket.ts";

let selected: Platform | null = null;

/** The platform of this process; always the same one. */
export function selectPlatform(): Platform {
  return selected ??= create();
}

function create(): Platform {
  // Bun first: libraries define a fake `Deno` on other runtimes, but never a fake `Bun`.
  if ("Bun" in globalThis) return createBunPlatform();
  if ("Deno" in globalThis) return createDenoPlatform();
  throw new Error("shoal runs on Deno or Bun; this is neither");
}
