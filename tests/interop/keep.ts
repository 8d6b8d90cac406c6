/** Programs that end when the test does, however the test ends. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { python } from "./needs.ts";
import type { Program } from "./program.ts";
import type { Scene } from "./scene.ts";

/** The Python scripts of this folder. */
export const scripts = join(dirname(fileURLToPath(import.meta.url)), "peers");

/** Starts a program of others that does not end by itself when its input ends. */
export function keep(scene: Scene, command: readonly string[]): Program {
  return scene.start([python, "-B", join(scripts, "keeper.py"), ...command]);
}
