/** The modules of a daemon, in the order in which they start. */
import type { StartModule } from "./daemon.ts";

export const MODULES: readonly StartModule[] = [];
